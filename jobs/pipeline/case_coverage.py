"""What a run can say of what it did not see: the table `coverage`, its judgement, and the words."""

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.case import Case
from jobs.pipeline.read_flows import FlowsRead
from jobs.spark.phases import Phases
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import in_few_files, write_table
from transforms.coverage.facts import (
    copied_objects,
    of_unknown_vpcs,
    peer_only_slots,
    records_by_slot,
    touches_by_minute,
    troubled_slots,
    unlogged_peers,
)
from transforms.coverage.judged import Coverage, gap_stretches, judge_coverage
from transforms.coverage.pace import Pace, Stretch
from transforms.coverage.slots import (
    LONGEST_RECORD_S,
    SLOT_S,
    Delivered,
    FlowLog,
    Life,
    Slot,
    by_interface,
    contradicted,
    cover,
    gaps_of_flow_logs,
    slots_of,
)
from transforms.scan.object_key import parse_key
from transforms.schemas import COVERAGE
from transforms.subject.identity import Subject
from transforms.window import Window
from transforms.wording import count_of

REFUSED_SHOWN, COPIES_SHOWN = 10, 5


class CaseCoverage(NamedTuple):
    """The judgement, how it was reached, and what else could not be seen or was seen twice."""

    judged: Coverage
    unlogged_peers: tuple[str, ...]  # interface ids of internal peers, sorted
    overlapping: tuple[str, ...]  # ids of flow logs that recorded one interface at one time
    refused_objects: tuple[tuple[str, str], ...]  # uri and reason of the first ones
    intervals: tuple[str, ...] = ()  # the aggregation interval and slack of each interface
    copied_objects: tuple[tuple[str, ...], ...] = ()  # URIs of the first groups of equal objects
    gaps: tuple[Stretch, ...] = ()  # when an interface was not seen whole

    def described(self) -> dict[str, object]:
        """As it stands in the manifest."""
        return {
            "verdict": self.judged.verdict,
            "reasons": list(self.judged.reasons),
            "figures": dict(self.judged.figures),
            "intervals": list(self.intervals),
            "unlogged_peers": list(self.unlogged_peers),
            "overlapping_flow_logs": list(self.overlapping),
            "copied_objects": [list(uris) for uris in self.copied_objects],
        }


class SlotsFound(NamedTuple):
    """What records and objects say of each slot, and conversations where they contradict them."""

    slots: list[Slot]
    gaps: list[Slot]  # of flow logs, whatever the interface
    paces: Mapping[tuple[str, FlowLog], Pace]
    trouble: list[dict[str, Any]]
    unlogged: tuple[str, ...]
    copied: tuple[tuple[str, ...], ...]  # URIs of the first groups of equal objects
    unknown_vpcs: Mapping[str, int]  # records and interfaces, see `of_unknown_vpcs`

    @property
    def gap_stretches(self) -> list[Stretch]:
        """When an interface of the subject was not seen whole, joined where slots touch."""
        return gap_stretches(by_interface(self.slots))


def find_slots(spark: SparkSession, case: Case, phases: Phases, *, window: FlowsRead) -> SlotsFound:
    """The slots of the subject's interfaces, from the stored flows and objects."""
    with phases.phase("coverage", is_concurrent=True):
        return _find_slots(spark, case, window.flows, window.subject)


def _find_slots(spark: SparkSession, case: Case, flows: DataFrame, subject: Subject) -> SlotsFound:
    window = case.arguments.window
    facts = _facts(flows, read_table(spark, case.table("objects")), window)
    delivered = _delivered(case, facts["trouble"])
    slots, paces = cover(
        facts["records"], facts["touches"], delivered, subject.interface_ids, window,
        _lives(case, subject),
    )  # fmt: skip
    return SlotsFound(
        slots,
        gaps_of_flow_logs(delivered, window),
        paces,
        facts["trouble"],
        tuple(sorted(row["interface_id"] for row in facts["unlogged"])),
        tuple(tuple(row["uris"]) for row in facts["copied"]),
        facts["unknown_vpcs"][0],
    )


