"""What the days before the window know of the subject: a reading of its own, and its peers."""

from dataclasses import dataclass
from datetime import timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.arguments import Arguments
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.read_flows import FlowsRead, read_flows, recorded_in
from jobs.pipeline.scan import ReadingPlan
from jobs.spark.phases import Phases
from transforms.conversations.build import conversations_of
from transforms.questions.context import Baseline
from transforms.questions.options import Thresholds
from transforms.questions.verdict import peers_of
from transforms.standing.history import History, recorded_by_hour
from transforms.vocabulary import Reading
from transforms.window import Window

# What happens just before the first sign belongs to neither.
GAP = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class BaselineRead:
    """The books of the reading, what it knows, the peers and conversations in it.

    `peers` is None where the records do not reach far enough back, `conversations` where there are
    none. `recorded` says which hours have records.
    """

    books: Books
    baseline: Baseline
    peers: DataFrame | None
    conversations: DataFrame | None
    recorded: History

    def release(self) -> None:
        """Give back what was kept in memory for it."""
        for frame in (self.peers, self.conversations):
            if frame is not None:
                frame.unpersist()


def baseline_window(arguments: Arguments) -> Window:
    """From so many days before the window until an hour before it."""
    window = arguments.window
    days = timedelta(days=arguments.question_options.baseline_days)
    return window._replace(from_at=window.from_at - days, to_at=window.from_at - GAP)


def read_baseline(
    spark: SparkSession, case: Case, phases: Phases, *, window: FlowsRead, thresholds: Thresholds
) -> BaselineRead | None:
    """Read the days before for the subject as the window knows it; None where they are not asked.

    Writes the tables in `baseline/`. Conversations are cut with the rules of the window, so that
    the two compare.
    """
    if case.baseline_listing is None:
        return None
    plan = ReadingPlan(
        reading=Reading.BASELINE,
        window=baseline_window(case.arguments),
        listing=case.baseline_listing,
        subject=window.subject,
        may_widen=False,
    )
    read = read_flows(spark, case, plan, phases)
    times = read.flows.agg(
        F.min("start").alias("first_s"), F.countDistinct(F.to_date("start_at")).alias("days")
    ).first()
    first_s = times["first_s"] if times else None
    least_s = timedelta(days=thresholds.baseline_min_days).total_seconds()
    is_enough = first_s is not None and case.arguments.window.from_s - first_s >= least_s
    peers, conversations, services, later = None, None, 0, 0
    if first_s is not None:
        conversations = _conversations_before(plan, read, window, thresholds)
        if is_enough:
            peers = peers_of(conversations).persist()
            services, later = _count_services(peers, first_s)
    recorded = History(recorded_by_hour(read.flows, read.aggregation_s).collect())
    read.release()
    baseline = Baseline(
        asked_days=case.arguments.question_options.baseline_days,
        first_s=first_s,
        days=times["days"] if times else 0,
        services=services,
        later_services=later,
        is_enough=is_enough,
    )
    return BaselineRead(
        books=read.books,
        baseline=baseline,
        peers=peers,
        conversations=conversations,
        recorded=recorded,
    )


def _conversations_before(
    plan: ReadingPlan, read: FlowsRead, window: FlowsRead, thresholds: Thresholds
) -> DataFrame:
    """What the subject did in the days before."""
    return conversations_of(
        read.flows,
        window.subject.addresses,
        thresholds.rules(),
        are_several=window.are_several,
        recorded=recorded_in(plan.window, read),
    ).persist()


def _count_services(peers: DataFrame, first_s: int) -> tuple[int, int]:
    """All services, and those that were first seen after the first day."""
    is_later = F.col("first_at") >= F.timestamp_seconds(F.lit(first_s + 86_400))
    counts = peers.agg(F.count("*").alias("services"), F.count_if(is_later).alias("later")).first()
    return (counts["services"], counts["later"]) if counts else (0, 0)
