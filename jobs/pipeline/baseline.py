"""What the days before the window know of the subject: a reading of its own, and its peers."""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.arguments import Arguments
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.reading import close_books, read_flows
from jobs.spark.phases import Phases
from transforms.conversations.build import conversations_of
from transforms.questions.question import Asked, Baseline
from transforms.questions.verdict import peers_of
from transforms.window import Window

# What happens just before the first sign belongs to neither.
GAP = timedelta(hours=1)


class BaselineRead(NamedTuple):
    """The books of the reading, what it knows, and the peers in it."""

    books: Books
    baseline: Baseline
    peers: DataFrame | None  # None where it does not reach far enough back

    def release(self) -> None:
        """Give back what was kept in memory for it."""
        if self.peers is not None:
            self.peers.unpersist()


def baseline_window(arguments: Arguments) -> Window:
    """From so many days before the window until an hour before it."""
    window = arguments.window
    days = timedelta(days=arguments.asked.baseline_days)
    return window._replace(from_at=window.from_at - days, to_at=window.from_at - GAP)


def read_baseline(spark: SparkSession, case: Case, asked: Asked, phases: Phases) -> BaselineRead:
    """Read the days before with what the window taught of the subject; writes `baseline/…`.

    `case` is that of the window after its reading. Conversations are cut with the rules of the
    window, so that the two compare.
    """
    assert case.baseline is not None
    arguments = replace(case.arguments, window=baseline_window(case.arguments), derive=False)
    further = case._replace(arguments=arguments, listing=case.baseline, reading="baseline")
    reading = read_flows(spark, further, phases)
    books = close_books(spark, reading)
    seen = reading.flows.agg(
        F.min("start").alias("first_s"), F.countDistinct(F.to_date("start_at")).alias("days")
    ).first()
    first_s = seen["first_s"] if seen else None
    least = timedelta(days=asked.thresholds.baseline_min_days).total_seconds()
    is_enough = False if first_s is None else case.arguments.window.from_s - first_s >= least
    peers, services, later = None, 0, 0
    if first_s is not None and is_enough:
        conversations = conversations_of(
            reading.flows,
            case.subject.addresses,
            asked.thresholds.rules(),
            are_several=len(case.subject.instance_ids) > 1,
        )
        peers = peers_of(conversations).persist()
        known = peers.agg(
            F.count("*").alias("services"),
            F.count_if(F.col("first_at") >= F.timestamp_seconds(F.lit(first_s + 86_400))).alias(
                "later"
            ),
        ).first()
        services, later = (known["services"], known["later"]) if known else (0, 0)
    reading.release()
    days = seen["days"] if seen else 0
    return BaselineRead(
        books,
        Baseline(asked.baseline_days, first_s, days, services, later, is_enough),
        peers,
    )
