"""One scan of the listed objects for one or several subjects.

A second scan follows when the records of a subject's own interfaces name interfaces or addresses
that nothing else knew: its traffic at peers shows only those.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from jobs.cli.arguments import Arguments
from jobs.flow_table.source import NOTHING, FromTable, Scanned, source_of
from jobs.sources.listing import Listing
from jobs.sources.object_scan import of_read_objects, scan_objects, scan_settings
from jobs.spark.frames import release
from transforms.label.tables import LabelTables
from transforms.subject.from_records import derived_parts, own_ends
from transforms.subject.identity import Subject, subject_of, together
from transforms.vocabulary import Reading
from transforms.window import Window


@dataclass(frozen=True, kw_only=True)
class ReadingPlan:
    """What a reading looks for: whose records, of which time, in which objects.

    `may_widen` says whether records may add interfaces and addresses to the subject.
    """

    reading: Reading
    window: Window
    listing: Listing
    subject: Subject
    may_widen: bool


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """Scanned rows, kept in memory, and the subject with what its own records added to it.

    Several results may share one frame. `stored` is what of it a flow table gave; `held` are the
    frames in memory.
    """

    frame: DataFrame
    subject: Subject
    was_repeated: bool
    stored: FromTable = NOTHING
    held: tuple[DataFrame, ...] = ()

    def release(self) -> None:
        """Give back what is kept in memory."""
        release(self.held)


def scan_for(
    spark: SparkSession, arguments: Arguments, labels: LabelTables, plans: Sequence[ReadingPlan]
) -> tuple[ScanResult, ...]:
    """Scan once for all plans, which differ in nothing but their subjects; at most twice.

    The caller releases one of the results when the last plan is done.
    """
    objects, window = plans[0].listing.selected, plans[0].window

    has_text = not arguments.is_listed_by_table
    source = source_of(spark, arguments.flow_table, objects, has_text=has_text)

    def scan(subjects: Sequence[Subject]) -> Scanned:
        subject = together(subjects)
        return source.scan(subject, scan_settings(arguments, window, subject.needles()))

    known = [plan.subject for plan in plans]
    scanned = scan(known)
    found = [
        _widened(plan.subject, scanned.frame, labels) if plan.may_widen else plan.subject
        for plan in plans
    ]
    is_repeated = found != known
    if is_repeated:
        scanned.release()
        scanned = scan(found)
    return tuple(
        ScanResult(
            frame=scanned.frame,
            subject=subject,
            was_repeated=is_repeated,
            stored=scanned.stored,
            held=(*scanned.held, *source.held),
        )
        for subject in found
    )


def widened(
    spark: SparkSession, arguments: Arguments, labels: LabelTables, plan: ReadingPlan
) -> Subject:
    """The subject with what its own records add, for a reading that takes every line anyway."""
    if not (plan.may_widen and _has_own_records(plan.subject)):
        return plan.subject
    settings = scan_settings(arguments, plan.window, plan.subject.needles())
    frame = scan_objects(spark, plan.listing.selected, settings).persist()
    subject = _widened(plan.subject, frame, labels)
    frame.unpersist()
    return subject


def _has_own_records(subject: Subject) -> bool:
    return bool(subject.instance_ids or subject.interface_ids)


def _widened(subject: Subject, scanned: DataFrame, labels: LabelTables) -> Subject:
    """The subject with the interfaces and addresses that its own records add."""
    if not _has_own_records(subject):
        return subject
    records = of_read_objects(scanned).where("record IS NOT NULL").select("record.*")
    ends = [row.asDict() for row in own_ends(records, subject).collect()]
    parts = derived_parts(ends, subject)
    if not parts:
        return subject
    recorded_in = [str(row["vpc_id"]) for row in ends if row["vpc_id"]]
    vpc_ids = subject.vpc_ids or recorded_in
    return subject_of(subject.instance_ids, vpc_ids, [*subject.parts, *parts], labels)
