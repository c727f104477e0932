"""Who began a conversation, and how far it got."""

from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.network.service_classes import rank_of


class Rules(NamedTuple):
    """Thresholds of the definitions; printed with the answers."""

    aggregation_s: int = 60
    gap_slack_s: int = 120
    ephemeral_min: int = 32_768
    shared_min: int = 3
    data_min: int = 1_024

    @property
    def gap_s(self) -> int:
        """Longer silence than this ends a conversation."""
        return self.aggregation_s + self.gap_slack_s


def with_initiator(sessions: DataFrame, rules: Rules) -> DataFrame:
    """Add `initiator` and `initiator_basis`: the first rule that fires, (a) to (f).

    flags: the side with a SYN and no ACK began, the side with both answered. reject: the rejected
    side began where nothing came back. port: the known or lower port is the service. shared port:
    the port that several pairs share is the service. order: who was seen first. unknown: counted,
    never dropped.
    """
    own, far = (rank_of(port, rules.ephemeral_min) for port in ("subject_port", "peer_port"))
    first = f"""
        CASE WHEN syn_out_s IS NOT NULL AND syn_in_s IS NOT NULL AND syn_out_s <> syn_in_s
                 THEN IF(syn_out_s < syn_in_s, 'subject flags', 'peer flags')
             WHEN syn_out_s IS NOT NULL AND syn_in_s IS NULL THEN 'subject flags'
             WHEN syn_in_s IS NOT NULL AND syn_out_s IS NULL THEN 'peer flags'
             WHEN synacks_in > 0 AND synacks_out = 0 THEN 'subject flags'
             WHEN synacks_out > 0 AND synacks_in = 0 THEN 'peer flags'
             WHEN near_rejects_out + far_rejects_out > 0 AND records_in = 0 THEN 'subject reject'
             WHEN near_rejects_in + far_rejects_in > 0 AND records_out = 0 THEN 'peer reject'
             WHEN protocol IN (6, 17) AND {far} > {own} THEN 'subject port'
             WHEN protocol IN (6, 17) AND {own} > {far} THEN 'peer port'
        END
    """
    # Only undecided rows share a key, so that no decided one is gathered in one place for nothing.
    decided = sessions.withColumn("_by", F.expr(first))
    spread = "IF(_by IS NULL, 0, xxhash64(subject_address, subject_port, peer, peer_port))"
    by_own = Window.partitionBy("protocol", "subject_address", "subject_port", "_spread")
    by_far = Window.partitionBy("protocol", "peer", "peer_port", "_spread")
    least = rules.shared_min
    rest = f"""
        CASE WHEN _by IS NOT NULL THEN _by
             WHEN protocol IN (6, 17) AND _far >= {least} AND _far > _own THEN 'subject shared port'
             WHEN protocol IN (6, 17) AND _own >= {least} AND _own > _far THEN 'peer shared port'
             WHEN first_in_s IS NULL OR first_out_s < first_in_s THEN 'subject order'
             WHEN first_out_s IS NULL OR first_in_s < first_out_s THEN 'peer order'
             ELSE 'unknown no rule' END
    """
    return (
        decided.withColumn("_spread", F.expr(spread))
        .withColumns({"_own": F.count("*").over(by_own), "_far": F.count("*").over(by_far)})
        .withColumn("_by", F.expr(rest))
        .withColumns(
            {
                "initiator": F.expr("split(_by, ' ')[0]"),
                "initiator_basis": F.expr("substring(_by, instr(_by, ' ') + 1)"),
            }
        )
        .drop("_by", "_spread", "_own", "_far")
    )


def with_outcome(sessions: DataFrame, rules: Rules) -> DataFrame:
    """Add `outcome`, `outcome_basis` and what follows from them; rename to the schema's columns.

    Forward is from the side that began; where that is unknown, from the subject. What an interface
    accepted is never an answer: an answer is traffic that came back.
    """
    is_out = "initiator <> 'peer'"

    def side(forward_out: str, forward_in: str) -> Column:
        return F.expr(f"IF({is_out}, {forward_out}, {forward_in})")

    is_v6 = "instr(peer, ':') > 0"
    header = f"""IF({is_v6}, 40, 20) + CASE protocol WHEN 6 THEN 20
                 WHEN 17 THEN 8 WHEN 1 THEN 8 WHEN 58 THEN 8 ELSE 0 END"""
    payload = f"greatest(bytes_{{way}} - packets_{{way}} * ({header}), 0L)"
    answered = """
        CASE WHEN _synacks > 0 THEN 'flags'
             WHEN _back >= 1 THEN 'counters' END
    """
    # A bare RST has no options: nothing but headers came back, to more than headers.
    refused = f"""
        CASE WHEN protocol <> 6 OR _synacks > 0 OR _back = 0 THEN NULL
             WHEN _resets > 0 AND greatest(payload_out, payload_in) <= {rules.data_min} THEN 'flags'
             WHEN _known_flags = 0 AND _back <= _forward AND _back_payload = 0
                  AND _forward_payload > 0 AND _forward_payload <= 20 * _forward
                 THEN 'counters (likely)'
             WHEN _known_flags = 0 AND _forward = 1 AND _back = 1 THEN 'counters (likely)' END
    """
    outcome = f"""
        CASE WHEN _refused IS NOT NULL THEN concat('REFUSED|', _refused)
             WHEN _answered IS NOT NULL AND greatest(payload_out, payload_in) > {rules.data_min}
                 THEN concat('DATA|', _answered)
             WHEN _answered IS NOT NULL THEN concat('ANSWERED|', _answered)
             WHEN _rejects_far > 0 THEN 'BLOCKED_DST|action'
             WHEN _rejects_near > 0 THEN 'BLOCKED_SRC|action'
             ELSE 'NO_ANSWER|nothing came back' END
    """
    five = "protocol, subject_address, subject_port, peer, peer_port, first_s"
    known_flags = """
        synacks_in + synacks_out + resets_in + resets_out
        + IF(syn_in_s IS NULL AND syn_out_s IS NULL, 0, 1)"""
    service_port = "CASE initiator WHEN 'subject' THEN peer_port WHEN 'peer' THEN subject_port END"
    # Each step is analysed as soon as it is named: what needs nothing of another shares one.
    return (
        sessions.withColumns(
            {
                "payload_out": F.expr(payload.format(way="out")),
                "payload_in": F.expr(payload.format(way="in")),
                "_forward": side("most_packets_out", "most_packets_in"),
                "_back": side("most_packets_in", "most_packets_out"),
                "_synacks": side("synacks_in", "synacks_out"),
                "_resets": side("resets_in", "resets_out"),
                "_rejects_near": side("near_rejects_out", "far_rejects_in"),
                "_rejects_far": side("far_rejects_out", "near_rejects_in"),
                "_known_flags": F.expr(known_flags),
                "service_port": F.expr(service_port),
                "first_at": F.timestamp_seconds("first_s"),
                "last_at": F.timestamp_seconds("last_s"),
                "conversation_id": F.expr(f"substring(sha2(concat_ws('|', {five}), 256), 1, 40)"),
            }
        )
        .withColumns(
            {
                "_forward_payload": side("payload_out", "payload_in"),
                "_back_payload": side("payload_in", "payload_out"),
                "_answered": F.expr(answered),
            }
        )
        .withColumn("_refused", F.expr(refused))
        .withColumn("_outcome", F.expr(outcome))
        .withColumns(
            {
                "outcome": F.expr("split(_outcome, '[|]')[0]"),
                "outcome_basis": F.expr("split(_outcome, '[|]')[1]"),
            }
        )
    )
