"""Flow records → the conversation that each of them is part of."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.conversations.sessions import with_is_known
from transforms.conversations.sides import (
    FIRST_S,
    HAS_ENDS,
    IS_REJECTED,
    LAST_S,
    OF_TUPLE,
    TUPLE,
    is_out,
    quoted,
)
from transforms.joins import with_known
from transforms.vocabulary import BLOCKED_OUTCOMES, Initiator, sql_list

# What a flow's document says of its conversation.
OF_CONVERSATION = ("conversation_id", "initiator", "outcome", "standing")

_IS_STOPPED = f"outcome IN ({sql_list(BLOCKED_OUTCOMES)})"
# Sessions of one 5-tuple lie apart in time, but a rejected try may be an attempt of its own inside
# of one: then the record that was rejected on the way of whoever began belongs to the attempt.
_MATCHING = f"""
    array_min(transform(
        filter(_held, c -> {FIRST_S} >= c.first_s AND {LAST_S} <= c.last_s),
        c -> struct(
            CASE WHEN {IS_REJECTED} AND c.is_stopped AND c.is_out <=> is_out THEN 0
                 WHEN NOT c.is_stopped THEN 1 ELSE 2 END AS nth,
            c.first_s AS first_s, {", ".join(f"c.{name} AS {name}" for name in OF_CONVERSATION)})))
"""


def with_standing(conversations: DataFrame, peers: DataFrame) -> DataFrame:
    """The subject's own conversations with the `standing` of the row of `peers` they count in."""
    key = ["peer", "service_port", "protocol", "initiator"]
    judged = peers.where("hop = 1").select(*key, "standing")
    return with_known(conversations.where("hop = 1"), judged, key)


def with_conversation(
    flows: DataFrame, conversations: DataFrame, addresses: Sequence[str], *,
    has_unknown_vpcs: bool = True,
) -> DataFrame:  # fmt: skip
    """Every flow with OF_CONVERSATION, null where it is in no conversation.

    `conversations` are rows of `with_standing`, `addresses` those that they were built with. What
    two addresses of the subject did with each other is told from the source's side. A record of an
    interface of unknown VPC, if there may be any, is in none where `without_unknown_vpcs` drops it.
    """
    held = conversations.groupBy(*(F.col(name).alias(f"_{name}") for name in TUPLE)).agg(
        F.collect_list(
            F.struct(
                F.unix_seconds("first_at").alias("first_s"),
                F.unix_seconds("last_at").alias("last_s"),
                F.expr(_IS_STOPPED).alias("is_stopped"),
                F.expr(f"initiator = '{Initiator.SUBJECT}'").alias("is_out"),
                *OF_CONVERSATION,
            )
        ).alias("_held")
    )
    own_end = f"IF({HAS_ENDS}, {is_out(quoted(addresses))}, NULL)"
    sided = flows.withColumn("is_out", F.expr(own_end)).withColumns(
        {f"_own_{name}": F.expr(text) for name, text in OF_TUPLE.items()}
    )
    same = [F.col(f"_own_{name}").eqNullSafe(F.col(f"_{name}")) for name in TUPLE]
    matching = F.expr(_MATCHING)
    if has_unknown_vpcs:
        sided = with_is_known(sided, [f"_own_{name}" for name in TUPLE])
        matching = F.when(F.col("is_known"), matching)
    found = sided.join(held, same, "left").withColumn("_found", matching)
    return found.select(
        *flows.columns, *(F.col(f"_found.{name}").alias(name) for name in OF_CONVERSATION)
    )
