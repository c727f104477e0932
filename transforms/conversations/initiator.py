"""Who began a conversation, by which rule, and how sure that is."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.columns import with_texts
from transforms.conversations.rules import Recorded, Rules
from transforms.network.service_classes import rank_of

# This many seconds between the first records of the two sides make an order.
_ORDER_S = 2
_HAS_PORTS = "protocol IN (6, 17)"
OF_CERTAINTY = ("first_s", "last_s", *(f"{name}_{way}" for name in ("syn_s", "try_flagged")
                                       for way in ("out", "in")))  # fmt: skip


def with_initiator(sessions: DataFrame, rules: Rules, recorded: Recorded) -> DataFrame:
    """Add `initiator`, `initiator_basis` and `certainty`: the first rule that fires.

    1. one side: only one side sent, and not only replies, nor only the end (FIN without payload) of
    what these ports had carried before; 2. SYN-ACK: of one side alone; 3. SYN times, of accepted
    ones; 4. order; 5. crowd: a port that many other ends share; 6. ports: the known or the lower
    one. Where nothing else decides, an order of one second does.

    Whoever holds the subject can send a SYN-ACK of his own: without the peer's SYN it is no proof
    that the peer began.
    """
    # Undecided rows share a key, and those without ports; no other row is gathered for nothing.
    spread = f"""
        IF(_by_records IS NULL OR NOT ({_HAS_PORTS}), 0,
           xxhash64(subject_address, subject_port, peer, peer_port))"""
    ranked = with_texts(
        sessions,
        {
            "_by_records": _by_records(rules, recorded),
            "_spread": spread,
            "_own_rank": rank_of("subject_port", rules.ephemeral_min),
            "_far_rank": rank_of("peer_port", rules.ephemeral_min),
        },
    )
    near_key = ("protocol", "subject_address", "subject_port", "_spread")
    far_key = ("protocol", "peer", "peer_port", "_spread")
    near, far = Window.partitionBy(*near_key), Window.partitionBy(*far_key)
    alone = {way: f"records_{way} > 0 AND records_{other} = 0"
             for way, other in (("out", "in"), ("in", "out"))}  # fmt: skip
    in_order = ranked.withColumns(
        {
            "_near_before": F.lag("peer_port").over(near.orderBy("peer_port")),
            "_far_before": F.lag("subject_port").over(far.orderBy("subject_port")),
            **{f"_alone_{way}": F.count_if(F.expr(test)).over(near) for way, test in alone.items()},
        }
    )
    crowded = in_order.withColumns(
        {
            "_near_crowd": _crowd("_near_before", "peer_port", "_far_rank").over(near),
            "_far_crowd": _crowd("_far_before", "subject_port", "_own_rank").over(far),
        }
    )
    by_others = _by_others(rules.shared_min, recorded, rules)
    return with_texts(
        crowded,
        {
            "_by": f"coalesce(_by_records, {by_others})",
            **{name: f"split(_by, '[|]')[{at}]" for at, name in enumerate(_NAMES)},
        },
    )


def less_certain_in(conversations: DataFrame, gaps: Sequence[tuple[int, int]]) -> DataFrame:
    """Lower `proven` to `likely` where one side alone was seen while records are missing.

    A gap reaches from its first second until before its second one. A SYN proves who began,
    whatever else is missing. `conversations` have the columns OF_CERTAINTY.
    """
    if not gaps:
        return conversations
    spans = " OR ".join(f"first_s < {until} AND last_s >= {first}" for first, until in gaps)
    has_syn = " OR ".join(
        f"initiator = '{who}' AND (syn_s_{way} IS NOT NULL OR try_flagged_{way} > 0)"
        for who, way in (("subject", "out"), ("peer", "in"))
    )
    is_weak = f"""hop = 1 AND certainty = 'proven' AND initiator_basis = 'one side'
        AND NOT ({has_syn}) AND ({spans})"""
    return conversations.withColumn("certainty", F.expr(f"IF({is_weak}, 'likely', certainty)"))


_NAMES = ("initiator", "initiator_basis", "certainty")


def _by_records(rules: Rules, recorded: Recorded) -> str:
    """SQL text: rules 1 to 3, which need no other conversation."""
    at_edge = f"{recorded.at_start(rules)} OR {recorded.at_end(rules)}"
    is_weak = f"({at_edge} OR {recorded.in_gap()} OR protocol IN (1, 58))"
    one_side = " ".join(
        f"""
        WHEN records_{other} = 0 AND replies_{way} = records_{way}
            THEN 'unknown|only a reply was seen|unknown'
        WHEN records_{other} = 0 AND session > 0 AND replies_{way} + closes_{way} = records_{way}
            THEN 'unknown|only a close was seen|unknown'
        WHEN records_{other} = 0 THEN concat('{who}|one side|',
            IF({is_weak} AND syn_s_{way} IS NULL AND try_flagged_{way} = 0, 'likely', 'proven'))"""
        for who, way, other in (("subject", "out", "in"), ("peer", "in", "out"))
    )
    return f"""
        CASE {one_side}
             WHEN synacks_out > 0 AND synacks_in > 0 THEN 'unknown|SYN-ACK from both|unknown'
             WHEN synacks_in > 0 THEN 'subject|SYN-ACK|proven'
             WHEN synacks_out > 0
                 THEN concat('peer|SYN-ACK|', IF(syn_s_in IS NULL, 'likely', 'proven'))
             WHEN syn_s_out < syn_s_in OR syn_s_out IS NOT NULL AND syn_s_in IS NULL
                 THEN 'subject|SYN times|proven'
             WHEN syn_s_in < syn_s_out OR syn_s_in IS NOT NULL AND syn_s_out IS NULL
                 THEN 'peer|SYN times|proven' END"""


def _by_others(shared_min: int, recorded: Recorded, rules: Rules) -> str:
    """SQL text: rules 4 to 6. A known service's port is no client's: where both are, none is."""
    # Without a SYN where flags are recorded it is older than its first record.
    is_older = "protocol = 6 AND flagged > 0 AND syn_s_out IS NULL AND syn_s_in IS NULL"
    inside = f"NOT ({recorded.at_start(rules)}) AND NOT ({is_older})"
    return f"""
        CASE WHEN {inside} AND began_s_in - began_s_out >= {_ORDER_S} THEN 'subject|order|likely'
             WHEN {inside} AND began_s_out - began_s_in >= {_ORDER_S} THEN 'peer|order|likely'
             WHEN {_HAS_PORTS} AND _far_crowd >= {shared_min} AND _far_crowd > _near_crowd
                 AND _own_rank < 2 THEN 'subject|crowd|likely'
             WHEN {_HAS_PORTS} AND _near_crowd >= {shared_min} AND _near_crowd > _far_crowd
                 AND _far_rank < 2 THEN 'peer|crowd|likely'
             WHEN {_HAS_PORTS} AND _far_rank > _own_rank THEN 'subject|ports|likely'
             WHEN {_HAS_PORTS} AND _own_rank > _far_rank THEN 'peer|ports|likely'
             WHEN NOT ({_HAS_PORTS}) AND _alone_out >= {shared_min} AND _alone_in = 0
                 THEN 'subject|crowd|likely'
             WHEN NOT ({_HAS_PORTS}) AND _alone_in >= {shared_min} AND _alone_out = 0
                 THEN 'peer|crowd|likely'
             WHEN {inside} AND began_s_out < began_s_in THEN 'subject|order of a second|likely'
             WHEN {inside} AND began_s_in < began_s_out THEN 'peer|order of a second|likely'
             ELSE 'unknown|no rule|unknown' END"""


def _crowd(before: str, port: str, rank: str) -> Column:
    """How many different ports, none of them a known service's, others use with this port."""
    return F.sum(F.expr(f"IF({rank} < 2 AND NOT ({before} <=> {port}), 1, 0)"))
