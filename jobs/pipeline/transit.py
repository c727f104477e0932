"""Records of transit gateways of a reading: kept apart from flows, counted, and summed up."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.case import Case
from jobs.pipeline.scan import ReadingPlan, ScanResult
from jobs.sources.object_scan import of_read_objects
from jobs.storage.delta_log import DeltaLog
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import in_few_files, write_table
from transforms.schemas import TRANSIT
from transforms.transit.passages import Passage, passages_of
from transforms.transit.rows import transit_rows
from transforms.vocabulary import Reading

_MOST_PASSAGES = 1_000


@dataclass(frozen=True, kw_only=True)
class TransitSeen:
    """What the subject sent through transit gateways, and which VPCs the flows look into.

    Without `are_all` there are more passages than these first ones.
    """

    passages: tuple[Passage, ...]
    recorded_vpcs: frozenset[str]
    are_all: bool = True


def transit_records(case: Case, plan: ReadingPlan, scan: ScanResult) -> DataFrame:
    """Every record of a transit gateway with `is_kept`: of the subject, in the window's reading."""
    rows = transit_rows(of_read_objects(scan.frame), scan.subject if case.has_subject else None)
    is_kept = F.col("is_kept") & F.lit(plan.reading is Reading.WINDOW)
    return rows.withColumns({"is_kept": is_kept, "run_id": F.lit(case.run_id)})


def with_passing(scope: dict[str, int], passed: dict[str, int]) -> dict[str, int]:
    """The counts of the flows with those of the records of gateways."""
    others = scope["others"] + passed["others"]
    return {**scope, "others": others, "transit_kept": passed["transit_kept"]}


def write_transit(case: Case, plan: ReadingPlan, scan: ScanResult, number: int) -> None:
    """Write the table `transit` where there is something in it, now or since an earlier run."""
    uri = case.table("transit", plan.reading)
    if plan.reading is Reading.WINDOW and (number or DeltaLog(uri).version is not None):
        rows = transit_records(case, plan, scan).where("is_kept")
        write_table(in_few_files(rows, number), uri, TRANSIT)


def see_transit(
    spark: SparkSession, case: Case, *, flows: DataFrame, number: int
) -> TransitSeen | None:
    """The passages of the subject, from the stored tables; None where no gateway recorded any."""
    if not (case.has_subject and number):
        return None
    rows = passages_of(read_table(spark, case.table("transit")))
    found = [Passage(**row.asDict()) for row in rows.limit(_MOST_PASSAGES + 1).collect()]
    interfaces = flows.select("interface_id", "vpc_id").distinct().collect()
    vpc_ids = {row["vpc_id"] for row in interfaces}
    for row in interfaces:
        vpc_ids |= {version.vpc_id for version in case.labels.names.get(row["interface_id"], ())}
    return TransitSeen(
        passages=tuple(found[:_MOST_PASSAGES]),
        recorded_vpcs=frozenset(filter(None, vpc_ids)),
        are_all=len(found) <= _MOST_PASSAGES,
    )
