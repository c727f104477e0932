"""One reading of listed objects into Delta: objects, flows, quarantine, and the books of it.

The window of a case is one; a baseline and a second hop are further ones, in folders of their own.
"""

from typing import NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from jobs.beside import beside
from jobs.books import (
    Books,
    count_flows,
    count_in_window,
    count_objects,
    count_quarantine,
    count_scope,
)
from jobs.case import Case
from jobs.case_frames import judged_records, kept_flows, objects_table, quarantine_table
from jobs.delta_sink import compact, in_few_files, read_table, write_table
from jobs.derive import scan_for_subject
from jobs.object_scan import ScanSettings, scan_objects, start_workers
from jobs.phases import Phases
from transforms.conversations import survey
from transforms.schemas import FLOWS, OBJECTS, QUARANTINE


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


def read_flows(spark: SparkSession, case: Case, phases: Phases) -> Reading:
    """Objects → scan → label → scope → Delta; every line is accounted for."""
    with phases.phase(_step(case, "scan")), beside() as begin:
        begin(start_workers, spark)
        scanned, subject, was_read_twice = scan_for_subject(
            case, lambda case: scan_objects(spark, case.listing.selected, scan_settings(case))
        )
        case = case._replace(subject=subject, was_read_twice=was_read_twice)
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
        (scanned, judged),
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


def scan_settings(case: Case) -> ScanSettings:
    """What the executors are told."""
    arguments = case.arguments
    everything = arguments.scope == "everything"
    return ScanSettings(
        needles=None if everything else case.subject.needles(),
        window=arguments.window,
        max_line_bytes=arguments.max_line_bytes,
        record_format=arguments.record_format,
        max_ratio=arguments.max_ratio,
        max_object_bytes=arguments.max_object_bytes,
        reads_in_flight=arguments.reads_in_flight,
    )
