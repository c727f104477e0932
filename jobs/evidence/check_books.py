"""Do the tables still say what the manifest says: books, digest of the inputs, objects."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

from pyspark.sql import DataFrame

from jobs.evidence.check import Check
from jobs.evidence.manifest import inputs_digest
from jobs.evidence.object_reread import Stale, WasRead, reread
from jobs.pipeline.books import (
    Books,
    count_flows,
    count_objects,
    count_quarantine,
    count_transit,
)
from jobs.storage.aws_access import OWN, Access

_COLUMNS = ("uri", "version_id", "size", "bytes_read", "sha256", "lines", "outcome")


def check_books(reading: str, stored: Books, frames: Mapping[str, DataFrame]) -> Check:
    """The books counted again from the tables are those of the manifest, and they balance."""
    counted = replace(
        stored,
        **count_flows(frames["flows"]),
        **count_objects(frames["objects"]),
        **count_quarantine(frames["quarantine"]),
        **(count_transit(frames["transit"]) if "transit" in frames else {}),
    )
    prefix, expected = f"{reading}/" if reading else "", asdict(stored)
    problems = [
        f"{prefix}books: {name} is {found} in Delta, the manifest says {expected[name]}"
        for name, found in asdict(counted).items()
        if found != expected[name]
    ]
    problems += [
        f"{prefix}books: {identity.what}: {identity.left:,} is not {identity.right:,}"
        for identity in counted.identities()
        if not identity.holds
    ]
    of = f" of {reading}" if reading else ""
    return Check(f"the books{of} balance and equal Delta ({stored.flows:,} flows)", problems)


def check_inputs(expected_sha256: str, objects: DataFrame) -> Check:
    """The inputs of the window have the digest that the manifest, and so the next one, names."""
    if (digest := inputs_digest(objects)) == expected_sha256:
        return Check("the digest of the inputs is the manifest's")
    difference = (
        f"the digest of the inputs is {digest} in Delta, the manifest says {expected_sha256}"
    )
    return Check("", [f"books: {difference}"])


def check_objects(
    objects: DataFrame, in_flight: int, max_ratio: int, access: Access = OWN
) -> Check:
    """Every object that was read still has the bytes, and the lines, that were read."""
    rows = objects.where("outcome <> 'skipped'").select(*_COLUMNS).orderBy("uri")
    compared = unread = octets = 0
    problems: list[str] = []

    def was_read() -> Iterator[WasRead]:
        nonlocal unread
        for row in rows.toLocalIterator(prefetchPartitions=True):
            if row["sha256"] is None:
                unread += 1
            else:
                yield WasRead(**row.asDict())

    for item, found in reread(was_read(), in_flight, max_ratio, access):
        compared += 1
        octets += item.bytes_read
        if isinstance(found, Stale):
            problems.append(f"{item.uri}: {found.reason}")
    holds = f"{compared:,} objects are, byte for byte, what was read ({octets:,} bytes)"
    if unread:
        holds += f", {unread:,} could not be read then and are not compared"
    return Check(holds, problems)
