"""What the slots are worth together: FULL, PARTIAL or NONE, with the reasons in words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from transforms.coverage.pace import Stretch, merged
from transforms.coverage.slots import BEST_FIRST, SEEN, SLOT_S, InterfaceCoverage
from transforms.wording import count_of

Verdict = Literal["FULL", "PARTIAL", "NONE"]
_SPANS_SHOWN = 3
# So many stretches of gaps are told apart in a condition over conversations.
MOST_STRETCHES = 200


class Coverage(NamedTuple):
    """Whether silence means something. `figures` are the counts that the reasons speak of."""

    verdict: Verdict
    reasons: tuple[str, ...]
    figures: Mapping[str, int]


def judge_coverage(
    interfaces: Sequence[InterfaceCoverage], refused_lines: int = 0, unlogged_peers: int = 0
) -> Coverage:
    """FULL, PARTIAL or NONE, with the reasons in words.

    `refused_lines`: quarantined lines of the flow logs that cover them. `unlogged_peers`: internal
    peers without a record of their own interface; they are named, and make no coverage
    partial, as they say nothing of the subject's own interfaces.
    """
    by_status: Counter[str] = Counter()
    for interface in interfaces:
        by_status.update(interface.by_status)
    figures = {name.replace(" ", "_"): by_status[name] for name in BEST_FIRST} | {
        "slots": by_status.total(),
        "seen": sum(by_status[name] for name in SEEN),
        "skipdata_records": sum(interface.skipdata_records for interface in interfaces),
        "overlapping": sum(interface.overlapping for interface in interfaces),
        "interfaces": len(interfaces),
        "refused_lines": refused_lines,
        "unlogged_peers": unlogged_peers,
    }
    if not interfaces:
        return Coverage("NONE", ("no interface of the subject is known",), figures)
    if not any(interface.is_recorded for interface in interfaces):
        names = ", ".join(interface.interface_id for interface in interfaces[:3])
        why = f"no record of {names} in any of {_counted(figures['slots'])}"
        return Coverage("NONE", (why,), figures)
    reasons = tuple(_reasons(interfaces, figures))
    return Coverage("PARTIAL" if reasons else "FULL", reasons, figures)


def gap_stretches(interfaces: Iterable[InterfaceCoverage]) -> list[Stretch]:
    """When one of them was not seen whole; of many stretches the last ones are taken as one."""
    gaps = {at for interface in interfaces for slots in interface.gaps.values() for at in slots}
    joined = merged((at, at + SLOT_S) for at in gaps)
    if len(joined) > MOST_STRETCHES:
        joined[MOST_STRETCHES - 1 :] = [(joined[MOST_STRETCHES - 1][0], joined[-1][1])]
    return joined


_WORDS = {
    "missing": "without an object",
    "refused": "with a refused object",
    "unreadable": "with an object that the store did not give",
    "skipdata": "in which AWS lost records (SKIPDATA)",
    "seen in part": "seen in part: an aggregation interval has neither a record nor a NODATA",
    "contradicted": "in which only a peer's interface recorded a conversation of the subject, so "
    "that records are lost there or forged",
    "nothing recorded": "with nothing recorded",
}


def _reasons(interfaces: Sequence[InterfaceCoverage], figures: Mapping[str, int]) -> Iterable[str]:
    for interface in interfaces:
        if not interface.is_recorded:
            yield f"no record of {interface.interface_id}"
            continue
        for action, has_any, other in (
            ("REJECT", interface.has_reject, "ACCEPT"), ("ACCEPT", interface.has_accept, "REJECT"),
        ):  # fmt: skip
            if not has_any and (interface.has_accept or interface.has_reject):
                yield (
                    f"{interface.interface_id}: no {action} among the flows of its flow logs: "
                    f"there was none, or they keep {other} only"
                )
    for status, words in _WORDS.items():
        gaps = sorted({slot for interface in interfaces for slot in interface.gaps[status]})
        if gaps:
            number = sum(len(interface.gaps[status]) for interface in interfaces)
            yield f"{_counted(number)} {words}: {spans_of(gaps)}"
    if figures["refused_lines"]:
        lines = count_of(figures["refused_lines"], "line", "lines")
        yield f"{lines} of its flow logs refused"


def _counted(number: int) -> str:
    return count_of(number, "slot", "slots")


def spans_of(slots: Sequence[int]) -> str:
    """The first spans of adjacent slots, in UTC; `slots` are sorted starts in Unix seconds."""
    spans: list[list[int]] = []
    for slot in slots:
        if spans and slot == spans[-1][1]:
            spans[-1][1] = slot + SLOT_S
        else:
            spans.append([slot, slot + SLOT_S])
    shown = [f"{_minute(first)} to {_minute(last)}" for first, last in spans[:_SPANS_SHOWN]]
    more = len(spans) - _SPANS_SHOWN
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _minute(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M}"