def contradict_slots(case: Case, *, found: SlotsFound, conversations: DataFrame) -> SlotsFound:
    """The slots, where peers' interfaces recorded what the subject's own did not."""
    peer_only = peer_only_slots(conversations, case.arguments.window).collect()
    return found._replace(slots=contradicted(found.slots, {row["slot"] for row in peer_only}))


def store_slots(spark: SparkSession, case: Case, *, found: SlotsFound) -> None:
    """Write the table `coverage`."""
    rows = spark.createDataFrame([_as_row(slot) for slot in found.slots + found.gaps], _ROW)
    stored = rows.withColumns(
        {"slot_at": F.timestamp_seconds("slot"), "run_id": F.lit(case.run_id)}
    )
    write_table(in_few_files(stored, 1), case.table("coverage"), COVERAGE)


def judge_slots(case: Case, *, found: SlotsFound) -> CaseCoverage:
    """Whether the interval was seen whole, and why not."""
    window, interfaces = case.arguments.window, by_interface(found.slots)
    covering = {name for interface in interfaces for name in interface.flow_logs} | {None}
    refused = sorted(
        (named["uri"], named["reason"]) for row in found.trouble for named in row["refused"]
    )
    return CaseCoverage(
        _with_unknown_vpcs(
            judge_coverage(
                interfaces, _refused_lines(found.trouble, covering, window), len(found.unlogged)
            ),
            found.unknown_vpcs,
        ),
        found.unlogged,
        tuple(sorted({
            name for interface in interfaces if interface.overlapping
            for name in interface.flow_logs
        })),
        tuple(refused[:REFUSED_SHOWN]),
        tuple(
            f"{interface_id}{f' in {flow_log[2]}' if flow_log[2] else ''}: {pace.described()}"
            for (interface_id, flow_log), pace in sorted(found.paces.items(), key=repr)
        ),
        found.copied,
        tuple(found.gap_stretches),
    )  # fmt: skip


def _with_unknown_vpcs(judged: Coverage, found: Mapping[str, int]) -> Coverage:
    """Less than full where interfaces of unknown VPC carry the subject's address: it may be its."""
    records, interfaces = found["records"], found["interfaces"]
    figures = {**judged.figures, "unknown_vpc_records": records}
    if not records:
        return judged._replace(figures=figures)
    whose = count_of(interfaces, "interface", "interfaces")
    reason = (
        f"{count_of(records, 'record', 'records')} of {whose} of unknown VPC "
        f"{'carries' if records == 1 else 'carry'} an address of the subject and may be another "
        "machine's (give --labels with the VPC of every interface)"
    )
    verdict = "PARTIAL" if judged.verdict == "FULL" else judged.verdict
    return judged._replace(verdict=verdict, reasons=(*judged.reasons, reason), figures=figures)


_ROW = """account_id STRING, region STRING, flow_log_id STRING, interface_id STRING, slot BIGINT,
    status STRING, ok_records BIGINT, nodata_records BIGINT, skipdata_records BIGINT,
    has_accept BOOLEAN, has_reject BOOLEAN"""


def _as_row(slot: Slot) -> tuple[object, ...]:
    return (*slot.flow_log, *slot[1:])


def _facts(flows: DataFrame, objects: DataFrame, window: Window) -> dict[str, list[dict[str, Any]]]:
    """All facts of the tables, as JSON: one Spark job instead of four."""
    parts = {
        "records": records_by_slot(flows, window),
        "touches": touches_by_minute(flows),
        "trouble": troubled_slots(objects, REFUSED_SHOWN),
        "unlogged": unlogged_peers(flows),
        "copied": copied_objects(objects, COPIES_SHOWN),
        "unknown_vpcs": of_unknown_vpcs(flows),
    }
    rows = [
        frame.select(
            F.lit(what).alias("what"),
            F.to_json(F.struct("*"), {"ignoreNullFields": "false"}).alias("fact"),
        )
        for what, frame in parts.items()
    ]
    facts: dict[str, list[dict[str, Any]]] = {what: [] for what in parts}
    for row in reduce(DataFrame.unionAll, rows).collect():
        facts[row["what"]].append(json.loads(row["fact"]))
    return facts


