"""Conversations → what a machine did with each service, before a moment and from it on."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.questions.sql import HAS_FAILED, HAS_REACHED, whole_sum
from transforms.vocabulary import Outcome, ring_of_rank, ring_rank

# What makes a row of `peers`: from hop 2 on `machine` is the address that takes part, at hop 1 it
# is empty, as the subject is one whatever its addresses.
KEY = ("hop", "machine", "initiator", "peer", "service_port", "protocol")
MACHINE = "IF(hop = 1, '', subject_address)"
_HAS_DATA = f"outcome = '{Outcome.DATA}'"


def with_moment(conversations: DataFrame, moments: DataFrame) -> DataFrame:
    """Add `machine` and `is_before`: whether it began before the moment of its machine.

    `moments` has a row for each machine with `moment_s` (Unix seconds). Rows without a moment are
    left out: nothing is asked about that machine.
    """
    return (
        conversations.withColumn("machine", F.expr(MACHINE))
        .join(F.broadcast(moments.select("machine", "moment_s")), "machine")
        .withColumn("is_before", F.expr("unix_timestamp(first_at) < moment_s"))
        .drop("moment_s")
    )


def activity_of(conversations: DataFrame) -> DataFrame:
    """One row per `KEY`, from rows of `with_moment`.

    `…_before` and `…_after` count conversations; `peak_…` is the busiest hour, in conversations
    and in bytes from the machine (null where not recorded); `hours_before` and `days_before` are
    those in which it began. `reached_at` is the first answer, `data_at` the first data, `near` the
    own address; `conversation_id` is the first with data, else with an answer, else of all.
    """
    hourly = _by_hour(conversations)
    after = "NOT is_before"
    return hourly.groupBy(*KEY).agg(
        F.expr("sum(IF(is_before, calls, 0))").alias("attempts_before"),
        F.expr("sum(IF(is_before, reached, 0))").alias("reached_before"),
        F.expr("coalesce(max(IF(is_before, calls, 0)), 0)").alias("peak_before"),
        F.expr("max(IF(is_before, bytes, NULL))").alias("peak_bytes_before"),
        F.expr("count(DISTINCT IF(is_before, hour, NULL))").alias("hours_before"),
        F.expr("count(DISTINCT IF(is_before, to_date(hour), NULL))").alias("days_before"),
        F.expr("count(DISTINCT hour)").alias("hours"),
        F.expr(f"sum(IF({after}, calls, 0))").alias("attempts_after"),
        F.expr(f"sum(IF({after}, reached, 0))").alias("reached_after"),
        F.expr(f"sum(IF({after}, with_data, 0))").alias("data_after"),
        F.expr(f"coalesce(max(IF({after}, calls, 0)), 0)").alias("peak_after"),
        F.expr(f"max(IF({after}, bytes, NULL))").alias("peak_bytes_after"),
        F.expr(f"min(IF({after}, first_at, NULL))").alias("began_at"),
        F.expr(f"min(IF({after}, reached_at, NULL))").alias("reached_at"),
        F.expr(f"min(IF({after}, data_at, NULL))").alias("data_at"),
        F.expr(f"coalesce(min_by(first_failed, IF({after}, first_at, NULL)), false)")
        .alias("has_failed_first"),
        F.expr(f"coalesce(min_by(data_id, IF({after}, data_at, NULL)),"
               f" min_by(reached_id, IF({after}, reached_at, NULL)),"
               f" min_by(first_id, IF({after}, first_at, NULL)))").alias("conversation_id"),
        F.expr(ring_of_rank("min(ring)")).alias("peer_ring"),
        F.max("peer_name").alias("peer_name"),
        F.max("near").alias("near"),
    )  # fmt: skip


def _by_hour(conversations: DataFrame) -> DataFrame:
    return conversations.groupBy(
        *KEY, "is_before", F.date_trunc("HOUR", "first_at").alias("hour")
    ).agg(
        F.count("*").alias("calls"),
        F.expr(f"count_if({HAS_REACHED})").alias("reached"),
        F.expr(f"count_if({_HAS_DATA})").alias("with_data"),
        F.max("peer_name").alias("peer_name"),
        F.max("subject_address").alias("near"),
        F.expr(whole_sum("bytes_out")).alias("bytes"),
        F.expr(f"min({ring_rank('peer_ring')})").alias("ring"),
        F.min("first_at").alias("first_at"),
        F.expr(f"min_by({HAS_FAILED}, first_at)").alias("first_failed"),
        F.expr("min_by(conversation_id, first_at)").alias("first_id"),
        F.expr(f"min(IF({HAS_REACHED}, first_at, NULL))").alias("reached_at"),
        F.expr(f"min_by(conversation_id, IF({HAS_REACHED}, first_at, NULL))").alias("reached_id"),
        F.expr(f"min(IF({_HAS_DATA}, first_at, NULL))").alias("data_at"),
        F.expr(f"min_by(conversation_id, IF({_HAS_DATA}, first_at, NULL))").alias("data_id"),
    )
