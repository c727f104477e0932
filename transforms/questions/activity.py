"""How the subject behaved over time: containment, regular calls, long sessions, odd protocols."""

from transforms.network.protocols import ICMP, ICMPV6, TCP, UDP
from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_PEER,
    BY_SUBJECT,
    HAS_PORTS,
    HAS_REACHED,
    IS_INSIDE,
    IS_OUTSIDE,
    SECONDS,
    STRONGEST_FIRST,
)
from transforms.vocabulary import Initiator, Standing
from transforms.wording import moment, peer_of

_NTP_PORT = 123
AFTER_CONTAINMENT_SQL = """
    SELECT IF(first_at < {contained_at}, 'before', 'after') AS began, initiator, peer, peer_name,
           peer_ring, protocol, service_port, outcome, first_at, last_at, bytes_out, bytes_in,
           conversation_id
    FROM conversations
    WHERE hop = 1 AND last_at > {contained_at}"""
_CALLED = "initiator, peer, service_port, protocol"
REGULAR_CALLS_SQL = f"""
    SELECT {_CALLED}, max(peer_name) AS peer_name, min(peer_ring) AS peer_ring,
           max(calls) AS calls, CAST(max(median) AS BIGINT) AS median_gap_s,
           CAST(percentile(abs(gap_s - median), 0.5) AS BIGINT) AS deviation_s,
           CAST(100 * try_divide(stddev_pop(gap_s), avg(gap_s)) AS BIGINT) AS cv_percent,
           count(DISTINCT subject_port) AS ports, count(DISTINCT hour) AS hours,
           min(first_at) AS first_at, max(first_at) AS last_at,
           sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in
    FROM (SELECT *, percentile(gap_s, 0.5) OVER (PARTITION BY {_CALLED}) AS median,
                 count(*) OVER (PARTITION BY {_CALLED}) AS calls
          FROM (SELECT {_CALLED}, peer_name, peer_ring, subject_port, peer_port, first_at,
                       bytes_out, bytes_in, date_trunc('HOUR', first_at) AS hour,
                       unix_timestamp(first_at) - lag(unix_timestamp(first_at)) OVER (
                           PARTITION BY {_CALLED} ORDER BY first_at, conversation_id) AS gap_s
                FROM conversations
                WHERE hop = 1 AND initiator <> '{Initiator.UNKNOWN}' AND {{unexpected}}
                  AND {HAS_PORTS} AND service_port <> {_NTP_PORT}))
    WHERE calls >= {{regular_calls}}
    GROUP BY {_CALLED}
    HAVING max(median) >= {{regular_gap_s}}
       AND (max(median) >= 2 * {{aggregation_s}}
            OR count(DISTINCT IF({BY_SUBJECT}, subject_port, peer_port)) = max(calls))
       AND (stddev_pop(gap_s) <= avg(gap_s) * {{regular_cv_percent}} / 100
            OR percentile(abs(gap_s - median), 0.5)
               <= max(median) * {{regular_mad_percent}} / 100)"""
# A row is an outside service that the subject called very often and shortly, at whatever times.
REPEATED_CALLS_SQL = f"""
    SELECT c.peer, max(c.peer_name) AS peer_name, max(c.peer_ring) AS peer_ring, c.service_port,
           c.protocol, count(*) AS calls, min(c.first_at) AS first_at, max(c.first_at) AS last_at,
           count(DISTINCT date_trunc('HOUR', c.first_at)) AS hours,
           CAST(percentile({SECONDS}, 0.5) AS BIGINT) AS median_s,
           CAST(percentile(c.bytes_out, 0.5) AS BIGINT) AS median_bytes_out,
           sum(c.bytes_out) AS bytes_out, sum(c.bytes_in) AS bytes_in
    FROM conversations c
    JOIN (SELECT DISTINCT peer, service_port, protocol FROM peers
          WHERE hop = 1 AND {BY_SUBJECT} AND {IS_OUTSIDE}
            AND NOT standing <=> '{Standing.ORDINARY}') p
      ON c.peer = p.peer AND c.service_port = p.service_port AND c.protocol = p.protocol
    WHERE c.hop = 1 AND {BY_SUBJECT} AND {HAS_REACHED}
      AND c.service_port NOT IN (53, {_NTP_PORT})
    GROUP BY c.peer, c.service_port, c.protocol
    HAVING calls >= {{repeated_calls}} AND hours >= 2 AND median_s <= {{repeated_short_s}}"""
LONG_SESSIONS_SQL = f"""
    SELECT {SECONDS} AS seconds, initiator, peer,
           peer_name, peer_ring, protocol, service_port, outcome, first_at, last_at, records,
           bytes_out, bytes_in, conversation_id
    FROM conversations
    WHERE hop = 1 AND {HAS_PORTS} AND {{unexpected}} AND {SECONDS} > {{long_session_s}}"""
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
        f"{figures['before']:,} conversations that began before containment went on after it, "
        f"{figures['after']:,} began after; {passed:,} of both got an answer, the last record "
        f"is of {moment(rows[0]['last_at'])} UTC.",
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


