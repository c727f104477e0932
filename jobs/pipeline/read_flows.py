"""One reading of listed objects into Delta: objects, flows, quarantine, and the books of it.

The window of a case is one reading; the baseline and each hop of the path are further ones, in
folders of their own.
"""

from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.source import FromTable
from jobs.pipeline.books import (
    Books,
    count_flows,
    count_in_window,
    count_objects,
    count_passing,
    count_quarantine,
    count_scope,
    count_transit,
)
from jobs.pipeline.case import Case
from jobs.pipeline.case_frames import flows_table, labelled_records, objects_table, quarantine_table
from jobs.pipeline.scan import ReadingPlan, ScanResult, scan_for
from jobs.pipeline.transit import transit_records, with_passing, write_transit
from jobs.pipeline.whole_window import written_whole
from jobs.sources.object_scan import start_workers
from jobs.spark.concurrent import run_concurrently
from jobs.spark.frames import release
from jobs.spark.phases import Phases
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import compact, in_few_files, write_table
from transforms.conversations.build import aggregation_of, survey
from transforms.conversations.rules import Recorded
from transforms.schemas import FLOWS, OBJECTS, QUARANTINE
from transforms.subject.identity import Subject
from transforms.vocabulary import Reading
from transforms.window import Window

# Up to so many records everything after them fits into one partition: no exchange, one task each.
FEW_RECORDS = 500_000


@dataclass(frozen=True, kw_only=True)
class FlowsRead:
    """What a reading found: the stored flows, whose they are, and the books.

    `subject` is that of the plan with what its own records added; `aggregation_s` is the interval
    that its records have, `surveyed` what `survey` says of them. `held` are frames that stay in
    memory until `release`.
    """

    reading: Reading
    subject: Subject
    was_scanned_twice: bool
    flows: DataFrame
    aggregation_s: int
    surveyed: Row | None
    is_small: bool
    books: Books
    held: tuple[DataFrame, ...]

    @property
    def are_several(self) -> bool:
        """Whether the subject is more than one instance."""
        return len(self.subject.instance_ids) > 1

    @property
    def has_unknown_vpcs(self) -> bool:
        """Whether there may be records of interfaces of unknown VPC."""
        return self.surveyed is None or self.surveyed["unknown_vpc"] > 0

    def release(self) -> None:
        """Give back what was kept in memory for it."""
        release(self.held)


def read_window(
    spark: SparkSession, case: Case, phases: Phases, *, scan: ScanResult | None = None
) -> FlowsRead:
    """Read the window of the case; from `scan`, where one was made for several cases."""
    return read_flows(spark, case, plan_of_window(case), phases, scan=scan)


def plan_of_window(case: Case) -> ReadingPlan:
    """What the reading of the window looks for."""
    return ReadingPlan(
        reading=Reading.WINDOW,
        window=case.arguments.window,
        listing=case.listing,
        subject=case.subject,
        may_widen=case.arguments.derive,
    )


def read_flows(
    spark: SparkSession,
    case: Case,
    plan: ReadingPlan,
    phases: Phases,
    *,
    scan: ScanResult | None = None,
) -> FlowsRead:
    """Objects → scan → label → scope → Delta; every line is accounted for."""
    if not case.has_subject:
        return _read_whole(spark, case, plan, phases)
    table = partial(case.table, reading=plan.reading)
    step = f"{plan.reading.folder.replace('_', ' ')} {{}}".lstrip().format
    held: tuple[DataFrame, ...] = ()
    with phases.phase(step("scan")), run_concurrently() as begin:
        if scan is None:
            begin(start_workers, spark)
            (scan,) = scan_for(spark, case.arguments, case.labels, [plan])
            held = scan.held
        # Only planned meanwhile: two jobs over what is not in memory yet would both read objects.
        planned = begin(labelled_records, spark, case, scan)
        write_table(objects_table(spark, case, plan, scan.frame), table("objects"), OBJECTS)
    with phases.phase(step("label and scope")), run_concurrently() as begin:
        begin(
            write_table, quarantine_table(scan.frame, case.run_id), table("quarantine"), QUARANTINE
        )
        passing = begin(count_passing, transit_records(case, plan, scan))
        records = planned.result()
        scope = count_scope(records.persist())
    with phases.phase(step("write Delta")), run_concurrently() as begin:
        flows = flows_table(records.where("is_kept"), case.run_id)
        surveyed = begin(survey(flows, scan.subject.addresses).first)
        passed = passing.result()
        write_table(in_few_files(flows, scope["subject"]), table("flows"), FLOWS)
        write_transit(case, plan, scan, passed["transit_kept"])
        for name in ("objects", "flows", "quarantine"):
            compact(spark, table(name))
        books = close_books(spark, case, plan, with_passing(scope, passed), scan.stored)
    return _found(spark, case, plan, scan, books, surveyed.result(), (*held, records))


