"""What machines did that the subject reached: the path beyond its first hop."""

from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.standing.path import Followed
from transforms.text import sanitise
from transforms.vocabulary import Outcome, is_inside
from transforms.wording import count_of, moment, peer_of

SPREAD_SQL = """
    SELECT hop, from_address, from_name, to_address AS peer, to_name AS peer_name,
           to_ring AS peer_ring, protocol, service_port, service_class, outcome, attempts, first_at,
           standing, reasons, contact_at, conversation_id
    FROM path WHERE hop > 1"""


def _was_followed(context: QuestionContext) -> bool:
    return context.followed is not None


def _searched(followed: Followed) -> str:
    number = followed.machines
    text = f"{count_of(number, 'machine was', 'machines were')} followed"
    if followed.left_out:
        text += f", {followed.left_out:,} more were not"
    if silent := len(followed.unlogged):
        has, its, they = ("has", "its", "it") if silent == 1 else ("have", "their", "they")
        text += (
            f"; {_of_them(silent, number)} {has} no record of an interface of {its} own, so what "
            f"{they} did shows only where the other end has one"
        )
    if new := len(followed.without_history):
        text += f"; too little is known of {_of_them(new, number)} from before"
    if followed.unlisted:
        prefix, why = followed.unlisted[0]
        text += (
            f"; {count_of(len(followed.unlisted), 'prefix', 'prefixes')} of where the path led "
            f"could not be listed: {sanitise(prefix, 200)} ({sanitise(why, 300)})"
        )
    return f"{text}; {followed.ended}" if followed.ended else text


def _of_them(count: int, number: int) -> str:
    return "it" if number == 1 else f"{count:,} of them"


def _tell_spread(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    followed = context.followed
    if followed is None:
        return Told("not asked", "Nobody was followed.")
    searched = _searched(followed)
    if not rows:
        is_open = any(
            (followed.left_out, followed.unlogged, followed.without_history, followed.unlisted)
        )
        return Told("cannot tell" if is_open else "no", f"No further step was seen: {searched}.")
    first = rows[0]
    source = {"peer": first["from_address"], "peer_name": first.get("from_name")}
    machines, targets = figures["machines"], figures["targets"]
    return Told(
        count_of(machines, "machine", "machines"),
        f"{count_of(machines, 'machine', 'machines')} went on to "
        f"{count_of(targets, 'address', 'addresses')} inside, {figures['with_data']:,} with data; "
        f"first {peer_of(source)} to {peer_of(first)} at port "
        f"{first.get('service_port', 'unknown')} at {moment(first['first_at'])} UTC; {searched}.",
    )


SPREAD = Question(
    id="P0-9",
    slug="spread",
    title="Did it spread?",
    rule="Steps of the path beyond the first: what machines inside that were reached, and are not "
    "ordinary, began after that contact and not before",
    sql=SPREAD_SQL,
    figures={
        "machines": f"count(DISTINCT IF({is_inside()}, from_address, NULL))",
        "services": "count(*)",
        "targets": f"count(DISTINCT IF({is_inside()}, peer, NULL))",
        "with_data": f"count(DISTINCT IF({is_inside()} AND outcome = '{Outcome.DATA}', peer, "
        "NULL))",
        "outside": f"count_if(NOT ({is_inside()}))",
        "most_hops": "coalesce(max(hop), 1)",
    },
    order=f"NOT ({is_inside()}), hop, first_at, from_address, peer, service_port, protocol",
    tell=_tell_spread,
    thresholds=(
        "history_hours", "before_min_hours", "rate_factor", "crowd_min", "equals_max",
    ),
    options=("max_hops", "max_peers"),
    is_asked=_was_followed,
    places=frozenset({Place.SUMMARY_IF_FOUND, Place.REPORT_SAW, Place.CONTACT_NOTE}),
)  # fmt: skip
