"""What internal peers that answered the subject did: a second scan with them as the needles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.baseline import baseline_window
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.reading import Reading, close_books, read_flows
from jobs.sources.listing import Listing
from jobs.spark.phases import Phases
from transforms.questions.beyond import entered_peers
from transforms.questions.question import Asked, SecondHop
from transforms.subject.identity import Part, Subject, subject_of, together


class HopRead(NamedTuple):
    """The books of the reading, whom it followed, and their flows."""

    books: Books
    hop: SecondHop
    reading: Reading

    def release(self) -> None:
        """Give back what was kept in memory for it."""
        self.reading.release()


class Followed(NamedTuple):
    """A peer to follow, with its interfaces and addresses at the time when it answered."""

    peer: str
    subject: Subject


def read_second_hop(
    spark: SparkSession, case: Case, asked: Asked, phases: Phases
) -> HopRead | None:
    """Read what the peers that answered did, in the window and its baseline; writes `hop_2/…`.

    Needs the view `conversations`. None where nobody answered.
    """
    found = spark.sql(entered_peers(asked)).withColumn("entered_s", F.unix_timestamp("entered_at"))
    answered = [row.asDict() for row in found.collect()]
    if not answered:
        return None
    followed = [_peer(row, case) for row in answered[: asked.max_peers]]
    window = case.arguments.window
    listing = case.listing
    if case.baseline is not None:
        window = window._replace(from_at=baseline_window(case.arguments).from_at)
        listing = merged(case.baseline, case.listing)
    arguments = replace(case.arguments, window=window, derive=False)
    further = case._replace(
        arguments=arguments,
        listing=listing,
        subject=together([each.subject for each in followed]),
        reading="hop_2",
    )
    reading = read_flows(spark, further, phases)
    logged = {
        row["interface_id"]
        for row in reading.flows.where("role = 'own_interface'")
        .select("interface_id")
        .distinct()
        .collect()
    }
    own: dict[str, str] = {}
    for each in followed:
        for address in each.subject.addresses:
            own.setdefault(address, each.peer)
    unlogged = [
        each.peer for each in followed if not logged.intersection(each.subject.interface_ids)
    ]
    hop = SecondHop(
        tuple(own.items()), len(followed), len(answered) - len(followed), tuple(unlogged)
    )
    return HopRead(close_books(spark, reading), hop, reading)


def merged(one: Listing, other: Listing) -> Listing:
    """Both listings, each object once: selected where either selects it."""
    objects = {item.uri: item for item in one.objects}
    for item in other.objects:
        if item.skipped is None or item.uri not in objects:
            objects[item.uri] = item
    folders = set(one.left_folders) & set(other.left_folders)
    in_order = tuple(objects[uri] for uri in sorted(objects))
    return Listing(in_order, tuple(sorted(folders)))


def _peer(row: Mapping[str, Any], case: Case) -> Followed:
    """A peer with what the labels say of its instance, else of its interface, at that time."""
    at = int(row["entered_s"])
    parts: list[Part] = []
    vpc_ids: list[str] = []
    for interface in case.labels.interfaces:
        version = interface.version
        is_its = interface.interface_id == row["peer_interface_id"] or (
            version.instance_id is not None and version.instance_id == row["peer_instance_id"]
        )
        if not is_its or not _holds_at(version.valid_from, version.valid_to, at):
            continue
        span = version.valid_from, version.valid_to
        parts.append(Part(interface.interface_id, None, *span, "labels"))
        parts += [Part(interface.interface_id, address, *span, "labels")
                  for address in interface.addresses]  # fmt: skip
        vpc_ids += [version.vpc_id] if version.vpc_id else []
    if not any(part.address == row["peer"] for part in parts):
        parts.append(Part(row["peer_interface_id"], row["peer"], None, None, "records"))
    subject = subject_of((), vpc_ids or case.subject.vpc_ids, parts, case.labels)
    return Followed(row["peer"], subject)


def _holds_at(valid_from: int | None, valid_to: int | None, second: int) -> bool:
    return (valid_from is None or valid_from <= second) and (valid_to is None or second < valid_to)
