"""What a run can say of what it did not see: the table `coverage`, its judgement, and the words."""

import json
from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.case import Case
from jobs.delta_sink import in_few_files, read_table, write_table
from transforms.coverage import (
    LONGEST_RECORD_S,
    SLOT_S,
    Coverage,
    Life,
    coverage_by_interface,
    coverage_table,
    judge_coverage,
    unlogged_peers,
)
from transforms.schemas import COVERAGE

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


def cover_case(spark: SparkSession, case: Case) -> CaseCoverage:
    """Write the table `coverage` from the stored flows and objects, and judge it."""
    table = case.arguments.table
    flows, objects = read_table(spark, table("flows")), read_table(spark, table("objects"))
    coverage = coverage_table(
        flows, objects, case.subject.interface_ids, case.arguments.window, _lives(case)
    ).withColumn("run_id", F.lit(case.run_id))
    write_table(in_few_files(coverage, 1), table("coverage"), COVERAGE)

    facts: dict[str, list[dict[str, Any]]] = {}
    for row in _facts(read_table(spark, table("coverage")), flows, objects, case).collect():
        facts.setdefault(row["what"], []).append(json.loads(row["said"]))
    interfaces = sorted(facts.get("interface", []), key=lambda fact: str(fact["interface_id"]))
    flow_logs = {log for fact in interfaces for log in fact["flow_logs"]}
    lines = sum(
        fact["refused_lines"]
        for fact in facts.get("refused lines", [])
        if fact.get("flow_log_id") in flow_logs | {None}
    )
    unlogged = sorted(fact["interface_id"] for fact in facts.get("unlogged", []))
    refused = sorted((fact["uri"], fact["reason"]) for fact in facts.get("refused", []))
    overlapping = {log for fact in interfaces if fact["overlapping"] for log in fact["flow_logs"]}
    return CaseCoverage(
        judge_coverage(interfaces, lines, len(unlogged)),
        tuple(unlogged),
        tuple(sorted(overlapping)),
        tuple(refused),
    )


def _facts(coverage: DataFrame, flows: DataFrame, objects: DataFrame, case: Case) -> DataFrame:
    """All that is asked of the tables, as `what` and JSON: one Spark job instead of four.

    Refused lines are of objects that can hold records of the window; the listing is wider.
    """
    window = case.arguments.window
    slot = F.unix_timestamp("slot_at")
    concerns = slot.isNull() | slot.between(
        window.from_s // SLOT_S * SLOT_S, window.to_s - 1 + LONGEST_RECORD_S
    )
    parts = {
        "interface": coverage_by_interface(coverage),
        "unlogged": unlogged_peers(flows),
        "refused lines": objects.where((F.col("refused_lines") > 0) & concerns)
        .where("outcome <> 'refused'")
        .groupBy("flow_log_id")
        .agg(F.sum("refused_lines").alias("refused_lines")),
        "refused": objects.where("outcome = 'refused'")
        .orderBy("uri")
        .limit(REFUSED_SHOWN)
        .select("uri", "reason"),
    }
    said = [
        frame.select(
            F.lit(what).alias("what"),
            F.to_json(F.struct("*"), {"ignoreNullFields": "false"}).alias("said"),
        )
        for what, frame in parts.items()
    ]
    return reduce(DataFrame.unionAll, said)


def _lives(case: Case) -> list[Life]:
    """When each interface was the subject's, as the labels tell."""
    subject = case.subject
    return [
        Life(known.interface_id, known.version.valid_from, known.version.valid_to)
        for known in case.labels.interfaces
        if known.interface_id in subject.interface_ids
        and subject.instance_id in (None, known.version.instance_id)
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
