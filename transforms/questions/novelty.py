"""What the baseline does not hold."""

from datetime import UTC, datetime

from transforms.questions.context import Baseline, QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_SUBJECT,
    HAS_REACHED,
    IS_INSIDE,
    PEER_COLUMNS,
    STRONGEST_FIRST,
)
from transforms.wording import at_port, begun_by, count_of, moment, peer_of

NEW_SERVICES_SQL = f"""
    SELECT {PEER_COLUMNS}, peer_ring, initiator FROM peers
    WHERE hop = 1 AND is_new_service AND {{unexpected}}
      AND ({BY_SUBJECT} OR {HAS_REACHED})"""


def why_nothing_is_new(baseline: Baseline | None) -> str:
    """Why nothing can be called new, as a sentence; empty where it can."""
    if baseline is None:
        return "Without --baseline_days nothing can be called new."
    if baseline.first_s is None:
        return f"The {baseline.asked_days} days before hold no record of the subject."
    if not baseline.is_enough:
        return (
            f"No baseline: of the {baseline.asked_days} days before, the records of the subject "
            f"begin only at {datetime.fromtimestamp(baseline.first_s, UTC):%Y-%m-%d %H:%M} UTC."
        )
    return ""


def _has_baseline(context: QuestionContext) -> bool:
    return context.baseline is not None


def _tell_new_services(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    baseline = context.baseline
    problem = why_nothing_is_new(baseline)
    if baseline is None:
        return Told("not asked", problem)
    if problem:
        return Told("cannot tell", problem)
    known = (
        f"in the {baseline.days:,} days with records before it knew {baseline.services:,}, of "
        f"which {baseline.later_services:,} came after the first day"
    )
    if not rows:
        return Told("nothing", f"Nothing is new; {known}.")
    first = rows[0]
    began_at = f" at {moment(first['first_at'])} UTC"
    return Told(
        count_of(figures["services"], "service", "services"),
        f"{count_of(figures['services'], 'service is', 'services are')} new, "
        f"{figures['inside']:,} of them attempts "
        f"inside at {count_of(figures['peers_inside'], 'peer', 'peers')}; {known}; mainly "
        f"{peer_of(first)} {at_port(first)}, "
        f"{begun_by(first, began_at)}.",
    )


_IS_ATTEMPT = f"{BY_SUBJECT} AND {IS_INSIDE}"
NEW_SERVICES = Question(
    id="P0-2b",
    slug="new_services",
    title="What was never seen before?",
    rule="Peers and service ports, by who began, that are not in the baseline; null "
    "is_new_service means that there is none",
    sql=NEW_SERVICES_SQL,
    figures={
        "services": "count(*)",
        "peers": "count(DISTINCT IF(is_new_peer, peer, NULL))",
        "inside": f"count_if({_IS_ATTEMPT})",
        "peers_inside": f"count(DISTINCT IF({_IS_ATTEMPT}, peer, NULL))",
    },
    order=f"{BY_SUBJECT} DESC, initiator, {IS_INSIDE} DESC, {STRONGEST_FIRST}, "
    "service_class IS NULL, first_at, peer, service_port, protocol",
    tell=_tell_new_services,
    thresholds=("baseline_min_days",),
    options=("baseline_days",),
    is_asked=_has_baseline,
    places=frozenset({Place.SUMMARY_IF_FOUND, Place.REPORT_SAW}),
)
