"""The peers of a subject, judged: baseline, conversations, first sign and path, in one place.

A case answers its questions from them; the watch of a flow table tells what is new among them.
"""

from dataclasses import dataclass

from pyspark.sql import SparkSession

from jobs.pipeline.baseline import BaselineRead, read_baseline
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import SlotsFound, contradict_slots, find_slots
from jobs.pipeline.conversations import (
    CaseTables,
    build_conversations,
    build_tables,
    measured_thresholds,
)
from jobs.pipeline.first_sign import FirstSign, find_first_sign
from jobs.pipeline.levels import Path
from jobs.pipeline.near import NearReadings, follow_path
from jobs.pipeline.read_flows import FlowsRead
from jobs.spark.concurrent import run_concurrently
from jobs.spark.phases import Phases
from transforms.questions.options import Thresholds


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Peers and conversations in memory, and what they were judged by."""

    thresholds: Thresholds
    readings: NearReadings
    baseline: BaselineRead | None
    sign: FirstSign
    path: Path
    slots: SlotsFound
    tables: CaseTables

    def release(self) -> None:
        """Give back what was kept in memory."""
        if self.baseline is not None:
            self.baseline.release()
        self.readings.release()
        self.tables.release()


def judge_peers(spark: SparkSession, case: Case, phases: Phases, *, window: FlowsRead) -> Judged:
    """Compare the subject with the days before, follow the path, judge every peer."""
    thresholds = measured_thresholds(case, window)
    readings = NearReadings(spark, case, phases, thresholds)
    with run_concurrently() as begin:
        finding = begin(find_slots, spark, case, phases, window=window)
        baseline = read_baseline(spark, case, phases, window=window, thresholds=thresholds)
        talks = build_conversations(spark, case, phases, window=window, thresholds=thresholds)
        sign = find_first_sign(
            spark, case, conversations=talks, baseline=baseline, thresholds=thresholds
        )
        path = follow_path(
            spark, case, readings, window=window, conversations=talks, baseline=baseline,
            sign=sign, thresholds=thresholds,
        )  # fmt: skip
        slots = contradict_slots(case, found=finding.result(), conversations=path.conversations)
        tables = build_tables(
            spark, case, phases, path=path, baseline=baseline, gaps=slots.gap_stretches
        )
    return Judged(
        thresholds=thresholds,
        readings=readings,
        baseline=baseline,
        sign=sign,
        path=path,
        slots=slots,
        tables=tables,
    )
