"""A failing case made as small as it stays failing, so that a person can see why it fails."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.redteam.stories import Case, Talk

# Plain values, tried in this order; what a case has by itself is never made larger.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "lasts_s": (1,), "tries": (1,), "at_peer_too": (False,), "from_secondary": (False,),
    "answer_after_s": (0,), "out": (60,), "back": (60,), "crafted": (None,), "first_seen_s": (0,),
    "subject_port": (40_000,), "peer_port": (22,), "protocol": (6,), "began_s": (600,),
}  # fmt: skip


def shrunk(case: Case, fails: Callable[[Sequence[Case]], Sequence[bool]], rounds: int = 6) -> Case:
    """The simplest case that was found to fail still; every round tries all steps in one job."""
    for _ in range(rounds):
        simpler = [
            replace(each, number=number) for number, each in enumerate(_simpler(case), start=1)
        ]
        failing = [each for each, is_failing in zip(simpler, fails(simpler), strict=True)
                   if is_failing]  # fmt: skip
        if not failing:
            return case
        case = min(failing, key=_complexity)
    return case


def _simpler(case: Case) -> Iterator[Case]:
    for at in range(len(case.ordinary)):
        yield replace(case, ordinary=case.ordinary[:at] + case.ordinary[at + 1 :])
    if case.ordinary:
        yield replace(case, ordinary=())
    plain: dict[str, Any] = {"copies": 1, "flow_logs": 1, "is_v6": False, "fields": "full"}
    for name, value in plain.items():
        if getattr(case, name) != value:
            yield replace(case, **{name: value})
    for talk in _plainer(case.hostile):
        yield replace(case, hostile=talk)


def _plainer(talk: Talk) -> Iterator[Talk]:
    for name, values in _PLAIN.items():
        for value in values:
            if getattr(talk, name) != value:
                yield replace(talk, **{name: value})


def _complexity(case: Case) -> tuple[int, int]:
    odd = sum(getattr(case.hostile, name) not in values for name, values in _PLAIN.items())
    odd += (case.copies > 1) + (case.flow_logs > 1) + case.is_v6 + (case.fields != "full")
    return len(case.ordinary), odd
