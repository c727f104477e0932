"""Scanning for a subject, and once more when its own records name interfaces nobody had known."""

from collections.abc import Callable
from typing import NamedTuple

from pyspark.sql import DataFrame

from jobs.case import Case
from jobs.object_scan import of_read_objects
from transforms.derive import derived_parts, own_ends
from transforms.subject import Subject, subject_of


class Derived(NamedTuple):
    """The scan to work with, and the subject with what the records added to it."""

    scanned: DataFrame
    subject: Subject
    was_read_twice: bool


def scan_for_subject(case: Case, scan: Callable[[Case], DataFrame]) -> Derived:
    """Scan, and scan once more with new needles when records at the subject's own interfaces show
    an interface or an address that nothing else knew: its traffic at peers holds only those.

    Never more than twice. With `--scope everything` every line is there already.
    """
    scanned = scan(case).persist()
    subject = case.subject
    if not case.arguments.derive or not (subject.instance_ids or subject.interface_ids):
        return Derived(scanned, subject, False)
    records = of_read_objects(scanned).where("record IS NOT NULL").select("record.*")
    ends = [row.asDict() for row in own_ends(records, subject).collect()]
    parts = derived_parts(ends, subject)
    if not parts:
        return Derived(scanned, subject, False)
    seen_in = [str(row["vpc_id"]) for row in ends if row["vpc_id"]]
    vpc_ids = subject.vpc_ids or seen_in
    wider = subject_of(subject.instance_ids, vpc_ids, [*subject.parts, *parts], case.labels)
    if case.arguments.scope == "everything":
        return Derived(scanned, wider, False)
    scanned.unpersist()
    return Derived(scan(case._replace(subject=wider)).persist(), wider, True)
