"""GuardDuty findings in: read and checked before the long work, and kept beside the case."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import obstore
from pyspark.sql import DataFrame

from jobs.cli.arguments import NOT_GIVEN, Arguments
from jobs.errors import BadInput
from jobs.storage.object_store import open_store, place_of
from jobs.storage.whole_objects import (
    NotThere,
    StorageFailed,
    TooLarge,
    read_bytes,
    write_bytes,
)
from transforms.finding.claim import ClaimAnswer, claim_columns, judge, sightings
from transforms.finding.envelope import MAX_BYTES, BadFinding
from transforms.finding.guardduty import Finding, default_window, read_finding
from transforms.window import Window


class FindingFile(NamedTuple):
    """A file of findings: its bytes as read, and what they say of one instance."""

    uri: str
    data: bytes
    finding: Finding

    @property
    def sha256(self) -> str:
        """Hex, over the bytes as read."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def copy_name(self) -> str:
        """The name of the copy in the case's folder."""
        return "finding.json.gz" if self.data.startswith(b"\x1f\x8b") else "finding.json"

    def described(self) -> dict[str, object]:
        """As it stands in the manifest."""
        finding = self.finding
        times = {"first_seen": finding.first_seen, "last_seen": finding.last_seen}
        return {
            "uri": self.uri,
            "sha256": self.sha256,
            "copy": self.copy_name,
            "ids": list(finding.ids),
            "types": list(finding.types),
            "is_sample": finding.is_sample,
            "findings_of_others": finding.others,
            "launch_at": finding.launch_at,
            **times,
        }


def read_finding_file(uri: str, instance_id: str | None = None) -> FindingFile:
    """The findings at a URI, a file or `s3://…`; raises BadInput with every problem."""
    try:
        data = read_bytes(uri, MAX_BYTES)
        return FindingFile(uri, data, read_finding(data, instance_id))
    except NotThere:
        raise BadInput(
            [f"--finding {uri}: found nothing there; expected a GuardDuty finding; check the path"]
        ) from None
    except TooLarge as error:
        raise BadInput([f"--finding {uri}: {error.reason}; cut the file"]) from error
    except StorageFailed as error:
        raise BadInput([f"--finding {uri}: {error.reason}; check the file"]) from error
    except BadFinding as bad:
        raise BadInput([f"--finding {uri}: {problem}" for problem in bad.problems]) from bad


def settled(arguments: Arguments, found: FindingFile, now: datetime) -> Arguments:
    """The arguments with what the finding says where nothing else was asked for.

    Raises BadInput when the finding has no times and they were not given either.
    """
    given = arguments.window
    from_at, to_at = given.from_at, given.to_at
    if NOT_GIVEN in (from_at, to_at):
        try:
            first, last = default_window(found.finding, now)
        except BadFinding as bad:
            raise BadInput([f"--finding {found.uri}: {p}" for p in bad.problems]) from bad
        from_at = first if from_at == NOT_GIVEN else from_at
        to_at = last if to_at == NOT_GIVEN else to_at
    window = Window(from_at, to_at, given.slack)
    if to_at <= from_at:
        raise BadInput(
            [f"--finding {found.uri}: found an empty window, {window}; give --from, --to"]
        )
    return replace(arguments, window=window, instance_ids=(found.finding.instance_id,))


def keep_copy(case_uri: str, found: FindingFile | None) -> None:
    """Put the finding beside the tables, byte by byte; take away that of an earlier run."""
    place = place_of(case_uri)
    store = open_store(place.bucket)
    for name in ("finding.json", "finding.json.gz"):
        path = f"{place.path}/{name}"
        if found is not None and found.copy_name == name:
            write_bytes(f"{case_uri}/{name}", found.data)
            continue
        try:
            obstore.delete(store, path)
        except FileNotFoundError:
            pass  # there was none


def answer_claims(
    flows: DataFrame, found: FindingFile | None, window: Window, coverage: str | None = None
) -> tuple[ClaimAnswer, ...]:
    """What the flows of the subject say of each claim of the finding; one Spark job."""
    if found is None or not found.finding.claims:
        return ()
    claims = found.finding.claims
    first = found.finding.first_seen or window.from_at
    last = found.finding.last_seen or window.to_at
    columns = claim_columns(claims, int(first.timestamp()), int(last.timestamp()))
    counted = flows.where("role IS NOT NULL").agg(*columns).first()
    if counted is None:
        return ()
    return tuple(
        judge(claim, seen, window=window, first_seen=first, last_seen=last, coverage=coverage)
        for claim, seen in zip(claims, sightings(claims, counted.asDict()), strict=True)
    )
