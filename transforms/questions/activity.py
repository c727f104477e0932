"""How the subject behaved over time: containment, hours, odd protocols."""

from transforms.network.protocols import ICMP, ICMPV6, TCP, UDP
from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_PEER,
    HAS_REACHED,
    IS_OUTSIDE,
    STRONGEST_FIRST,
)
from transforms.wording import count_of, moment

AFTER_CONTAINMENT_SQL = """
    SELECT IF(first_at < {contained_at}, 'before', 'after') AS began, initiator, peer, peer_name,
           peer_ring, protocol, service_port, outcome, first_at, last_at, bytes_out, bytes_in,
           conversation_id
    FROM conversations
    WHERE hop = 1 AND last_at > {contained_at}"""
_USUAL_PROTOCOLS = f"{ICMP}, {TCP}, {UDP}, {ICMPV6}"
ODD_PROTOCOLS_SQL = f"""
    SELECT protocol, peer, max(peer_name) AS peer_name, min(peer_ring) AS peer_ring,
           count(*) AS conversations, sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in,
           min(first_at) AS first_at, max(last_at) AS last_at
    FROM conversations WHERE hop = 1 AND protocol NOT IN ({_USUAL_PROTOCOLS})
    GROUP BY protocol, peer"""
HOURS_SQL = f"""
    SELECT date_trunc('HOUR', first_at) AS hour, count(*) AS conversations,
           count_if({{attempts}}) AS attempts_inside,
           count_if({{attempts}} AND NOT ({HAS_REACHED}))
               AS attempts_in_vain,
           count_if({BY_PEER}) AS from_peers,
           sum(IF({IS_OUTSIDE}, payload_out, 0)) AS payload_outside
    FROM conversations WHERE hop = 1 GROUP BY date_trunc('HOUR', first_at)"""


def _has_containment(context: QuestionContext) -> bool:
    return context.options.contained_at is not None


def _tell_after_containment(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not _has_containment(context):
        return Told("not asked", "No --contained_at was given.")
    if not rows:
        return Told("silent", "No conversation has a record after containment.")
    passed = figures["passed_before"] + figures["passed_after"]
    return Told(
        "it did not hold" if passed else "blocked",
        f"{count_of(figures['before'], 'conversation', 'conversations')} that began before "
        f"containment went on after it, {figures['after']:,} began after; "
        f"{passed:,} of both got an answer, the last record is of "
        f"{moment(rows[0]['last_at'])} UTC.",
    )


# Tracked connections outlive a new rule of a security group.
AFTER_CONTAINMENT = Question(
    id="P0-10",
    slug="after_containment",
    title="Did containment work?",
    rule="Conversations with a record that ends after contained_at, by whether they began before",
    sql=AFTER_CONTAINMENT_SQL,
    figures={
        "before": "count_if(began = 'before')",
        "after": "count_if(began = 'after')",
        "passed_before": f"count_if(began = 'before' AND {HAS_REACHED})",
        "passed_after": f"count_if(began = 'after' AND {HAS_REACHED})",
    },
    order=f"last_at DESC, {STRONGEST_FIRST}, first_at, conversation_id",
    tell=_tell_after_containment,
    options=("contained_at",),
    is_asked=_has_containment,
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)


def _tell_odd_protocols(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "Only ICMP, TCP, UDP and ICMPv6.")
    listed = ", ".join(sorted({str(row["protocol"]) for row in rows}))
    return Told(
        count_of(figures["protocols"], "protocol", "protocols"),
        f"Protocols {listed} with {count_of(figures['peers'], 'address', 'addresses')}.",
    )


ODD_PROTOCOLS = Question(
    id="P2-18",
    slug="odd_protocols",
    title="Odd protocols?",
    rule=f"Conversations of a protocol other than {_USUAL_PROTOCOLS}",
    sql=ODD_PROTOCOLS_SQL,
    figures={"protocols": "count(DISTINCT protocol)", "peers": "count(DISTINCT peer)"},
    order="protocol, bytes_out DESC, peer",
    tell=_tell_odd_protocols,
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)


def _tell_hours(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    return Told(
        count_of(figures["hours"], "hour", "hours"),
        f"{count_of(figures['conversations'], 'conversation', 'conversations')} began in "
        f"{count_of(figures['hours'], 'hour', 'hours')}.",
    )


HOURS = Question(
    id="P2-19",
    slug="hours",
    title="When was it active?",
    rule="Conversations by the hour (UTC) in which they began",
    sql=HOURS_SQL,
    figures={"hours": "count(*)", "conversations": "sum(conversations)"},
    order="hour",
    tell=_tell_hours,
    places=frozenset({Place.HOUR_MATRIX}),
)
