"""What happened, in order of time: acts with their sentences, and one headline over them.

The same text stands in terminal, report and manifest. Each act comes from rows of an answer or from
steps of the path, which it names; ATT&CK techniques are told where the port alone suggests one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from transforms.acts import Act, name_of, service_at, text_of
from transforms.movement import movement
from transforms.questions.catalogue import Answer
from transforms.standing.path import PathStep
from transforms.stops import stop_of
from transforms.text import sanitise
from transforms.vocabulary import Ring, Standing
from transforms.wording import count_of, duration, moment, number_of, size

MOST_WORDS = 40
ACTS_SHOWN = 10


@dataclass(frozen=True)
class Story:
    """The headline and the acts, in order of time. Without acts there is no headline."""

    headline: str = ""
    acts: tuple[Act, ...] = ()

    def told(self) -> dict[str, object]:
        """As it stands in the manifest."""
        return {"headline": self.headline, "acts": [act._asdict() for act in self.acts]}


def tell_story(subject: str, answers: Sequence[Answer], steps: Sequence[PathStep]) -> Story:
    """The story of a subject, by its name or id."""
    by_slug = {answer.question.slug: answer for answer in answers}
    on_path = {step.to_address for step in steps}
    acts = [
        *_entry(by_slug["entry"]),
        *_scans(by_slug["scans"]),
        *movement(subject, steps, by_slug["services_tried"]),
        *_stopped(subject, by_slug["blocked"], by_slug["scans"], on_path),
        *_channels(by_slug["regular_calls"], by_slug["channels"], on_path),
        *_left(by_slug["volume"]),
    ]
    in_order = tuple(sorted(acts, key=lambda act: (act.at, act.source)))
    return Story(_headline(subject, acts), in_order)


def _headline(subject: str, acts: Sequence[Act]) -> str:
    """At most forty words, in the order of the kinds of acts."""
    clauses = [act.clause for act in acts if act.clause]
    while clauses:
        *first, last = clauses
        text = f"{', '.join(first)} and {last}" if first else last
        sentence = f"{sanitise(subject, 60)} {text}."
        if len(sentence.split()) <= MOST_WORDS:
            return sentence
        clauses.pop()
    return ""


def entry_row(answer: Answer) -> Mapping[str, object] | None:
    """The foremost client from outside that may have entered the subject; None without any."""
    return next((row for row in answer.rows[:1] if row.get("with_data")), None)


def _entry(answer: Answer) -> Iterator[Act]:
    row = entry_row(answer)
    if row is None:
        return
    tries, longest = number_of(row, "tries"), number_of(row, "longest_s")
    service, source = service_at(row.get("service_port")), name_of(row)
    at = str(row.get("longest_at"))
    before = (
        f"{tries - 1:,} tries from {moment(row['first_at'])[11:16]} on, then " if tries > 1 else ""
    )
    yield Act(
        at,
        f"{source} came in over {service}: {before}a session of {duration(longest)}.",
        f"was entered over {service} from {source} at {moment(at)[11:16]}",
        "T1110" if tries > 10 else "T1133",
        answer.question.id,
        text_of(datetime.fromisoformat(at) + timedelta(seconds=longest)),
        f"{service} session from {source}",
        str(row["peer"]),
    )


def _scans(answer: Answer) -> Iterator[Act]:
    whole = [row for row in answer.rows if row.get("bucket") is None]
    of_kind = {kind: [row for row in whole if row["kind"] == kind] for kind in _KINDS_OF_SCAN}
    first = [rows[0] for rows in of_kind.values() if rows]
    for nth, row in enumerate(first):
        targets = number_of(row, "targets")
        if row["kind"] == "horizontal":
            what = f"{service_at(row.get('service_port'))} at {targets:,} addresses"
            short = f"tried {targets:,} addresses"
        else:
            what = f"{targets:,} ports of {name_of(row)}"
            short = f"tried {what}"
        yield Act(
            str(row["first_at"]),
            f"It tried {what} until {moment(row['last_at'])[11:16]}, "
            f"{row['fail_percent']} % in vain.",
            "" if nth else short,
            "T1046",
            answer.question.id,
            str(row["last_at"]),
            f"scan: {what}",
            str(row.get("peer") or ""),
        )


_KINDS_OF_SCAN = ("horizontal", "vertical")


def stopped_rows(answer: Answer, scans: Answer) -> list[Mapping[str, object]]:
    """What stopped the subject apart from the probes of scans, the most tries first."""
    scanned = {row.get("service_port") for row in scans.rows if row["kind"] == "horizontal"}
    rows = [row for row in answer.rows if row.get("service_port") not in scanned
            and not row.get("answered") and not row.get("data") and row.get("service_class")
            and row.get("standing") != Standing.ORDINARY]  # fmt: skip
    return sorted(rows, key=lambda row: -number_of(row, "attempts"))


def _stopped(
    subject: str, answer: Answer, scans: Answer, on_path: Collection[str]
) -> Iterator[Act]:
    """The headline says of no machine that was reached that it stopped the subject."""
    for nth, row in enumerate(stopped_rows(answer, scans)[:2]):
        stop = stop_of(row, sanitise(subject, 60))
        yield Act(
            str(row["first_at"]),
            stop.sentence,
            "" if nth or row["peer"] in on_path else stop.clause,
            "",
            answer.question.id,
            str(row.get("last_at") or ""),
            stop.name,
            str(row["peer"]),
        )


def channel_rows(regular: Answer, channels: Answer) -> list[Mapping[str, object]]:
    """Whom the subject calls outside as one calls a channel, each once, the first three."""
    found: dict[object, Mapping[str, object]] = {}
    for row in (*channels.rows, *regular.rows):
        is_out = row.get("initiator", "subject") == "subject"
        if is_out and row.get("peer_ring") in (Ring.INTERNET, Ring.PRIVATE_UNKNOWN):
            found.setdefault(row["peer"], row)
    return list(found.values())[:3]


def _channels(regular: Answer, channels: Answer, on_path: Collection[str]) -> Iterator[Act]:
    """The headline names the first, unless it is a step of the path and named already."""
    for nth, row in enumerate(channel_rows(regular, channels)):
        is_regular = any(row is each for each in regular.rows)
        every = f", every {row['median_gap_s']} s" if is_regular else ""
        name, times = name_of(row), count_of(number_of(row, "calls"), "time", "times")
        what, clause = f"calls {name} {times}", f"called {name} {times}"
        sentence = (
            f"It called {name} at {service_at(row.get('service_port'))} {times} until "
            f"{moment(row['last_at'])[11:16]}{every}."
        )
        if row.get("basis") == "long":
            what = f"a session of {duration(number_of(row, 'longest_s'))} with {name}"
            sentence, clause = f"It kept {what} at {service_at(row.get('service_port'))}.", ""
        yield Act(
            str(row["first_at"]),
            sentence,
            "" if nth or row["peer"] in on_path else clause,
            "T1071",
            (regular if is_regular else channels).question.id,
            _end_of_calls(row),
            what,
            str(row["peer"]),
        )


def _end_of_calls(row: Mapping[str, object]) -> str:
    """When the last of them began; of long ones at least as late as the longest one ended."""
    last = str(row["last_at"])
    if row.get("basis") != "long":
        return last
    longest = timedelta(seconds=number_of(row, "longest_s"))
    ended = datetime.fromisoformat(str(row["first_at"])) + longest
    return max(ended, datetime.fromisoformat(last)).isoformat()


class Transfer(NamedTuple):
    """What left to one address outside in large volume, in all hours together."""

    row: Mapping[str, object]  # the first hour
    octets: int
    until: str


def large_transfers(answer: Answer) -> list[Transfer]:
    """What left in large volume, the largest first; a row of the answer is one hour of a peer."""
    hours: dict[object, list[Mapping[str, object]]] = {}
    for row in answer.rows:
        hours.setdefault(row["peer"], []).append(row)
    limit = int(answer.parameters.get("transfer_bytes", "0"))
    found = [
        Transfer(
            min(rows, key=lambda row: str(row["hour"])),
            sum(number_of(row, "payload_out") for row in rows),
            max(str(row.get("last_at") or "") for row in rows),
        )
        for rows in hours.values()
    ]
    return sorted(
        (each for each in found if each.octets >= limit), key=lambda transfer: -transfer.octets
    )


def _left(answer: Answer) -> Iterator[Act]:
    for nth, (row, octets, until) in enumerate(large_transfers(answer)[:2]):
        volume, name = size(octets), name_of(row)
        yield Act(
            str(row.get("first_at") or row["hour"]),
            f"At most {volume} went to {name}.",
            "" if nth else f"sent {volume} to {name}",
            "T1048",
            answer.question.id,
            until,
            f"{volume} to {name}",
            str(row["peer"]),
        )


def story_lines(story: Story, most: int = ACTS_SHOWN) -> Iterable[str]:
    """The story as lines, the first acts of it."""
    yield from (act.line() for act in story.acts[:most])
    if (left := len(story.acts) - most) > 0:
        yield f"… and {left:,} more in the report"
