"""GuardDuty findings in: read and checked before the long work, and kept beside the case."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from transforms.finding.copies import COPY_NAMES, copy_name_of
from transforms.finding.guardduty import Finding
from transforms.finding.json_text import MAX_BYTES, BadFinding
from transforms.finding.read import default_window, read_finding, read_findings
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
        return copy_name_of(self.data)

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
            "severity": str(finding.severity) if finding.severity else None,
            "is_sample": finding.is_sample,
            "findings_of_others": finding.others,
            "launch_at": finding.launch_at,
            **times,
        }


def read_finding_file(uri: str, instance_id: str | None = None) -> FindingFile:
    """The findings at a URI, a file or `s3://…`; raises BadInput with every problem."""
    with _problems_of(uri):
        data = read_bytes(uri, MAX_BYTES)
        return FindingFile(uri, data, read_finding(data, instance_id))


def read_finding_files(uri: str, instance_ids: Sequence[str]) -> tuple[FindingFile, ...]:
    """The same for each instance in it, or for the chosen ones; as a watch-list needs it."""
    with _problems_of(uri):
        data = read_bytes(uri, MAX_BYTES)
        return tuple(FindingFile(uri, data, each) for each in read_findings(data, instance_ids))


@contextmanager
def _problems_of(uri: str) -> Iterator[None]:
    """Turn whatever is wrong with a file of findings into BadInput."""
    try:
        yield
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


def settled(arguments: Arguments, found: Sequence[FindingFile], now: datetime) -> Arguments:
    """The arguments with what the findings say where nothing else was asked for.

    The window of several instances holds that of each. Raises BadInput when a finding has no times
    and they were not given either.
    """
    given, uri = arguments.window, found[0].uri
    from_at, to_at = given.from_at, given.to_at
    if NOT_GIVEN in (from_at, to_at):
        with _problems_of(uri):
            windows = [default_window(each.finding, now) for each in found]
        from_at = min(first for first, _ in windows) if from_at == NOT_GIVEN else from_at
        to_at = max(last for _, last in windows) if to_at == NOT_GIVEN else to_at
    window = Window(from_at, to_at, given.slack)
    if to_at <= from_at:
        raise BadInput([f"--finding {uri}: found an empty window, {window}; give --from, --to"])
    instance_ids = tuple(each.finding.instance_id for each in found)
    return replace(arguments, window=window, instance_ids=instance_ids)


def keep_copy(case_uri: str, found: FindingFile | None) -> None:
    """Put the finding beside the tables, byte by byte; take away that of an earlier run."""
    place = place_of(case_uri)
    store = open_store(place.bucket)
    for name in COPY_NAMES:
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
