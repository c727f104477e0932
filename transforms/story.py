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
from transforms.wording import duration, moment, size

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


def _name(row: Mapping[str, object], end: str = "peer") -> str:
    return sanitise(str(row.get(f"{end}_name") or row[end]), 60)


def _service(port: object) -> str:
    number = int(str(port)) if port is not None else None
    return _SERVICES.get(number or -1, f"port {number}" if number else "a protocol without ports")


def _entry(answer: Answer) -> Iterator[Act]:
    for row in answer.rows[:1]:
        tries, longest = int(str(row.get("tries") or 0)), int(str(row.get("longest_s") or 0))
        if not row.get("with_data"):
            return
        service, source = _service(row.get("service_port")), _name(row)
        at = str(row.get("longest_at"))
        before = (
            f"{tries - 1:,} tries from {moment(row['first_at'])[11:16]} on, then "
            if (tries > 1)
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
    clause = True
    for kind in ("horizontal", "vertical"):
        rows = [row for row in answer.rows if row["kind"] == kind and row.get("bucket") is None]
        for row in rows[:1]:
            targets = int(str(row.get("targets") or 0))
            span = f"until {moment(row['last_at'])[11:16]}, {row['fail_percent']} % in vain"
            if kind == "horizontal":
                text = (
                    f"It tried {_service(row.get('service_port'))} at {targets:,} addresses {span}."
                )
                short = f"tried {targets:,} addresses"
            else:
                text = f"It tried {targets:,} ports of {_name(row)} {span}."
                short = f"tried {targets:,} ports of {_name(row)}"
            yield Act(str(row["first_at"]), text, short if clause else "", "T1046",
                      answer.question.id)  # fmt: skip
            clause = False


def _movement(subject: str, steps: Sequence[PathStep]) -> Iterator[Act]:
    inside = [step for step in steps if step.is_inside]
    first = [step for step in inside if step.hop == 1 and step.outcome == "DATA"]
    named = {_to(step): step for step in first}
    for number, step in enumerate(inside):
        source = subject if step.hop == 1 else step.from_name or step.from_address
        far = "exchanged data" if step.outcome == "DATA" else "got an answer"
        clause = ""
        if step.hop == 1 and named.get(_to(step)) is step and step is first[0]:
            others = len(named) - 1
            more = f" and {others:,} more" if others else ""
            clause = f"exchanged data with {_to(step)}{more}"
        elif step.hop == 2 and not any(other.hop == 2 for other in inside[:number]):
            clause = f"went on through {sanitise(source, 60)} to {_to(step)}"
        yield Act(
            _at(step.first_at),
            f"{sanitise(source, 60)} {far} with {_to(step)} over {_service(step.service_port)} "
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
            and row.get("standing") != "ordinary"]  # fmt: skip
    for number, row in enumerate(
        sorted(rows, key=lambda row: -int(str(row.get("attempts") or 0)))[:2]
    ):
        tries = int(str(row.get("attempts") or 0))
        yield Act(
            str(row["first_at"]),
            f"{_name(row)} stopped {tries:,} {'try' if tries == 1 else 'tries'} at "
            f"{_service(row.get('service_port'))}.",
            f"was stopped by {_name(row)}" if not number else "",
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
                f"{int(str(row['calls'])):,} times until {moment(row['last_at'])[11:16]}{every}.",
                f"called {_name(row)} {int(str(row['calls'])):,} times" if len(seen) == 1 else "",
                "T1071",
                answer.question.id,
            )
            if len(seen) == 3:
                return


def _left(answer: Answer) -> Iterator[Act]:
    limit = int(answer.parameters.get("transfer_bytes", "0"))
    volumes: dict[str, int] = {}
    first: dict[str, Mapping[str, object]] = {}
    for row in answer.rows:
        name = _name(row)
        volumes[name] = volumes.get(name, 0) + int(str(row.get("payload_out") or 0))
        if name not in first or str(row["hour"]) < str(first[name]["hour"]):
            first[name] = row
    large = sorted((item for item in volumes.items() if item[1] >= limit), key=lambda i: -i[1])
    for number, (name, octets) in enumerate(large[:2]):
        row = first[name]
        yield Act(
            str(row.get("first_at") or row["hour"]),
            f"At most {size(octets)} went to {name}.",
            f"sent {size(octets)} to {name}" if not number else "",
            "T1048",
            answer.question.id,
        )


def story_lines(story: Story, most: int = ACTS_SHOWN) -> Iterable[str]:
    """The story as lines, the first acts of it."""
    yield from (act.line() for act in story.acts[:most])
    if left := len(story.acts) - most:
        if left > 0:
            yield f"… and {left:,} more in the report"
