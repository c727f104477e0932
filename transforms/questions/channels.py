"""Channels: whom the subject calls at regular times, again and again, or at length."""

from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_PEER,
    BY_SUBJECT,
    HAS_PORTS,
    HAS_REACHED,
    IS_BEYOND,
    IS_INSIDE,
    IS_OUTSIDE,
    SECONDS,
)
from transforms.vocabulary import Initiator, Standing
from transforms.wording import at_port, begun_by, count_of, duration, moment, number_of, peer_of

_NTP_PORT = 123
_CALLED = "initiator, peer, service_port, protocol"
REGULAR_CALLS_SQL = f"""
    SELECT {_CALLED}, max(peer_name) AS peer_name, min(peer_ring) AS peer_ring,
           max(calls) AS calls, CAST(floor(max(median)) AS BIGINT) AS median_gap_s,
           CAST(floor(median(abs(gap_s - median))) AS BIGINT) AS deviation_s,
           CAST(floor(100 * stddev_pop(gap_s) / nullif(avg(gap_s), 0)) AS BIGINT) AS cv_percent,
           count(DISTINCT subject_port) AS ports, count(DISTINCT hour) AS hours,
           min(first_at) AS first_at, max(first_at) AS last_at,
           sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in
    FROM (SELECT *, median(gap_s) OVER (PARTITION BY {_CALLED}) AS median,
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
            OR median(abs(gap_s - median))
               <= max(median) * {{regular_mad_percent}} / 100)"""
# Longer than an hour, or, in a short window, than a share of it and ten minutes.
_LONG = f"""{SECONDS} > least({{long_session_s}},
    greatest(600, floor({{long_session_percent}} * {{window_s}} / 100)))"""
_REPEATED = "calls >= {repeated_calls} AND hours >= 2 AND median_s <= {repeated_short_s}"
# A row is an outside service that the subject called and that looks like a channel, whatever the
# times: very often and shortly; at length; or an address that a machine of the path calls as well.
CHANNELS_SQL = f"""
    SELECT *, CASE WHEN {_REPEATED} THEN 'repeated'
                   WHEN is_shared THEN 'shared' ELSE 'long' END AS basis
    FROM (SELECT c.peer, max(c.peer_name) AS peer_name, max(c.peer_ring) AS peer_ring,
                 c.service_port, c.protocol, count(*) AS calls,
                 min(c.first_at) AS first_at, max(c.first_at) AS last_at,
                 count(DISTINCT date_trunc('HOUR', c.first_at)) AS hours,
                 CAST(floor(median({SECONDS})) AS BIGINT) AS median_s,
                 max({SECONDS}) AS longest_s, count_if({_LONG}) AS long_sessions,
                 coalesce(bool_or(s.to_address IS NOT NULL), false) AS is_shared,
                 CAST(floor(median(c.bytes_out)) AS BIGINT) AS median_bytes_out,
                 sum(c.bytes_out) AS bytes_out, sum(c.bytes_in) AS bytes_in
          FROM (SELECT * FROM conversations
                WHERE hop = 1 AND {BY_SUBJECT} AND {HAS_REACHED} AND {{unexpected}}
                  AND service_port NOT IN (53, {_NTP_PORT})) c
          JOIN (SELECT DISTINCT peer, service_port, protocol FROM peers
                WHERE hop = 1 AND {BY_SUBJECT} AND {IS_BEYOND}
                  AND standing IS DISTINCT FROM '{Standing.ORDINARY}') p
            ON c.peer = p.peer AND c.service_port = p.service_port AND c.protocol = p.protocol
          LEFT JOIN (SELECT DISTINCT to_address FROM path WHERE hop > 1) s
            ON c.peer = s.to_address
          GROUP BY c.peer, c.service_port, c.protocol)
    WHERE {_REPEATED} OR long_sessions > 0 OR is_shared"""
LONG_SESSIONS_SQL = f"""
    SELECT {SECONDS} AS seconds, initiator, peer,
           peer_name, peer_ring, protocol, service_port, outcome, first_at, last_at, records,
           bytes_out, bytes_in, conversation_id
    FROM conversations
    WHERE hop = 1 AND {HAS_PORTS} AND {{unexpected}} AND {_LONG}"""


def _tell_regular_calls(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not figures["out"] and not figures["out_inside"]:
        return Told("no", "The subject calls nobody at regular times.")
    first = rows[0]
    return Told(
        "yes",
        f"Regular calls to {count_of(figures['out'], 'service', 'services')} outside and "
        f"{figures['out_inside']:,} "
        f"inside; mainly {peer_of(first)} at port {first['service_port']}: "
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


def _tell_channels(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "No repeated or long calls to anybody outside that are not ordinary.")
    first = rows[0]
    calls, hours = number_of(first, "calls"), number_of(first, "hours")
    how = {
        "repeated": f"{count_of(calls, 'short session', 'short sessions')} in "
        f"{count_of(hours, 'hour', 'hours')}",
        "shared": f"{count_of(calls, 'session', 'sessions')}; a machine of the path calls it as "
        "well",
        "long": f"a session of {duration(number_of(first, 'longest_s'))}",
    }[str(first["basis"])]
    return Told(
        count_of(figures["services"], "service", "services"),
        f"{count_of(figures['services'], 'service', 'services')} outside may be a channel; "
        f"mainly {peer_of(first)} at port {first['service_port']}: {how}, from "
        f"{moment(first['first_at'])} to {moment(first['last_at'])} UTC.",
    )


# A channel need not be regular: many short sessions with one address are one whatever the gaps, as
# is a session that lasts.
CHANNELS = Question(
    id="P1-12c",
    slug="channels",
    title="Which services outside may be a channel?",
    rule="Outside services that are not ordinary: with many short sessions over hours, with a long "
    "session, or at an address that a machine of the path calls as well",
    sql=CHANNELS_SQL,
    figures={
        "services": "count(*)",
        "calls": "sum(calls)",
        "repeated": "count_if(basis = 'repeated')",
        "shared": "count_if(basis = 'shared')",
        "long_sessions": "sum(long_sessions)",
    },
    order="basis = 'long', basis = 'shared', calls DESC, longest_s DESC, peer, service_port, "
    "protocol",
    side=Initiator.SUBJECT,
    tell=_tell_channels,
    thresholds=(
        "repeated_calls", "repeated_short_s", "long_session_s", "long_session_percent", "window_s",
    ),
    places=frozenset({Place.SUMMARY_IF_FOUND, Place.REPORT_SAW}),
)  # fmt: skip


def _tell_long_sessions(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "No conversation was long.")
    first = rows[0]
    return Told(
        count_of(figures["sessions"], "session", "sessions"),
        f"{count_of(figures['sessions'], 'conversation was', 'conversations were')} long, the "
        f"longest of {duration(int(str(first['seconds'])))} with {peer_of(first)} {at_port(first)} "
        f"from {moment(first['first_at'])} UTC, {begun_by(first)}.",
    )


# One of them looks like a beacon to whoever counts records. Protocols without ports are left out:
# all pings of a pair are one conversation.
LONG_SESSIONS = Question(
    id="P1-12b",
    slug="long_sessions",
    title="Which sessions were long?",
    rule="Conversations longer than long_session_s, or than long_session_percent of the window and "
    "ten minutes",
    sql=LONG_SESSIONS_SQL,
    figures={"sessions": "count(*)", "longest_s": "max(seconds)"},
    order="seconds DESC, first_at, conversation_id",
    tell=_tell_long_sessions,
    thresholds=(
        "long_session_s",
        "long_session_percent",
        "window_s",
        "aggregation_s",
        "gap_slack_s",
    ),
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)
