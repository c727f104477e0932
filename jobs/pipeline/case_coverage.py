"""What a run can say of what it did not see: the table `coverage`, its judgement, and the words."""

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.case import Case
from jobs.storage.delta_sink import in_few_files, read_table, write_table
from transforms.coverage.facts import records_by_slot, troubled_slots, unlogged_peers
from transforms.coverage.slots import (
    LONGEST_RECORD_S,
    SLOT_S,
    Coverage,
    Delivered,
    FlowLog,
    Life,
    Slot,
    by_interface,
    cover,
    gaps_of_flow_logs,
    judge_coverage,
    slots_of,
)
from transforms.scan.object_key import parse_key
from transforms.schemas import COVERAGE
from transforms.window import Window

REFUSED_SHOWN = 10


class CaseCoverage(NamedTuple):
    """The judgement, and what else could not be seen or was seen twice."""

    judged: Coverage
    unlogged_peers: tuple[str, ...]  # interface ids of internal peers, sorted
    overlapping: tuple[str, ...]  # ids of flow logs that recorded one interface at one time
    refused_objects: tuple[tuple[str, str], ...]  # uri and reason of the first ones

    def described(self) -> dict[str, object]:
        """As it stands in the manifest."""
        return {
            "verdict": self.judged.verdict,
            "reasons": list(self.judged.reasons),
            "figures": dict(self.judged.figures),
            "unlogged_peers": list(self.unlogged_peers),
            "overlapping_flow_logs": list(self.overlapping),
        }


def cover_case(spark: SparkSession, case: Case, flows: DataFrame) -> CaseCoverage:
    """Write the table `coverage` from the stored flows and objects, and judge it."""
    window, table = case.arguments.window, case.arguments.table
    facts = _facts(flows, read_table(spark, table("objects")), window)
    trouble = facts["trouble"]
    delivered = _delivered(case, trouble)
    slots = cover(facts["records"], delivered, case.subject.interface_ids, window, _lives(case))
    gaps = gaps_of_flow_logs(delivered, window)
    rows = spark.createDataFrame([_as_row(slot) for slot in slots + gaps], _ROW)
    stored = rows.withColumns(
        {"slot_at": F.timestamp_seconds("slot"), "run_id": F.lit(case.run_id)}
    )
    write_table(in_few_files(stored, 1), table("coverage"), COVERAGE)

    interfaces = by_interface(slots)
    covering = {name for interface in interfaces for name in interface.flow_logs} | {None}
    refused = sorted((said["uri"], said["reason"]) for row in trouble for said in row["refused"])
    unlogged = tuple(sorted(row["interface_id"] for row in facts["unlogged"]))
    return CaseCoverage(
        judge_coverage(
            interfaces, _refused_lines(trouble, covering, window), len(unlogged)
        ),
        unlogged,
        tuple(sorted({
            name for interface in interfaces if interface.overlapping
            for name in interface.flow_logs
        })),
        tuple(refused[:REFUSED_SHOWN]),
    )  # fmt: skip


_ROW = """account_id STRING, region STRING, flow_log_id STRING, interface_id STRING, slot BIGINT,
    status STRING, ok_records BIGINT, nodata_records BIGINT, skipdata_records BIGINT,
    has_accept BOOLEAN, has_reject BOOLEAN"""


def _as_row(slot: Slot) -> tuple[object, ...]:
    return (*slot.flow_log, *slot[1:])


def _facts(flows: DataFrame, objects: DataFrame, window: Window) -> dict[str, list[dict[str, Any]]]:
    """All that is asked of the tables, as JSON: one Spark job instead of three."""
    parts = {
        "records": records_by_slot(flows, window),
        "trouble": troubled_slots(objects, REFUSED_SHOWN),
        "unlogged": unlogged_peers(flows),
    }
    said = [
        frame.select(
            F.lit(what).alias("what"),
            F.to_json(F.struct("*"), {"ignoreNullFields": "false"}).alias("said"),
        )
        for what, frame in parts.items()
    ]
    facts: dict[str, list[dict[str, Any]]] = {what: [] for what in parts}
    for row in reduce(DataFrame.unionAll, said).collect():
        facts[row["what"]].append(json.loads(row["said"]))
    return facts


def _delivered(case: Case, trouble: Iterable[Mapping[str, Any]]) -> Delivered:
    """The selected objects by flow log and slot, without those that hold another kind of records.

    A flow log all of whose objects are of another kind is none of an interface.
    """

    def slots_with(outcome: str) -> set[tuple[str | None, int]]:
        return {(row["flow_log_id"], row["slot"]) for row in trouble if row["outcome"] == outcome}

    others = slots_with("other_kind")
    slots: dict[FlowLog, set[int]] = {}
    for listed in case.listing.selected:
        if (key := parse_key(listed.path)) is not None:
            second = int(key.slot_at.timestamp())
            slot = second - second % SLOT_S
            if (key.flow_log_id, slot) not in others:
                flow_log = (key.account_id, key.region, key.flow_log_id)
                slots.setdefault(flow_log, set()).add(slot)
    return Delivered(slots, slots_with("refused"))


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


def _lives(case: Case) -> list[Life]:
    """When each interface was the subject's, as the labels tell."""
    subject = case.subject
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
    yield (
        f"Coverage    {found.judged.verdict}: {figures['seen']:,} of {figures['slots']:,} "
        f"five-minute slots of {figures['interfaces']:,} {interfaces} seen whole "
        f"({figures['nodata']:,} of them without traffic)"
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


def refused_object_lines(found: CaseCoverage, number: int) -> Iterator[str]:
    """The refused objects by name."""
    if not found.refused_objects:
        return
    yield f"Refused objects ({number:,}), none of whose lines is evidence"
    for uri, reason in found.refused_objects:
        yield f"  {uri.rsplit('/', 1)[-1]}: {reason}"
    if number > len(found.refused_objects):
        yield "  … and more: all are in the table quarantine"


def _first(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
