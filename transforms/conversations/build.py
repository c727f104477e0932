"""Flow records → conversations: what two ends did, however many interfaces and logs saw it."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.conversations.initiator import OF_CERTAINTY, with_initiator
from transforms.conversations.outcome import with_outcome
from transforms.conversations.rules import Recorded, Rules
from transforms.conversations.sessions import (
    by_observer,
    in_sessions,
    over_observers,
    with_rejected_tries_apart,
    without_unknown_vpcs,
)
from transforms.conversations.sides import (
    HAS_ENDS,
    from_that_side,
    is_out,
    quoted,
    with_each_side,
    with_the_subjects_side,
)
from transforms.schemas import CONVERSATIONS
from transforms.table_shape import columns_of_ddl

CONVERSATIONS_VERSION = "2"
# What is held in memory and analysed by every question: no working column but those.
_KEPT = sorted({*columns_of_ddl(CONVERSATIONS), *OF_CERTAINTY} - {"hop", "run_id"})


def survey(flows: DataFrame, addresses: Sequence[str] = ()) -> DataFrame:
    """One row: what the records carry, and the 99th percentile of their length in seconds.

    `left_out` are records of traffic that no conversation can hold: an address is missing, or it
    cannot be told which end is the subject's.
    """
    is_sided = f"{HAS_ENDS} AND ({is_out(quoted(addresses))}) IS NOT NULL"
    has_ends = "srcaddr IS NOT NULL AND dstaddr IS NOT NULL"
    at_own = "role = 'own_interface'"
    return flows.agg(
        F.expr(f"count_if({has_ends})").alias("records"),
        F.expr(f"""coalesce(percentile_approx(IF({has_ends}, `end` - start, NULL), 0.99), 0)""")
        .alias("p99_s"),
        F.expr(f"count_if({has_ends} AND tcp_flags IS NOT NULL)").alias("with_flags"),
        F.expr(f"count_if({has_ends} AND pkt_srcaddr IS NOT NULL)").alias("with_packet_addresses"),
        F.expr(f"count_if({has_ends} AND flow_direction IS NOT NULL)").alias("with_direction"),
        F.expr(f"count_if({has_ends} AND upper(action) = 'ACCEPT')").alias("accepts"),
        F.expr(f"count_if({has_ends} AND upper(action) = 'REJECT')").alias("rejects"),
        F.expr(f"count_if({has_ends} AND {at_own})").alias("own_records"),
        F.expr(f"""count_if(role IS NOT NULL AND NOT ({is_sided})
                   AND coalesce(log_status, 'OK') = 'OK')""").alias("left_out"),
        F.expr(f"count_if({has_ends} AND role = 'unknown_vpc')").alias("unknown_vpc"),
        F.expr(f"min(IF({at_own}, coalesce(start, `end`), NULL))").alias("own_first_s"),
        F.expr(f"max(IF({at_own}, coalesce(`end`, start), NULL))").alias("own_last_s"),
        F.expr(f"collect_set(IF({at_own}, interface_id, NULL))").alias("own_interfaces"),
        F.expr("slice(sort_array(collect_set(IF(log_status = 'SKIPDATA' AND start <= `end`,"
               " struct(start AS first_s, `end` AS last_s), NULL))), 1, 200)").alias("gaps"),
    )  # fmt: skip


def aggregation_of(p99_s: int) -> int:
    """The aggregation interval: 60 or 600 s. AWS: at most 60 s on Nitro instances."""
    return 60 if p99_s <= 61 else 600


def conversations_of(
    flows: DataFrame,
    addresses: Sequence[str],
    rules: Rules,
    *,
    hop: int = 1,
    are_several: bool = False,
    recorded: Recorded | None = None,
) -> DataFrame:
    """Rows of `schemas.CONVERSATIONS` without `run_id`, and what `less_certain_in` needs.

    Each record with traffic is in exactly one of them, as a record or as a copy of one, or among
    the `left_out` of `survey`, or among `facts.of_unknown_vpcs`. Where the addresses `are_several`
    machines', what two of them did with each other is there from either side.
    """
    sided = with_each_side if are_several else with_the_subjects_side
    known = recorded or Recorded()
    records = flows.where(HAS_ENDS).transform(sided, quoted(addresses)).transform(from_that_side)
    if known.has_unknown_vpcs:
        records = without_unknown_vpcs(records)
    return (
        records.transform(in_sessions, rules.gap_s)
        .transform(by_observer)
        .transform(over_observers)
        .transform(with_rejected_tries_apart)
        .transform(with_initiator, rules, known)
        .transform(with_outcome, rules, known)
        .selectExpr(*_KEPT, f"{hop} AS hop")
    )
