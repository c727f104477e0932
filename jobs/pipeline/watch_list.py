"""Several instances in one pass: one case of all of them, or a case for each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pyspark.sql import SparkSession

from jobs.pipeline.case import Case
from jobs.pipeline.read_flows import plan_of_window
from jobs.pipeline.scan import ScanResult, scan_for
from jobs.sources.findings import FindingFile
from jobs.sources.object_scan import start_workers
from jobs.spark.concurrent import run_concurrently
from jobs.spark.phases import Phases
from transforms.subject.identity import resolve_subject


def cases_of(case: Case) -> tuple[Case, ...]:
    """The case, or with `--one_case_each` one for each instance, under the same run id.

    Each has one instance as its subject, with what a finding says of it, and leaves out what the
    others did.
    """
    given = case.arguments
    if not given.one_case_each:
        return (case,)
    findings = {each.finding.instance_id: each for each in case.findings}
    return tuple(
        _case_of(case, case_id, instance_id, findings.get(instance_id))
        for case_id, instance_id in zip(given.case_ids, given.instance_ids, strict=True)
    )


def _case_of(case: Case, case_id: str, instance_id: str, found: FindingFile | None) -> Case:
    vpc_id, finding = case.arguments.vpc_id, found.finding if found else None
    return replace(
        case,
        arguments=replace(case.arguments, case_id=case_id, instance_ids=(instance_id,)),
        subject=resolve_subject([instance_id], (), (), vpc_id, case.labels, finding),
        finding=found,
        findings=(),
        instance_names={
            each: name for each, name in case.instance_names.items() if each == instance_id
        },
    )


def scanned_once(
    spark: SparkSession, cases: Sequence[Case], phases: Phases
) -> Iterator[tuple[Case, ScanResult | None, Phases]]:
    """Each case with the scan that all of them share, and phases that go on from it.

    A single case makes its own scan, concurrently with other work. The next case begins when the
    one before has ended; the scan stays in memory until the last one has.
    """
    if len(cases) == 1:
        yield cases[0], None, phases
        return
    first = cases[0]
    with phases.phase("scan for all"), run_concurrently() as begin:
        begin(start_workers, spark)
        plans = [plan_of_window(case) for case in cases]
        scans = scan_for(spark, first.arguments, first.labels, plans)
    for case, scan in zip(cases, scans, strict=True):
        yield case, scan, Phases(phases.seconds)
    scans[0].release()
