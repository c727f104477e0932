"""What the subject tried inside: whom, which services, what was stopped, what was let in later."""

from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, KeyFigure, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_SUBJECT,
    HAS_REACHED,
    LEAST_USUAL_FIRST,
    PEER_COLUMNS,
    STRONGEST_FIRST,
    WAS_BLOCKED,
)
from transforms.vocabulary import REACHED_OUTCOMES, Initiator
from transforms.wording import count_of, moment, number_of, peer_of

SERVICES_TRIED_SQL = f"SELECT {PEER_COLUMNS} FROM peers WHERE {{attempts}}"
TARGETS_THAT_MATTER_SQL = f"{SERVICES_TRIED_SQL} AND service_class IS NOT NULL"
_STOPPED = "blocked_src + blocked_dst + refused"
BLOCKED_SQL = f"{SERVICES_TRIED_SQL} AND {_STOPPED} > 0"
OPENED_LATER_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name, service_port, protocol,
           min_by(rejected_at, first_at) AS rejected_at, min(first_at) AS answered_at
    FROM (SELECT *, max(IF({WAS_BLOCKED}, first_at, NULL)) OVER (
              PARTITION BY peer, service_port, protocol ORDER BY first_at) AS rejected_at
          FROM conversations WHERE hop = 1 AND {BY_SUBJECT})
    WHERE {HAS_REACHED} AND first_at > rejected_at
      AND unix_timestamp(first_at) - unix_timestamp(rejected_at) <= {{flip_window_s}}
    GROUP BY peer, service_port, protocol"""


def _tell_services_tried(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("nobody", "The subject began nothing inside.")
    first = rows[0]
    return Told(
        count_of(figures["peers"], "peer", "peers"),
        f"{count_of(figures['peers'], 'internal address', 'internal addresses')} at "
        f"{count_of(figures['services'], 'service', 'services')}; "
        f"mainly {peer_of(first)} at port {first['service_port']}: {first['outcome']}, "
        f"{count_of(number_of(first, 'attempts'), 'attempt', 'attempts')} from "
        f"{moment(first['first_at'])} UTC.",
    )


SERVICES_TRIED = Question(
    id="P0-2",
    slug="services_tried",
    title="Who, what, when?",
    rule="Conversations that the subject began, by internal peer, service port and protocol",
    sql=SERVICES_TRIED_SQL,
    figures={
        "services": "count(*)",
        "peers": "count(DISTINCT peer)",
        "attempts": "sum(attempts)",
        "bytes_out": "sum(bytes_out)",
        "bytes_in": "sum(bytes_in)",
    },
    order=f"{LEAST_USUAL_FIRST}, {STRONGEST_FIRST}, service_class IS NULL, attempts DESC, "
    "first_at, peer, service_port, protocol",
    side=Initiator.SUBJECT,
    tell=_tell_services_tried,
    thresholds=("data_min", "aggregation_s", "gap_slack_s", "ephemeral_min", "shared_min"),
    places=frozenset({Place.PEER_MATRIX, Place.CONTACT_GRAPH}),
)


def _tell_targets_that_matter(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "No service that matters was tried inside.")
    reached = [row for row in rows if row["outcome"] in REACHED_OUTCOMES][:3]
    named = "; ".join(
        f"{peer_of(row)} {row['service_class']} port {row['service_port']}, {row['outcome']}"
        for row in reached
    )
    return Told(
        count_of(figures["peers"], "peer", "peers"),
        f"{count_of(figures['attempts'], 'attempt', 'attempts')} at services that matter on "
        f"{figures['peers']:,} "
        f"addresses; {figures['reached']:,} answered"
        + (f", with data at {figures['with_data']:,}: {named}." if named else "."),
    )


TARGETS_THAT_MATTER = Question(
    id="P0-3",
    slug="targets_that_matter",
    title="Which targets matter?",
    rule=f"{SERVICES_TRIED.id} at service classes: remote admin, file, directory, database, "
    "control, mail",
    sql=TARGETS_THAT_MATTER_SQL,
    figures={
        "services": "count(*)",
        "peers": "count(DISTINCT peer)",
        "attempts": "sum(attempts)",
        "reached": "count_if(answered + data > 0)",
        "with_data": "count_if(data > 0)",
    },
    order=f"{LEAST_USUAL_FIRST}, {STRONGEST_FIRST}, attempts DESC, first_at, peer, service_port, "
    "protocol",
    side=Initiator.SUBJECT,
    tell=_tell_targets_that_matter,
    thresholds=("data_min",),
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW}),
)


def _tell_blocked(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("nothing", "Nothing that the subject tried inside was seen to be stopped.")
    verb = "was" if figures["stopped"] == 1 else "were"
    return Told(
        count_of(figures["stopped"], "attempt", "attempts"),
        f"{count_of(figures['stopped'], 'attempt', 'attempts')} at "
        f"{count_of(figures['peers'], 'address', 'addresses')} {verb} stopped: "
        f"{figures['blocked_dst']:,} at the target, {figures['blocked_src']:,} at the subject, "
        f"{figures['refused']:,} by a closed port.",
    )


# An attempt that was stopped is evidence of intent.
BLOCKED = Question(
    id="P0-4",
    slug="blocked",
    title="What was blocked?",
    rule="Attempts inside that a rule at either end or a closed port stopped",
    sql=BLOCKED_SQL,
    figures={
        "stopped": f"sum({_STOPPED})",
        "peers": "count(DISTINCT peer)",
        "blocked_src": "sum(blocked_src)",
        "blocked_dst": "sum(blocked_dst)",
        "refused": "sum(refused)",
    },
    order="service_class IS NULL, attempts DESC, first_at, peer, service_port, protocol",
    side=Initiator.SUBJECT,
    tell=_tell_blocked,
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW}),
    key_figures=(KeyFigure("stopped", "attempts stopped"),),
)


def _tell_opened_later(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("no", "Nothing that was blocked answered later.")
    first = rows[0]
    return Told(
        count_of(figures["services"], "service", "services"),
        f"{peer_of(first)} port {first['service_port']} was blocked until "
        f"{moment(first['rejected_at'])} and answered at {moment(first['answered_at'])} UTC; "
        f"{figures['services']:,} such services.",
    )


# A rule was changed, or the subject found a way around it.
OPENED_LATER = Question(
    id="P1-11",
    slug="opened_later",
    title="Rejected, then accepted?",
    rule="A service answers no longer than the window after a blocked attempt of the subject at it",
    sql=OPENED_LATER_SQL,
    figures={"services": "count(*)", "peers": "count(DISTINCT peer)"},
    order="answered_at, peer, service_port, protocol",
    side=Initiator.SUBJECT,
    tell=_tell_opened_later,
    thresholds=("flip_window_s",),
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)
