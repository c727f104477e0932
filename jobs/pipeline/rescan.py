"""Scanning for subjects, and once more when their own records name interfaces nobody had known."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame

from jobs.pipeline.case import Case
from jobs.sources.object_scan import of_read_objects
from transforms.subject.from_records import derived_parts, own_ends
from transforms.subject.identity import Subject, subject_of, together


class Scanned(NamedTuple):
    """What one scan found for all of these cases, each with what the records added to its subject.

    `frame` is kept in memory.
    """

    frame: DataFrame
    cases: tuple[Case, ...]


def scan_for_subjects(cases: Sequence[Case], scan: Callable[[Subject], DataFrame]) -> Scanned:
    """Scan for all subjects, and scan once more with new needles when records at the own interfaces
    of one show an interface or an address that nothing else knew: its traffic at peers holds only
    those.

    Never more than twice. With `--scope everything` every line is there already.
    """
    scanned = scan(together([case.subject for case in cases])).persist()
    wider = tuple(_with_derived(case, scanned) for case in cases)
    if not any(case.was_read_twice for case in wider):
        return Scanned(scanned, wider)
    scanned.unpersist()
    again = tuple(case._replace(was_read_twice=True) for case in wider)
    return Scanned(scan(together([case.subject for case in again])).persist(), again)


def _with_derived(case: Case, scanned: DataFrame) -> Case:
    """The case with what its own records add to its subject, which must then be searched for."""
    subject = case.subject
    if not case.arguments.derive or not (subject.instance_ids or subject.interface_ids):
        return case
    records = of_read_objects(scanned).where("record IS NOT NULL").select("record.*")
    ends = [row.asDict() for row in own_ends(records, subject).collect()]
    parts = derived_parts(ends, subject)
    if not parts:
        return case
    seen_in = [str(row["vpc_id"]) for row in ends if row["vpc_id"]]
    vpc_ids = subject.vpc_ids or seen_in
    wider = subject_of(subject.instance_ids, vpc_ids, [*subject.parts, *parts], case.labels)
    is_read_again = case.arguments.scope != "everything"
    return case._replace(subject=wider, was_read_twice=is_read_again)
