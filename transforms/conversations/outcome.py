"""How far a conversation got."""

from pyspark.sql import DataFrame

from transforms.columns import with_texts
from transforms.conversations.rules import Recorded, Rules

_HEADER = """IF(instr(peer, ':') > 0, 40, 20) + CASE protocol WHEN 6 THEN 20
    WHEN 17 THEN 8 WHEN 1 THEN 8 WHEN 58 THEN 8 ELSE 0 END"""
_MORE_THAN_HEADERS = f"bytes_{{way}} - packets_{{way}} * ({_HEADER})"
_PAYLOAD = f"IF({_MORE_THAN_HEADERS} < 0, 0L, {_MORE_THAN_HEADERS})"
_FIVE = "protocol, subject_address, subject_port, peer, peer_port, first_s, initiator"
_SERVICE_PORT = "CASE initiator WHEN 'subject' THEN peer_port WHEN 'peer' THEN subject_port END"


def with_outcome(sessions: DataFrame, rules: Rules, recorded: Recorded) -> DataFrame:
    """Add `outcome`, `outcome_basis` and what follows from them; rename to the schema's columns.

    What an interface accepted on the way there is never an answer: an answer is traffic that came
    back.
    """
    return with_texts(
        sessions,
        {
            **_by_direction(),
            "payload_out": _PAYLOAD.format(way="out"),
            "payload_in": _PAYLOAD.format(way="in"),
            "records": "records_out + records_in",
            "service_port": _SERVICE_PORT,
            "first_at": "timestamp_seconds(first_s)",
            "last_at": "timestamp_seconds(last_s)",
            "conversation_id": f"substring(sha2(concat_ws('|', {_FIVE}), 256), 1, 40)",
            "is_contradicted": _is_contradicted(recorded),
            "_forward_payload": _side("payload_out", "payload_in"),
            "_back_payload": _side("payload_in", "payload_out"),
            "_outcome": _outcome(rules, recorded),
            "outcome": "split(_outcome, '[|]')[0]",
            "outcome_basis": "split(_outcome, '[|]')[1]",
        },
    )


def _side(forward_out: str, forward_in: str) -> str:
    """SQL text. Forward is from the side that began; where that is unknown, from the subject, or to
    it where only a reply or a close of the subject was seen.
    """
    only_reply = "initiator_basis IN ('only a reply was seen', 'only a close was seen')"
    is_out = f"IF({only_reply}, records_out = 0, initiator <> 'peer')"
    return f"IF({is_out}, {forward_out}, {forward_in})"


def _by_direction() -> dict[str, str]:
    """SQL texts: counters of the way there and of the way back, from those of out and in."""
    backward = {"_back": "accepted", "_synacks": "synacks", "_resets": "resets",
                "_back_packets": "packets", "_back_data": "data"}  # fmt: skip
    forward = {"_syn_s": "syn_s", "_forward_packets": "packets"}
    return {
        **{name: _side(f"{source}_in", f"{source}_out") for name, source in backward.items()},
        **{name: _side(f"{source}_out", f"{source}_in") for name, source in forward.items()},
        "_rejects_near": _side("near_rejects_out", "far_rejects_in"),
        "_rejects_far": _side("far_rejects_out", "near_rejects_in"),
    }


def _outcome(rules: Rules, recorded: Recorded) -> str:
    """SQL text: outcome and basis.

    REFUSED: nothing but resets came back to a SYN. Without flags, nothing but headers without
    options, as in resets, to headers with the options of a SYN, or one packet to one packet.
    """
    how = "IF(_synacks > 0, 'flags', 'counters')"
    only_resets = "_synacks = 0 AND _resets > 0 AND _resets = _back AND _back_data = 0"
    looks_refused = f"""flagged = 0 AND NOT ({recorded.at_start(rules)}) AND _back_payload = 0
        AND (_forward_packets = 1 AND _back_packets = 1
             OR _back_packets <= _forward_packets
                AND _forward_payload BETWEEN 1 AND 20 * _forward_packets)"""
    return f"""
        CASE WHEN protocol = 6 AND _syn_s IS NOT NULL AND {only_resets} THEN 'REFUSED|flags'
             WHEN protocol = 6 AND _back > 0 AND {looks_refused} THEN 'REFUSED|counters (likely)'
             WHEN _back + _synacks > 0 THEN
                 CASE WHEN greatest(data_out, data_in) > {rules.data_min}
                          THEN concat('DATA|', {how})
                      WHEN blank_out + blank_in > 0 THEN 'ANSWERED|volume not recorded'
                      ELSE concat('ANSWERED|', {how}) END
             WHEN _rejects_far > 0 THEN 'BLOCKED_DST|action'
             WHEN _rejects_near > 0 THEN 'BLOCKED_SRC|action'
             ELSE 'NO_ANSWER|nothing came back' END"""


def _is_contradicted(recorded: Recorded) -> str:
    """SQL text: a peer's interface saw one side where the subject's, which recorded, saw none."""
    sides = " OR ".join(
        f"peer_records_{way} > 0 AND subject_records_{way} = 0" for way in ("out", "in")
    )
    return f"({recorded.in_own_sight()}) AND ({sides})"
