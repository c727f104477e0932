"""The acts of a story that are steps of the path."""

from collections.abc import Iterator, Sequence

from transforms.acts import Act, service_at, text_of
from transforms.attack import MOVEMENT
from transforms.questions.catalogue import Answer
from transforms.standing.path import PathStep
from transforms.text import sanitise
from transforms.vocabulary import Outcome, Ring, Standing
from transforms.wording import count_of


def movement(subject: str, steps: Sequence[PathStep], tried: Answer) -> Iterator[Act]:
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
    entered.sort(key=lambda step: step.to_ring == Ring.PRIVATE_UNKNOWN)
    onward = [step for step in inside if step.hop == 2 and _is_of_a_vpc(step)]
    outward = [step for step in steps if step.hop > 1 and not _is_of_a_vpc(step)]
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
            text_of(first.first_at),
            _told_step(subject, source, group),
            clause,
            _technique(group),
            "path",
            max(last) if first.hop == 1 else "",
            f"{source} to {_to(first)}, {_services(group)}",
            first.to_address,
        )


def _is_of_a_vpc(step: PathStep) -> bool:
    """Whether it leads to a machine of the owner: a private address that no label knows may not."""
    return step.is_inside and step.to_ring != Ring.PRIVATE_UNKNOWN


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
    far = "exchanged data with" if has_data else "got an answer from"
    return f"{source} {far} {_to(first)} {where} ({first.standing})."


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
