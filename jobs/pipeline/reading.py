"""One reading of listed objects into Delta: objects, flows, quarantine, and the books of it.

The window of a case is one; a baseline and a second hop are further ones, in folders of their own.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from jobs.cli.arguments import Arguments
from jobs.pipeline.books import (
    Books,
    count_flows,
    count_in_window,
    count_objects,
    count_quarantine,
    count_scope,
)
from jobs.pipeline.case import Case
from jobs.pipeline.case_frames import judged_records, kept_flows, objects_table, quarantine_table
from jobs.pipeline.rescan import Scanned, scan_for_subjects
from jobs.sources.object_scan import ScanSettings, scan_objects, start_workers
from jobs.spark.concurrent import beside
from jobs.spark.phases import Phases
from jobs.storage.delta_sink import compact, in_few_files, read_table, write_table
from transforms.conversations.build import survey
from transforms.schemas import FLOWS, OBJECTS, QUARANTINE
from transforms.subject.identity import Subject


class Reading(NamedTuple):
    """What was read: the case with what its records added to the subject, the stored flows, and
    what `survey` says of the subject's.
    """

    case: Case
    flows: DataFrame
    surveyed: Row | None
    scope_counts: dict[str, int]
    held: tuple[DataFrame, ...]

    def release(self) -> None:
        """Give back what was kept in memory for it."""
        for frame in self.held:
            frame.unpersist()


def scan_together(spark: SparkSession, cases: Sequence[Case]) -> Scanned:
    """One scan for these cases, which differ in nothing but their names and subjects.

    Who calls this gives its frame back when the last of them has ended.
    """
    objects, arguments = cases[0].listing.selected, cases[0].arguments
    return scan_for_subjects(
        cases, lambda subject: scan_objects(spark, objects, scan_settings(arguments, subject))
    )


def read_flows(
    spark: SparkSession, case: Case, phases: Phases, scanned: DataFrame | None = None
) -> Reading:
    """Objects → scan → label → scope → Delta; every line is accounted for.

    Of `scanned`, where the case is one of several that were scanned for together.
    """
    held: tuple[DataFrame, ...] = ()
    with phases.phase(_step(case, "scan")), beside() as begin:
        if scanned is None:
            begin(start_workers, spark)
            scanned, (case,) = scan_together(spark, [case])
            held = (scanned,)
        # Only planned meanwhile: two jobs over what is not kept yet would both read the objects.
        planned = begin(judged_records, spark, case, scanned)
        write_table(objects_table(spark, case, scanned), case.table("objects"), OBJECTS)
    with phases.phase(_step(case, "label and scope")), beside() as begin:
        begin(_write_quarantine, case, scanned)
        judged = planned.result()
        if case.arguments.scope == "everything":
            scope_counts = count_in_window(scanned)
        else:
            scope_counts = count_scope(judged.persist())
    with phases.phase(_step(case, "write Delta")), beside() as begin:
        flows = kept_flows(judged, case.run_id)
        surveyed = begin(survey(flows).first) if judged.is_cached else None
        if judged.is_cached:
            flows = in_few_files(flows, scope_counts["subject"])
        write_table(flows, case.table("flows"), FLOWS)
        for name in ("objects", "flows", "quarantine"):
            compact(spark, case.table(name))
    return Reading(
        case,
        read_table(spark, case.table("flows")),
        surveyed.result() if surveyed else None,
        scope_counts,
        (*held, judged),
    )


def _write_quarantine(case: Case, scanned: DataFrame) -> None:
    write_table(quarantine_table(scanned, case.run_id), case.table("quarantine"), QUARANTINE)


def close_books(spark: SparkSession, reading: Reading, documents: int | None = None) -> Books:
    """Counts from what was written, beside what the listing and the scoping had counted before."""
    case = reading.case
    of_this_run = F.col("run_id") == case.run_id

    def stored(name: str) -> DataFrame:
        return read_table(spark, case.table(name)).where(of_this_run)

    with beside() as begin:
        counted = (
            begin(lambda: count_flows(reading.flows.where(of_this_run))),
            begin(lambda: count_objects(stored("objects"))),
            begin(lambda: count_quarantine(stored("quarantine"))),
        )
    flows, objects, quarantine = (each.result() for each in counted)
    return Books(
        listed=len(case.listing.objects),
        listed_skipped=len(case.listing.skipped),
        documents=documents,
        **reading.scope_counts,
        **flows,
        **objects,
        **quarantine,
    )


def _step(case: Case, name: str) -> str:
    return f"{case.reading.replace('_', ' ')} {name}".lstrip()


def scan_settings(arguments: Arguments, subject: Subject) -> ScanSettings:
    """What the executors are told."""
    everything = arguments.scope == "everything"
    return ScanSettings(
        needles=None if everything else subject.needles(),
        window=arguments.window,
        max_line_bytes=arguments.max_line_bytes,
        record_format=arguments.record_format,
        max_ratio=arguments.max_ratio,
        max_object_bytes=arguments.max_object_bytes,
        reads_in_flight=arguments.reads_in_flight,
    )
