"""Several instances in one pass: one case of all of them, or a case for each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession

from jobs.pipeline.case import Case
from jobs.pipeline.reading import scan_together
from jobs.sources.object_scan import start_workers
from jobs.spark.concurrent import beside
from jobs.spark.phases import Phases
from transforms.subject.identity import resolve_subject


def cases_of(case: Case) -> tuple[Case, ...]:
    """The case, or with `--one_case_each` one for each instance, under the same run id.

    Each has one instance as its subject; what the others did is of no concern to it.
    """
    asked = case.arguments
    if not asked.one_case_each:
        return (case,)
    return tuple(
        case._replace(
            arguments=replace(asked, case_id=case_id, instance_ids=(instance_id,)),
            subject=resolve_subject([instance_id], (), (), asked.vpc_id, case.labels),
        )
        for case_id, instance_id in zip(asked.case_ids, asked.instance_ids, strict=True)
    )


def scanned_once(
    spark: SparkSession, cases: Sequence[Case], phases: Phases
) -> Iterator[tuple[Case, DataFrame | None, Phases]]:
    """Each case with the scan that all of them have in common, and phases that go on from it.

    A single case is scanned for by itself, beside other work. The next case begins when the one
    before has ended: the scan is in memory until the last one has.
    """
    if len(cases) == 1:
        yield cases[0], None, phases
        return
    with phases.phase("scan for all"), beside() as begin:
        begin(start_workers, spark)
        scanned, cases = scan_together(spark, cases)
    for case in cases:
        yield case, scanned, Phases(phases.seconds)
    scanned.unpersist()
