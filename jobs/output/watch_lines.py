"""What a watch tells: a line of JSON for each new peer, lines of the summary, and the notice.

Names, labels and the watch-list are text of others. JSON is ASCII with everything else escaped, and
the notice goes through `for_mail`, as it is read where links come alive.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transforms.text import for_mail, sanitise
from transforms.window import Window
from transforms.wording import count_of

NOTICE = "notice.json"
_ROWS_OF_NOTICE, _REASONS_OF_NOTICE, _UNJUDGED_OF_NOTICE = 20, 3, 5
_WORD, _REASON = 256, 300


@dataclass(frozen=True, kw_only=True)
class JudgedInstance:
    """One instance over a time: rows of `peers` that are new, and how much of the time was seen.

    `left_out` are new rows beyond those that one run tells. `coverage` is None where the table has
    no record of the instance in this time.
    """

    instance_id: str
    name: str | None
    window: Window
    coverage: str | None
    rows: tuple[Mapping[str, Any], ...] = ()
    left_out: int = 0

    def shown(self) -> str:
        """Its id, and its name where labels have one."""
        return f"{self.instance_id} ({sanitise(self.name, 64)})" if self.name else self.instance_id


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What one run told of its watch-list; `not_judged` are what the list says, and why."""

    run_id: str
    flow_table: str
    judged: tuple[JudgedInstance, ...] = ()
    not_judged: tuple[tuple[str, str], ...] = ()
    waiting: int = 0  # judged up to the last run already: there is nothing new to look at

    @property
    def told(self) -> int:
        """New suspicious rows, also those that were left out."""
        return sum(len(each.rows) + each.left_out for each in self.judged)


def json_lines(watched: Watched) -> Iterator[str]:
    """A line for each new row, and one for each instance that could not be judged."""
    for each in watched.judged:
        for row in each.rows:
            yield json.dumps(
                {
                    "watch": "suspicious",
                    "instance_id": each.instance_id,
                    "instance_name": _text(each.name),
                    "peer": _text(row["peer"]),
                    "peer_name": _text(row["peer_name"]),
                    "peer_ring": _text(row["peer_ring"]),
                    "service_port": row["service_port"],
                    "protocol": row["protocol"],
                    "initiator": _text(row["initiator"]),
                    "outcome": _text(row["outcome"]),
                    "attempts": row["attempts"],
                    "first_at": _time(row["first_at"]),
                    "last_at": _time(row["last_at"]),
                    "reasons": [sanitise(reason, _REASON) for reason in row["reasons"] or ()],
                    "run_id": watched.run_id,
                }
            )
        if each.left_out:
            yield json.dumps(
                {
                    "watch": "left out",
                    "instance_id": each.instance_id,
                    "rows": each.left_out,
                    "run_id": watched.run_id,
                }
            )
    for given, why in watched.not_judged:
        yield json.dumps(
            {
                "watch": "not judged",
                "instance": sanitise(given, _WORD),
                "why": sanitise(why, _REASON),
                "run_id": watched.run_id,
            }
        )


def summary_lines(watched: Watched) -> Iterator[str]:
    """The watch in the summary of a run."""
    listed = len(watched.judged) + len(watched.not_judged) + watched.waiting
    yield f"Watch       {_count(listed, 'instance')} listed: {_count(watched.told, 'new row')} told"
    for each in watched.judged:
        if each.coverage is None:
            yield f"  no record {each.shown()}: the flow table has nothing of it of {each.window}"
            continue
        told = len(each.rows) + each.left_out
        what = f"{_count(told, 'new row')}" if told else "nothing new"
        yield f"  judged    {each.shown()}: {what} of {each.window}; coverage {each.coverage}"
    for given, why in watched.not_judged:
        yield f"  NOT JUDGED {sanitise(given, 64)}: {sanitise(why, _REASON)}"
    if watched.waiting:
        yield f"  waiting   {_count(watched.waiting, 'instance')}: no run has added anything since"


def notice_of(watched: Watched) -> dict[str, object]:
    """`subject` and `message` are ready to be sent; `new` says whether there is a reason to."""
    return {
        "run_id": watched.run_id,
        "flow_table": watched.flow_table,
        "new": watched.told,
        "not_judged": len(watched.not_judged),
        "subject": f"VPC Flow Trace: {_count(watched.told, 'new suspicious row')} of a watch-list",
        "message": "\n".join(_message(watched)),
    }


def _message(watched: Watched) -> Iterator[str]:
    told = [(each, row) for each in watched.judged for row in each.rows]
    for each in watched.judged:
        if each.rows:
            name = f" ({for_mail(each.name, 64)})" if each.name else ""
            number = _count(len(each.rows) + each.left_out, "new suspicious row")
            yield f"{each.instance_id}{name}: {number} of {each.window}, coverage {each.coverage}"
    yield "Attempts, answers and volume are what flow logs show; never a login."
    yield ""
    for each, row in told[:_ROWS_OF_NOTICE]:
        yield _sentence(each, row)
    if watched.told > _ROWS_OF_NOTICE:
        yield f"and {watched.told - _ROWS_OF_NOTICE:,} more, in the table watched"
    unjudged = watched.not_judged
    yield from (
        f"NOT JUDGED: {for_mail(given, 64)}: {for_mail(why, _REASON)}"
        for given, why in unjudged[:_UNJUDGED_OF_NOTICE]
    )
    if len(unjudged) > _UNJUDGED_OF_NOTICE:
        yield f"NOT JUDGED: {len(unjudged) - _UNJUDGED_OF_NOTICE:,} more"
    yield ""
    yield from _next_steps(watched)
    yield f"Flow table: {watched.flow_table}, run {watched.run_id}"


def _sentence(each: JudgedInstance, row: Mapping[str, Any]) -> str:
    """One new row, without its less important reasons."""
    peer = for_mail(row["peer_name"] or row["peer"], 64)
    at_port = f" at port {row['service_port']}" if row["service_port"] is not None else ""
    reasons = "; ".join(for_mail(text, 160) for text in (row["reasons"] or ())[:_REASONS_OF_NOTICE])
    ends = {
        "subject": f"{each.instance_id} to {peer}{at_port}",
        "peer": f"{peer} to {each.instance_id}{at_port}",
    }
    who = ends.get(row["initiator"], f"{each.instance_id} and {peer}{at_port}")
    tried = count_of(row["attempts"], "attempt", "attempts")
    return f"- {_time(row['first_at'])} {who}: {row['outcome']}, {tried} ({reasons})"


def _next_steps(watched: Watched) -> Iterator[str]:
    """The flags of a case over the same time, of what matches a pattern."""
    for each in [each for each in watched.judged if each.rows][:_UNJUDGED_OF_NOTICE]:
        yield (
            f"A case: trace_instance --flow_table {watched.flow_table} "
            f"--instance_id {each.instance_id} --from {_time(each.window.from_at)} "
            f"--to {_time(each.window.to_at)} --baseline_days 7"
        )


def _text(value: object) -> str | None:
    return None if value is None else sanitise(value, _WORD)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _count(number: int, what: str) -> str:
    return count_of(number, what, f"{what}s")