def _tell_regular_calls(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not figures["out"] and not figures["out_inside"]:
        return Told("no", "The subject calls nobody at regular times.")
    first = rows[0]
    return Told(
        "yes",
        f"Regular calls to {figures['out']:,} services outside and {figures['out_inside']:,} "
        f"inside; foremost {peer_of(first)} at port {first['service_port']}: "
        f"{first['calls']:,} calls, every {first['median_gap_s']:,} s.",
    )


# On conversations, as a session of many records is one conversation and no beacon. A gap below two
# aggregation intervals counts only where ports differ from call to call. Never NTP.
REGULAR_CALLS = Question(
    id="P1-12",
    slug="regular_calls",
    title="Does it call home?",
    rule="Gaps between beginnings of conversations with one service vary little (coefficient of "
    "variation, or median deviation over median); median gap at least regular_gap_s",
    sql=REGULAR_CALLS_SQL,
    figures={
        "out": f"count_if({BY_SUBJECT} AND {IS_OUTSIDE})",
        "out_inside": f"count_if({BY_SUBJECT} AND {IS_INSIDE})",
        "in_": f"count_if({BY_PEER})",
    },
    order=f"initiator DESC, {IS_OUTSIDE} DESC, cv_percent, calls DESC, peer, service_port, "
    "protocol",
    tell=_tell_regular_calls,
    thresholds=(
        "regular_calls", "regular_gap_s", "regular_cv_percent", "regular_mad_percent",
        "aggregation_s",
    ),
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)  # fmt: skip


def _tell_repeated_calls(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("no", "The subject calls nobody outside again and again.")
    first = rows[0]
    return Told(
        "yes",
        f"{figures['services']:,} services outside were called again and again; foremost "
        f"{peer_of(first)} at port {first['service_port']}: {first['calls']:,} short sessions in "
        f"{first['hours']:,} hours, from {moment(first['first_at'])} to "
        f"{moment(first['last_at'])} UTC.",
    )


# A channel need not be regular: many short sessions with one address are one whatever the gaps.
REPEATED_CALLS = Question(
    id="P1-12c",
    slug="repeated_calls",
    title="Whom does it call again and again?",
    rule="Outside services that are not ordinary, with many short sessions over hours",
    sql=REPEATED_CALLS_SQL,
    figures={"services": "count(*)", "calls": "coalesce(sum(calls), 0)"},
    order="calls DESC, peer, service_port, protocol",
    tell=_tell_repeated_calls,
    thresholds=("repeated_calls", "repeated_short_s"),
    places=frozenset({Place.SUMMARY_IF_FOUND, Place.REPORT_SAW}),
)


def _tell_long_sessions(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "No conversation was long.")
    first = rows[0]
    return Told(
        f"{figures['sessions']:,} sessions",
        f"{figures['sessions']:,} conversations were long, the longest of "
        f"{int(str(first['seconds'])) / 3600:.1f} h with {peer_of(first)} at port "
        f"{first['service_port']} from {moment(first['first_at'])} UTC, begun by "
        f"{first['initiator']}.",
    )


# One of them looks like a beacon to whoever counts records. Protocols without ports are left out:
# all pings of a pair are one conversation.
LONG_SESSIONS = Question(
    id="P1-12b",
    slug="long_sessions",
    title="Which sessions were long?",
    rule="Conversations longer than long_session_s",
    sql=LONG_SESSIONS_SQL,
    figures={"sessions": "count(*)", "longest_s": "coalesce(max(seconds), 0)"},
    order="seconds DESC, first_at, conversation_id",
    tell=_tell_long_sessions,
    thresholds=("long_session_s", "aggregation_s", "gap_slack_s"),
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)


def _tell_odd_protocols(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "Only ICMP, TCP, UDP and ICMPv6.")
    listed = ", ".join(sorted({str(row["protocol"]) for row in rows}))
    return Told(
        f"{figures['protocols']:,} protocols",
        f"Protocols {listed} with {figures['peers']:,} addresses.",
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
        f"{figures['hours']:,} hours",
        f"{figures['conversations']:,} conversations began in {figures['hours']:,} hours.",
    )


HOURS = Question(
    id="P2-19",
    slug="hours",
    title="When was it active?",
    rule="Conversations by the hour (UTC) in which they began",
    sql=HOURS_SQL,
    figures={"hours": "count(*)", "conversations": "coalesce(sum(conversations), 0)"},
    order="hour",
    tell=_tell_hours,
    places=frozenset({Place.HOUR_MATRIX}),
)
