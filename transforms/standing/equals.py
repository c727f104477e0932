"""What other machines do: the equals of a machine, and the crowd at a service."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.questions.sql import HAS_REACHED, whole_sum
from transforms.vocabulary import INSIDE

# An equal that talks with its own equals does what the machine does with its equals.
EACH_OTHER = "(equal)"
SERVICE = ("initiator", "peer", "service_port", "protocol")


class EqualOf(NamedTuple):
    """An address of an equal, the equal's own key, and the machine whose equal it is."""

    machine: str
    equal: str
    address: str


def equal_activity(near: DataFrame, pairs: DataFrame, members: DataFrame) -> DataFrame:
    """One row per machine, side, peer, port and protocol: how many equals do this.

    `near` are conversations of the equals, `pairs` rows of `EqualOf`, `members` the addresses
    (machine, address) of a machine and its equals. `equals` counts those that did it at all,
    `equals_reached` those that got an answer; `peak_equals` is the busiest hour of one of them.
    """
    of_machine = members.select(F.col("machine").alias("_of"), F.col("address").alias("_at"))
    named = (
        near.join(F.broadcast(pairs), near["subject_address"] == pairs["address"])
        .drop("address")
        .join(
            F.broadcast(of_machine),
            (F.col("_of") == F.col("machine")) & (F.col("_at") == F.col("peer")),
            "left",
        )
        .withColumn("peer", F.expr(f"IF(_at IS NULL, peer, '{EACH_OTHER}')"))
    )
    hourly = named.groupBy(
        "machine", "equal", *SERVICE, F.date_trunc("HOUR", "first_at").alias("hour")
    ).agg(
        F.count("*").alias("calls"),
        F.expr(whole_sum("bytes_out")).alias("bytes"),
        F.expr(f"count_if({HAS_REACHED})").alias("reached"),
    )
    return hourly.groupBy("machine", *SERVICE).agg(
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
