"""The path: what internal peers that answered did afterwards, hop by hop, each in a reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.baseline import baseline_window
from jobs.pipeline.case import Case
from jobs.pipeline.conversations import Conversations, computed
from jobs.pipeline.read_flows import FlowsRead, read_flows, recorded_in
from jobs.pipeline.scan import ReadingPlan
from jobs.sources.listing import Listing
from jobs.spark.phases import Phases
from jobs.spark.session import for_few_rows
from jobs.spark.views import registered_views
from transforms.conversations.build import conversations_of
from transforms.questions.context import FollowedPeers, QuestionContext
from transforms.questions.options import Thresholds
from transforms.questions.spread import ENTERED_PEERS_SQL
from transforms.subject.identity import Part, Subject, subject_of, together
from transforms.vocabulary import Reading


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One step of the path: whom it followed, what it read of them, and their conversations."""

    number: int
    followed: FollowedPeers
    read: FlowsRead
    conversations: Conversations


@dataclass(frozen=True, kw_only=True)
class Path:
    """Every hop that was followed, and the conversations of the subject and of all hops.

    `followed` is None where no hop was asked for.
    """

    hops: tuple[Hop, ...]
    followed: FollowedPeers | None
    conversations: Conversations

    def release(self) -> None:
        """Give back what was kept in memory for it."""
        for hop in self.hops:
            hop.read.release()


@dataclass(frozen=True)
class Peer:
    """A peer to follow, with its interfaces and addresses at the time when it answered."""

    address: str
    subject: Subject


def follow(
    spark: SparkSession,
    case: Case,
    phases: Phases,
    *,
    window: FlowsRead,
    conversations: Conversations,
    thresholds: Thresholds,
) -> Path:
    """Read, hop by hop, what the peers that answered did; writes the tables in `hop_…/`.

    Ends after `--hops` hops, or where nobody new answered.
    """
    most_hops = case.arguments.question_options.hops
    hops: list[Hop] = []
    known = conversations
    for number in range(2, most_hops + 1):
        entered = _entered_peers(spark, case, known.frame, thresholds)
        if not entered:
            break
        hop = _read_hop(spark, case, phases, number, entered, window, thresholds)
        hops.append(hop)
        known = Conversations(
            frame=known.frame.unionByName(hop.conversations.frame),
            is_small=known.is_small and hop.conversations.is_small,
        )
    nobody = FollowedPeers() if most_hops > 1 else None
    return Path(
        hops=tuple(hops),
        followed=hops[0].followed if hops else nobody,
        conversations=known,
    )


def _entered_peers(
    spark: SparkSession, case: Case, conversations: DataFrame, thresholds: Thresholds
) -> list[dict[str, Any]]:
    """The internal peers that answered, the foremost ones first."""
    context = QuestionContext(options=case.arguments.question_options, thresholds=thresholds)
    with registered_views(spark, conversations=conversations):
        found = spark.sql(ENTERED_PEERS_SQL.format_map(context.placeholders()))
        rows = found.withColumn("entered_s", F.unix_timestamp("entered_at")).collect()
    return [row.asDict() for row in rows]


def _read_hop(
    spark: SparkSession,
    case: Case,
    phases: Phases,
    number: int,
    entered: Sequence[Mapping[str, Any]],
    window: FlowsRead,
    thresholds: Thresholds,
) -> Hop:
    """Read what the foremost of these peers did, in the window and in its baseline."""
    most_peers = case.arguments.question_options.max_peers
    peers = [_peer(row, case, window.subject) for row in entered[:most_peers]]
    plan = _plan(case, number, peers)
    read = read_flows(spark, case, plan, phases)
    with phases.phase(f"hop {number} conversations"), for_few_rows(spark, read.is_small):
        frame = conversations_of(
            read.flows,
            [address for peer in peers for address in peer.subject.addresses],
            thresholds.rules(),
            hop=number,
            are_several=True,
            recorded=recorded_in(plan.window, read)._replace(own_s=None),
        )
        conversations = Conversations(
            frame=computed(frame, case.run_id, read.is_small), is_small=read.is_small
        )
    return Hop(
        number=number,
        followed=_followed(peers, len(entered), read),
        read=read,
        conversations=conversations,
    )


def _plan(case: Case, number: int, peers: Sequence[Peer]) -> ReadingPlan:
    window, listing = case.arguments.window, case.listing
    if case.baseline_listing is not None:
        window = window._replace(from_at=baseline_window(case.arguments).from_at)
        listing = joined(case.baseline_listing, case.listing)
    return ReadingPlan(
        reading=Reading.of_hop(number),
        window=window,
        listing=listing,
        subject=together([peer.subject for peer in peers]),
        may_widen=False,
    )


def _followed(peers: Sequence[Peer], entered: int, read: FlowsRead) -> FollowedPeers:
    at_own = read.flows.where("role = 'own_interface'").select("interface_id").distinct()
    logged = {row["interface_id"] for row in at_own.collect()}
    owners: dict[str, str] = {}
    for peer in peers:
        for address in peer.subject.addresses:
            owners.setdefault(address, peer.address)
    return FollowedPeers(
        addresses=tuple(owners.items()),
        peers=len(peers),
        left_out=entered - len(peers),
        unlogged=tuple(
            peer.address for peer in peers if not logged.intersection(peer.subject.interface_ids)
        ),
    )


def joined(one: Listing, other: Listing) -> Listing:
    """Both listings, each object once: selected where either selects it."""
    objects = {item.uri: item for item in one.objects}
    for item in other.objects:
        if item.skipped is None or item.uri not in objects:
            objects[item.uri] = item
    folders = set(one.left_folders) & set(other.left_folders)
    in_order = tuple(objects[uri] for uri in sorted(objects))
    return Listing(in_order, tuple(sorted(folders)))


def _peer(row: Mapping[str, Any], case: Case, subject: Subject) -> Peer:
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
        parts += [
            Part(interface.interface_id, address, *span, "labels")
            for address in interface.addresses
        ]
        vpc_ids += [version.vpc_id] if version.vpc_id else []
    if not any(part.address == row["peer"] for part in parts):
        parts.append(Part(row["peer_interface_id"], row["peer"], None, None, "records"))
    return Peer(row["peer"], subject_of((), vpc_ids or subject.vpc_ids, parts, case.labels))


def _holds_at(valid_from: int | None, valid_to: int | None, second: int) -> bool:
    return (valid_from is None or valid_from <= second) and (valid_to is None or second < valid_to)