def _delivered(case: Case, trouble: Iterable[Mapping[str, Any]]) -> Delivered:
    """The selected objects by flow log and slot, without those that hold another kind of records.

    A flow log all of whose objects are of another kind is none of an interface.
    """

    def slots_with(outcome: str) -> set[tuple[str | None, int]]:
        return {(row["flow_log_id"], row["slot"]) for row in trouble if row["outcome"] == outcome}

    others = slots_with("other_kind") | slots_with("transit")
    slots: dict[FlowLog, set[int]] = {}
    for listed in case.listing.selected:
        if (key := parse_key(listed.path)) is not None:
            slot = int(key.slot_at.timestamp()) // SLOT_S * SLOT_S
            if (key.flow_log_id, slot) not in others:
                flow_log = (key.account_id, key.region, key.flow_log_id)
                slots.setdefault(flow_log, set()).add(slot)
    unread = {key: word for word in ("unreadable", "refused") for key in slots_with(word)}
    return Delivered(slots, unread)


def _refused_lines(
    trouble: Iterable[Mapping[str, Any]], covering: Container[str | None], window: Window
) -> int:
    """Refused lines in objects that can hold records of the window; the listing is wider."""
    first, last = slots_of(window)[0], window.to_s - 1 + LONGEST_RECORD_S
    return sum(
        row["refused_lines"]
        for row in trouble
        if row["flow_log_id"] in covering and (row["slot"] is None or first <= row["slot"] <= last)
    )


def _lives(case: Case, subject: Subject) -> list[Life]:
    """When each interface was the subject's, as the labels tell."""
    return [
        Life(known.interface_id, known.version.valid_from, known.version.valid_to)
        for known in case.labels.interfaces
        if known.interface_id in subject.interface_ids
        and (not subject.instance_ids or known.version.instance_id in subject.instance_ids)
    ]


def coverage_lines(found: CaseCoverage) -> Iterator[str]:
    """The coverage in the summary: the verdict first, then every reason on a line of its own."""
    figures = found.judged.figures
    interfaces = "interface" if figures["interfaces"] == 1 else "interfaces"
    if found.judged.verdict == "NONE":  # no count of what was not seen: it would read as a zero
        yield f"Coverage    NONE: {'; '.join(found.judged.reasons)}"
        return
    yield (
        f"Coverage    {found.judged.verdict}: {figures['seen']:,} of {figures['slots']:,} "
        f"five-minute slots of {figures['interfaces']:,} {interfaces} seen whole"
        + (f" ({figures['nodata']:,} of them without traffic)" if figures["nodata"] else "")
    )
    for reason in found.judged.reasons:
        yield f"  - {reason}"
    if found.unlogged_peers:
        yield (
            f"  - internal peers without a record of their own interface, so that what they "
            f"rejected is not seen ({len(found.unlogged_peers):,}): {_first(found.unlogged_peers)}"
        )
    if found.overlapping:
        yield (
            "  - several flow logs recorded the same interface at the same time "
            f"({_first(found.overlapping)}): the table of flows holds both, conversations count "
            "the bytes of one"
        )
    yield f"  - aggregation intervals, from the records: {_first(found.intervals, '; ')}"


def copy_lines(found: CaseCoverage, number: int) -> Iterator[str]:
    """The objects that lie there more than once, by name."""
    if not number:
        return
    what = "1 object holds" if number == 1 else f"{number:,} objects hold"
    yield f"Copies      {what} the same bytes as another; conversations count their records once"
    for one, *others in found.copied_objects:
        yield f"  {one} = {', '.join(others)}"


def refused_object_lines(found: CaseCoverage, number: int) -> Iterator[str]:
    """The refused and unreadable objects by name."""
    if not found.refused_objects:
        return
    yield f"Refused or unreadable objects ({number:,}), none of whose lines is evidence"
    for uri, reason in found.refused_objects:
        yield f"  {uri.rsplit('/', 1)[-1]}: {reason}"
    if number > len(found.refused_objects):
        yield "  … and more: all are in the table quarantine"


def _first(names: tuple[str, ...], between: str = ", ") -> str:
    return between.join(names[:3]) + (f"{between}…" if len(names) > 3 else "")
