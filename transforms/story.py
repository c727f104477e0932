"""What happened, in order of time: acts with their sentences, and one headline over them.

The same text stands in terminal, report and manifest. Each act comes from rows of an answer or from
steps of the path, which it names; ATT&CK techniques are told where the port alone suggests one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from transforms.attack import MOVEMENT
from transforms.questions.catalogue import Answer
from transforms.standing.path import PathStep
from transforms.text import sanitise
from transforms.vocabulary import Outcome, Ring, Standing
from transforms.wording import count_of, duration, moment, size

MOST_WORDS = 40
ACTS_SHOWN = 10
_SERVICES = {
    22: "SSH", 23: "Telnet", 135: "RPC", 139: "SMB", 445: "SMB", 3389: "RDP", 5900: "VNC",
    5985: "WinRM", 5986: "WinRM", 3306: "MySQL", 5432: "PostgreSQL", 1433: "SQL Server",
}  # fmt: skip


class Act(NamedTuple):
    """One thing that happened: when, a sentence, and a clause for the headline (or none).

    `technique` is an ATT&CK id, `source` the question or table that it was told from. `until` is
    when it ended, empty where that is not known; `name` is the act in a few words.
    """

    at: str
    sentence: str
    clause: str
    technique: str
    source: str
    until: str = ""
    name: str = ""

    def line(self) -> str:
        """The act as a line of the story."""
        technique = f" [{self.technique}]" if self.technique else ""
        return f"{self.at[11:16]} {self.sentence}{technique}"


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
    acts = [
        *_entry(by_slug["entry"]),
        *_scans(by_slug["scans"]),
        *_movement(subject, steps, by_slug["services_tried"]),
        *_stopped(by_slug["blocked"], by_slug["scans"]),
        *_channels(by_slug["regular_calls"], by_slug["channels"], {s.to_address for s in steps}),
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


def name_of(row: Mapping[str, object]) -> str:
    """The name of a row's peer, else its address."""
    return sanitise(str(row.get("peer_name") or row["peer"]), 60)


def _number(row: Mapping[str, object], name: str) -> int:
    return int(str(row.get(name) or 0))


def service_at(port: object) -> str:
    """What is usually at a port, else the port; None where the protocol has no ports."""
    number = int(str(port)) if port is not None else None
    return _SERVICES.get(number or -1, f"port {number}" if number else "a protocol without ports")


def entry_row(answer: Answer) -> Mapping[str, object] | None:
    """The foremost client from outside that may have entered the subject; None without any."""
    return next((row for row in answer.rows[:1] if row.get("with_data")), None)


def _entry(answer: Answer) -> Iterator[Act]:
    row = entry_row(answer)
    if row is None:
        return
    tries, longest = _number(row, "tries"), _number(row, "longest_s")
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
        _at(datetime.fromisoformat(at) + timedelta(seconds=longest)),
        f"{service} session from {source}",
    )


def _scans(answer: Answer) -> Iterator[Act]:
    whole = [row for row in answer.rows if row.get("bucket") is None]
    of_kind = {kind: [row for row in whole if row["kind"] == kind] for kind in _KINDS_OF_SCAN}
    first = [rows[0] for rows in of_kind.values() if rows]
    for number, row in enumerate(first):
        targets = _number(row, "targets")
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
            "" if number else short,
            "T1046",
            answer.question.id,
            str(row["last_at"]),
            f"scan: {what}",
        )


_KINDS_OF_SCAN = ("horizontal", "vertical")


def _movement(subject: str, steps: Sequence[PathStep], tried: Answer) -> Iterator[Act]:
    """From machine to machine. Steps of which nothing tells whether they happen on any day are told
    together, and stand in the headline only where there are no others.
    """
    ends = {
        (row["peer"], row.get("service_port"), row.get("protocol")): str(row["last_at"])
        for row in tried.rows
    }
    surer = [step for step in steps if step.standing != Standing.UNKNOWN]
    inside = [step for step in surer or steps if step.is_inside]
    entered = [step for step in inside if step.hop == 1 and step.outcome == Outcome.DATA]
    onward = [step for step in inside if step.hop == 2]
    outward = [step for step in steps if step.hop > 1 and not step.is_inside]
    for group in _told_together(steps):
        first = group[0]
        source = sanitise(subject if first.hop == 1 else first.from_name or first.from_address, 60)
        clause = ""
        if entered and entered[0] in group:
            others = len({_to(other) for other in entered}) - 1
            clause = f"exchanged data with {_to(first)}" + (
                f" and {others:,} more" if others else ""
            )
        elif [*onward, *outward][:1] == [first]:
            clause = f"went on through {source} to {_to(first)}"
        last = (ends.get((s.to_address, s.service_port, s.protocol), "") for s in group)
        yield Act(
            _at(first.first_at),
            _told_step(subject, source, group),
            clause,
            _technique(group),
            "path",
            max(last) if first.hop == 1 else "",
            f"{source} to {_to(first)}, {_services(group)}",
        )