def _read_whole(spark: SparkSession, case: Case, plan: ReadingPlan, phases: Phases) -> FlowsRead:
    """Objects → scan, label, Delta in one pass; then the other tables, from what it left."""
    table = partial(case.table, reading=plan.reading)
    with phases.phase("scan, label and write"), written_whole(spark, case, plan) as scan:
        with run_concurrently() as begin:
            quarantine = quarantine_table(scan.frame, case.run_id)
            begin(write_table, quarantine, table("quarantine"), QUARANTINE)
            passing = begin(count_passing, transit_records(case, plan, scan))
            counting = begin(count_in_window, scan.frame)
            write_table(objects_table(spark, case, plan, scan.frame), table("objects"), OBJECTS)
        passed = passing.result()
        write_transit(case, plan, scan, passed["transit_kept"])
    with phases.phase("count"):
        for name in ("objects", "flows", "quarantine"):
            compact(spark, table(name))
        books = close_books(spark, case, plan, with_passing(counting.result(), passed), scan.stored)
    return _found(spark, case, plan, scan, books, None, ())


def _found(
    spark: SparkSession,
    case: Case,
    plan: ReadingPlan,
    scan: ScanResult,
    books: Books,
    surveyed: Row | None,
    held: tuple[DataFrame, ...],
) -> FlowsRead:
    return FlowsRead(
        reading=plan.reading,
        subject=scan.subject,
        was_scanned_twice=scan.was_repeated,
        flows=read_table(spark, case.table("flows", plan.reading)),
        aggregation_s=aggregation_of(surveyed["p99_s"] if surveyed else 0),
        surveyed=surveyed,
        is_small=surveyed is None or surveyed["records"] <= FEW_RECORDS,
        books=books,
        held=held,
    )


def recorded_in(span: Window, read: FlowsRead) -> Recorded:
    """How complete the records of a reading are, by what `survey` saw of them.

    What only a peer's interface saw contradicts the own interfaces of one instance; of several
    nobody knows which of them recorded.
    """
    surveyed = read.surveyed
    if surveyed is None:
        return Recorded(span.from_s, span.to_s)
    own = surveyed["own_first_s"], surveyed["own_last_s"]
    interfaces = set(read.subject.interface_ids)
    is_seen = None not in own and interfaces <= set(surveyed["own_interfaces"])
    return Recorded(
        span.from_s,
        span.to_s,
        tuple((gap["first_s"], gap["last_s"]) for gap in surveyed["gaps"]),
        keeps_one_action=not (surveyed["accepts"] and surveyed["rejects"]),
        own_s=own if is_seen else None,
        has_unknown_vpcs=read.has_unknown_vpcs,
    )


def close_books(
    spark: SparkSession,
    case: Case,
    plan: ReadingPlan,
    scope: dict[str, int],
    from_table: FromTable,
) -> Books:
    """Counts from what was written, with what the listing and the scoping had counted before."""

    def stored(name: str) -> DataFrame:
        table = read_table(spark, case.table(name, plan.reading))
        return table.where(F.col("run_id") == case.run_id)

    with run_concurrently() as begin:
        counted = (
            begin(lambda: count_flows(stored("flows"))),
            begin(lambda: count_objects(stored("objects"))),
            begin(lambda: count_quarantine(stored("quarantine"))),
            begin(lambda: count_transit(stored("transit")) if scope["transit_kept"] else {}),
        )
    flows, objects, quarantine, transit = (each.result() for each in counted)
    return Books(
        listed=len(plan.listing.objects),
        listed_skipped=len(plan.listing.skipped),
        documents=None,
        **from_table._asdict(),
        **scope,
        **flows,
        **objects,
        **quarantine,
        **transit,
    )
