"""What other machines do: the equals of a machine, and the crowd at a service."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.joins import with_known
from transforms.questions.sql import HAS_REACHED, whole_sum
from transforms.vocabulary import INSIDE

SERVICE = ("initiator", "peer", "service_port", "protocol")
EQUAL_KEY = ("machine", "initiator", "peer_or_equal", "service_port", "protocol")
EQUAL_FIGURES = ("equals", "equals_reached", "peak_equals", "peak_bytes_equals")
# An equal that talks with its own equals does what the machine does with its equals.
_EACH_OTHER = "(equal)"


class EqualOf(NamedTuple):
    """An address of an equal, the equal's own key, and the machine whose equal it is."""

    machine: str
    equal: str
    address: str


def with_equals_named(rows: DataFrame, members: DataFrame) -> DataFrame:
    """Add `peer_or_equal`: the peer, or one word for whoever is a member of the same machine.

    `members` are the addresses (machine, address) of a machine and its equals.
    """
    of_machine = members.select("machine", F.col("address").alias("peer"), F.lit(True).alias("_is"))
    found = with_known(rows, F.broadcast(of_machine), ("machine", "peer"))
    named = F.expr(f"IF(_is, '{_EACH_OTHER}', peer)")
    return found.withColumn("peer_or_equal", named).drop("_is")


def equal_activity(near: DataFrame, pairs: DataFrame, members: DataFrame) -> DataFrame:
    """One row per `EQUAL_KEY`: how many equals of the machine do this.

    `near` are conversations of the equals, `pairs` rows of `EqualOf`, `members` as in
    `with_equals_named`. `equals` counts those that did it at all, `equals_reached` those that got
    an answer; `peak_…` is the busiest hour of one of them.
    """
    own = near.join(F.broadcast(pairs), near["subject_address"] == pairs["address"]).drop("address")
    hour = F.date_trunc("HOUR", "first_at").alias("hour")
    hourly = (
        with_equals_named(own, members)
        .groupBy(*EQUAL_KEY, "equal", hour)
        .agg(
            F.count("*").alias("calls"),
            F.expr(whole_sum("bytes_out")).alias("bytes"),
            F.expr(f"count_if({HAS_REACHED})").alias("reached"),
        )
    )
    return hourly.groupBy(*EQUAL_KEY).agg(
        F.expr("count(DISTINCT equal)").alias("equals"),
        F.expr("count(DISTINCT IF(reached > 0, equal, NULL))").alias("equals_reached"),
        F.max("calls").alias("peak_equals"),
        F.max("bytes").alias("peak_bytes_equals"),
    )


def crowd_at(near: DataFrame, servers: Sequence[str], own: Iterable[str]) -> DataFrame:
    """One row per side, peer, port and protocol: how many other machines inside use it too.

    `near` are conversations of the `servers`, which are peers of the machine; `own` are addresses
    of the machine. The side is as the machine sees it: `subject` for what it began at the server.
    """
    return (
        near.where(F.col("subject_address").isin(list(servers)))
        .where(F.col("peer_ring").isin([ring.value for ring in INSIDE]))
        .where(~F.col("peer").isin(list(own)))
        .where(HAS_REACHED)
        .groupBy(
            F.expr("CASE initiator WHEN 'subject' THEN 'peer' WHEN 'peer' THEN 'subject'"
                   " ELSE initiator END").alias("initiator"),
            F.col("subject_address").alias("peer"),
            "service_port",
            "protocol",
        )
        .agg(F.countDistinct(F.col("peer")).alias("crowd"))
    )  # fmt: skip