def _told_together(steps: Sequence[PathStep]) -> list[list[PathStep]]:
    """Steps inside each alone, but the unknown ones of a machine to another in one group; of calls
    outside that the subject makes as well, one group for each address.
    """
    groups: dict[object, list[PathStep]] = {}
    for number, step in enumerate(steps):
        ends = (step.hop, step.from_address, step.to_address)
        is_one = step.is_inside and step.standing != Standing.UNKNOWN
        if step.hop > 1 or step.is_inside:
            groups.setdefault(number if is_one else ends, []).append(step)
    return list(groups.values())


def _told_step(subject: str, source: str, group: Sequence[PathStep]) -> str:
    first, where = group[0], _services(group)
    where = f"at {where}" if where[0].isdigit() else f"over {where}"
    if not first.is_inside:
        calls = sum(step.attempts for step in group)
        return (
            f"{source} called {_to(first)} {where}, {count_of(calls, 'time', 'times')}, as "
            f"{sanitise(subject, 60)} does."
        )
    has_data = any(step.outcome == Outcome.DATA for step in group)
    far = "exchanged data" if has_data else "got an answer"
    return f"{source} {far} with {_to(first)} {where} ({first.standing})."


def _services(group: Sequence[PathStep]) -> str:
    ports = dict.fromkeys(service_at(step.service_port) for step in group)
    return ", ".join(ports) if len(ports) < 3 else f"{len(ports)} services"


def _technique(group: Sequence[PathStep]) -> str:
    """Of several unknown services none is told: nothing says that one of them was misused."""
    if not group[0].is_inside:
        return "T1071"
    return MOVEMENT.get(group[0].service_port or -1, "") if len(group) == 1 else ""


def _to(step: PathStep) -> str:
    return sanitise(step.to_name or step.to_address, 60)


def _at(moment_: datetime) -> str:
    return f"{moment_:%Y-%m-%dT%H:%M:%S}"


def stopped_rows(answer: Answer, scans: Answer) -> list[Mapping[str, object]]:
    """What stopped the subject apart from the probes of scans, the most tries first."""
    scanned = {row.get("service_port") for row in scans.rows if row["kind"] == "horizontal"}
    rows = [row for row in answer.rows if row.get("service_port") not in scanned
            and not row.get("answered") and not row.get("data") and row.get("service_class")
            and row.get("standing") != Standing.ORDINARY]  # fmt: skip
    return sorted(rows, key=lambda row: -_number(row, "attempts"))


def _stopped(answer: Answer, scans: Answer) -> Iterator[Act]:
    for number, row in enumerate(stopped_rows(answer, scans)[:2]):
        tries = count_of(_number(row, "attempts"), "try", "tries")
        yield Act(
            str(row["first_at"]),
            f"{name_of(row)} stopped {tries} at {service_at(row.get('service_port'))}.",
            "" if number else f"was stopped by {name_of(row)}",
            "",
            answer.question.id,
            str(row.get("last_at") or ""),
            f"{name_of(row)} stops {tries}",
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
    for number, row in enumerate(channel_rows(regular, channels)):
        is_regular = any(row is each for each in regular.rows)
        every = f", every {row['median_gap_s']} s" if is_regular else ""
        name, times = name_of(row), count_of(_number(row, "calls"), "time", "times")
        what, clause = f"calls {name} {times}", f"called {name} {times}"
        sentence = (
            f"It called {name} at {service_at(row.get('service_port'))} {times} until "
            f"{moment(row['last_at'])[11:16]}{every}."
        )
        if row.get("basis") == "long":
            what = f"a session of {duration(_number(row, 'longest_s'))} with {name}"
            sentence, clause = f"It kept {what} at {service_at(row.get('service_port'))}.", ""
        yield Act(
            str(row["first_at"]),
            sentence,
            "" if number or row["peer"] in on_path else clause,
            "T1071",
            (regular if is_regular else channels).question.id,
            str(row["last_at"]),
            what,
        )


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
            sum(_number(row, "payload_out") for row in rows),
            max(str(row.get("last_at") or "") for row in rows),
        )
        for rows in hours.values()
    ]
    return sorted(
        (each for each in found if each.octets >= limit), key=lambda transfer: -transfer.octets
    )


def _left(answer: Answer) -> Iterator[Act]:
    for number, (row, octets, until) in enumerate(large_transfers(answer)[:2]):
        volume, name = size(octets), name_of(row)
        yield Act(
            str(row.get("first_at") or row["hour"]),
            f"At most {volume} went to {name}.",
            "" if number else f"sent {volume} to {name}",
            "T1048",
            answer.question.id,
            until,
            f"{volume} to {name}",
        )


def story_lines(story: Story, most: int = ACTS_SHOWN) -> Iterable[str]:
    """The story as lines, the first acts of it."""
    yield from (act.line() for act in story.acts[:most])
    if (left := len(story.acts) - most) > 0:
        yield f"… and {left:,} more in the report"
