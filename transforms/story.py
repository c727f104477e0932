"""What happened, in order of time: acts with their sentences, and one headline over them.

The same text stands in terminal, report and manifest. Each act comes from rows of an answer or from
steps of the path, which it names; ATT&CK techniques are told where the port alone suggests one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from transforms.questions.catalogue import Answer
from transforms.standing.path import PathStep
from transforms.text import sanitise
from transforms.vocabulary import Outcome, Standing
from transforms.wording import count_of, duration, moment, size

MOST_WORDS = 40
ACTS_SHOWN = 10
# MITRE ATT&CK, Enterprise: what a port that answered suggests, never what was done there.
_MOVEMENT = {
    22: "T1021.004", 3389: "T1021.001", 445: "T1021.002", 139: "T1021.002", 5985: "T1021.006",
    5986: "T1021.006", 5900: "T1021.005", 135: "T1021.003",
}  # fmt: skip
_SERVICES = {
    22: "SSH", 23: "Telnet", 135: "RPC", 139: "SMB", 445: "SMB", 3389: "RDP", 5900: "VNC",
    5985: "WinRM", 5986: "WinRM", 3306: "MySQL", 5432: "PostgreSQL", 1433: "SQL Server",
}  # fmt: skip


class Act(NamedTuple):
    """One thing that happened: when, a sentence, and a clause for the headline (or none).

    `technique` is an ATT&CK id, `source` the question or table that it was told from.
    """

    at: str
    sentence: str
    clause: str
    technique: str
    source: str

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
        *_movement(subject, steps),
        *_stopped(by_slug["blocked"], by_slug["scans"]),
        *_channels(by_slug["regular_calls"], by_slug["repeated_calls"]),
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


def _name(row: Mapping[str, object]) -> str:
    return sanitise(str(row.get("peer_name") or row["peer"]), 60)


def _number(row: Mapping[str, object], name: str) -> int:
    return int(str(row.get(name) or 0))


def _service(port: object) -> str:
    number = int(str(port)) if port is not None else None
    return _SERVICES.get(number or -1, f"port {number}" if number else "a protocol without ports")


def _entry(answer: Answer) -> Iterator[Act]:
    for row in answer.rows[:1]:
        tries, longest = _number(row, "tries"), _number(row, "longest_s")
        if not row.get("with_data"):
            return
        service, source = _service(row.get("service_port")), _name(row)
        at = str(row.get("longest_at"))
        before = (
            f"{tries - 1:,} tries from {moment(row['first_at'])[11:16]} on, then "
            if tries > 1
            else ""
        )
        yield Act(
            at,
            f"{source} came in over {service}: {before}a session of {duration(longest)}.",
            f"was entered over {service} from {source} at {moment(at)[11:16]}",
            "T1110" if tries > 10 else "T1133",
            answer.question.id,
        )


def _scans(answer: Answer) -> Iterator[Act]:
    whole = [row for row in answer.rows if row.get("bucket") is None]
    of_kind = {kind: [row for row in whole if row["kind"] == kind] for kind in _KINDS_OF_SCAN}
    first = [rows[0] for rows in of_kind.values() if rows]
    for number, row in enumerate(first):
        targets = _number(row, "targets")
        if row["kind"] == "horizontal":
            what = f"{_service(row.get('service_port'))} at {targets:,} addresses"
            short = f"tried {targets:,} addresses"
        else:
            what = f"{targets:,} ports of {_name(row)}"
            short = f"tried {what}"
        yield Act(
            str(row["first_at"]),
            f"It tried {what} until {moment(row['last_at'])[11:16]}, "
            f"{row['fail_percent']} % in vain.",
            "" if number else short,
            "T1046",
            answer.question.id,
        )


_KINDS_OF_SCAN = ("horizontal", "vertical")


def _movement(subject: str, steps: Sequence[PathStep]) -> Iterator[Act]:
    inside = [step for step in steps if step.is_inside]
    entered = [step for step in inside if step.hop == 1 and step.outcome == Outcome.DATA]
    onward = [step for step in inside if step.hop == 2]
    for step in inside:
        source = sanitise(subject if step.hop == 1 else step.from_name or step.from_address, 60)
        far = "exchanged data" if step.outcome == Outcome.DATA else "got an answer"
        clause = ""
        if step in entered[:1]:
            others = len({_to(other) for other in entered}) - 1
            clause = f"exchanged data with {_to(step)}" + (
                f" and {others:,} more" if others else ""
            )
        elif step in onward[:1]:
            clause = f"went on through {source} to {_to(step)}"
        yield Act(
            _at(step.first_at),
            f"{source} {far} with {_to(step)} over {_service(step.service_port)} "
            f"({step.standing}).",
            clause,
            _MOVEMENT.get(step.service_port or -1, ""),
            "path",
        )


def _to(step: PathStep) -> str:
    return sanitise(step.to_name or step.to_address, 60)


def _at(moment_: datetime) -> str:
    return f"{moment_:%Y-%m-%dT%H:%M:%S}"


def _stopped(answer: Answer, scans: Answer) -> Iterator[Act]:
    """What stopped it, beside the probes of scans."""
    scanned = {row.get("service_port") for row in scans.rows if row["kind"] == "horizontal"}
    rows = [row for row in answer.rows if row.get("service_port") not in scanned
            and not row.get("answered") and not row.get("data") and row.get("service_class")
            and row.get("standing") != Standing.ORDINARY]  # fmt: skip
    rows.sort(key=lambda row: -_number(row, "attempts"))
    for number, row in enumerate(rows[:2]):
        tries = count_of(_number(row, "attempts"), "try", "tries")
        yield Act(
            str(row["first_at"]),
            f"{_name(row)} stopped {tries} at {_service(row.get('service_port'))}.",
            "" if number else f"was stopped by {_name(row)}",
            "",
            answer.question.id,
        )


def _channels(regular: Answer, repeated: Answer) -> Iterator[Act]:
    seen: set[object] = set()
    for answer in (repeated, regular):
        for row in answer.rows:
            is_out = row.get("initiator", "subject") == "subject"
            if not is_out or row["peer"] in seen or row.get("peer_ring") != "internet":
                continue
            seen.add(row["peer"])
            every = f", every {row['median_gap_s']} s" if answer is regular else ""
            yield Act(
                str(row["first_at"]),
                f"It called {_name(row)} at {_service(row.get('service_port'))} "
                f"{_number(row, 'calls'):,} times until {moment(row['last_at'])[11:16]}{every}.",
                f"called {_name(row)} {_number(row, 'calls'):,} times" if len(seen) == 1 else "",
                "T1071",
                answer.question.id,
            )
            if len(seen) == 3:
                return


def _left(answer: Answer) -> Iterator[Act]:
    """What left in large volume, by address; a row is one hour of one of them."""
    hours: dict[object, list[Mapping[str, object]]] = {}
    for row in answer.rows:
        hours.setdefault(row["peer"], []).append(row)
    volumes = {peer: sum(_number(row, "payload_out") for row in of) for peer, of in hours.items()}
    limit = int(answer.parameters.get("transfer_bytes", "0"))
    large = [peer for peer, octets in volumes.items() if octets >= limit]
    large.sort(key=lambda peer: -volumes[peer])
    for number, peer in enumerate(large[:2]):
        first = min(hours[peer], key=lambda row: str(row["hour"]))
        volume, name = size(volumes[peer]), _name(first)
        yield Act(
            str(first.get("first_at") or first["hour"]),
            f"At most {volume} went to {name}.",
            "" if number else f"sent {volume} to {name}",
            "T1048",
            answer.question.id,
        )


def story_lines(story: Story, most: int = ACTS_SHOWN) -> Iterable[str]:
    """The story as lines, the first acts of it."""
    yield from (act.line() for act in story.acts[:most])
    if (left := len(story.acts) - most) > 0:
        yield f"… and {left:,} more in the report"
