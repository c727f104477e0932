"""What was not seen: five-minute slots of the subject's interfaces, and the judgement of them.

AWS, "Publish flow logs to Amazon S3": the object of a slot holds the records that *end* in it. AWS,
"Flow log records": an interface without traffic has a NODATA record, so silence is a gap, too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from transforms.window import Window

Verdict = Literal["FULL", "PARTIAL", "NONE"]

SLOT_S = 300
# Intervals last ten minutes at most; a line that claims more covers nothing.
LONGEST_RECORD_S = 660
# Nitro interfaces have intervals of a minute; a longer record shows that this one has ten.
_SHORT_INTERVAL_S = 120
# How well a slot is known; of several flow logs of an interface, the best counts.
_BEST_FIRST = ("ok", "nodata", "skipdata", "refused", "missing", "nothing recorded")
_SEEN = ("ok", "nodata")
_SPANS_SHOWN = 3

FlowLog = tuple[str | None, str | None, str | None]  # account, region, flow log id


class Life(NamedTuple):
    """When an interface was the subject's, in Unix seconds; None: since or until ever."""

    interface_id: str
    valid_from: int | None = None
    valid_to: int | None = None


class Slot(NamedTuple):
    """A row of `schemas.COVERAGE`; `slot` is in Unix seconds."""

    flow_log: FlowLog
    interface_id: str | None
    slot: int
    status: str
    ok_records: int = 0
    nodata_records: int = 0
    skipdata_records: int = 0
    has_accept: bool | None = None
    has_reject: bool | None = None


class Delivered(NamedTuple):
    """The objects of flow logs, by flow log and slot."""

    slots: Mapping[FlowLog, AbstractSet[int]]
    refused: AbstractSet[tuple[str | None, int]] = frozenset()


class InterfaceCoverage(NamedTuple):
    """An interface's slots by status; `gaps` are the slots that were not seen whole."""

    interface_id: str
    by_status: Mapping[str, int]
    gaps: Mapping[str, tuple[int, ...]]
    skipdata_records: int
    has_accept: bool
    has_reject: bool
    overlapping: int  # slots in which several flow logs recorded one action
    flow_logs: tuple[str, ...]


class Coverage(NamedTuple):
    """Whether silence means something. `figures` are the counts that the reasons speak of."""

    verdict: Verdict
    reasons: tuple[str, ...]
    figures: Mapping[str, int]


def slots_of(window: Window) -> range:
    """The starts of the five-minute slots that the window touches."""
    return range(window.from_s // SLOT_S * SLOT_S, window.to_s, SLOT_S)


def cover(
    records: Iterable[Mapping[str, Any]],
    delivered: Delivered,
    interface_ids: Iterable[str],
    window: Window,
    lives: Sequence[Life] = (),
) -> list[Slot]:
    """The slots of each interface in each flow log that has records of it.

    `records` are rows of `coverage_facts.records_by_slot`. Which flow logs cover an interface is
    learnt from them; an interface without a record has slots of no flow log. Slots outside all
    `lives` of an interface are left out. A slot that the ten-minute interval of a neighbour may
    reach into counts like the neighbour.
    """
    seen: dict[tuple[str, FlowLog], dict[int, Mapping[str, Any]]] = {}
    actions: dict[FlowLog, tuple[bool, bool]] = {}
    for row in records:
        flow_log = (row["account_id"], row["region"], row["flow_log_id"])
        accept, reject = actions.get(flow_log, (False, False))
        actions[flow_log] = (accept or row["has_accept"], reject or row["has_reject"])
        if row["interface_id"] is not None:
            by_slot = seen.setdefault((row["interface_id"], flow_log), {})
            if row["slot"] is not None:
                by_slot[row["slot"]] = row
    known = {interface_id for interface_id, _ in seen}
    for interface_id in set(interface_ids) - known:
        seen[interface_id, (None, None, None)] = {}
    return [
        slot
        for (interface_id, flow_log), by_slot in sorted(seen.items(), key=repr)
        for slot in _slots_of_interface(
            interface_id, flow_log, by_slot, actions.get(flow_log), delivered, window, lives
        )
    ]


def _slots_of_interface(
    interface_id: str,
    flow_log: FlowLog,
    by_slot: Mapping[int, Mapping[str, Any]],
    actions: tuple[bool, bool] | None,
    delivered: Delivered,
    window: Window,
    lives: Sequence[Life],
) -> Iterable[Slot]:
    spans = [life for life in lives if life.interface_id == interface_id]
    is_long = any((row["longest_s"] or 0) > _SHORT_INTERVAL_S for row in by_slot.values())
    for slot in slots_of(window):
        if spans and not any(_is_alive(span, slot) for span in spans):
            continue
        row = by_slot.get(slot, {})
        status = _own_status(row, flow_log, slot, delivered)
        if status is None and is_long:
            near = [by_slot.get(slot + step, {}) for step in (-SLOT_S, SLOT_S)]
            status = next(
                (name for name in _SEEN if any(row.get(f"is_{name}") for row in near)), None
            )
        yield Slot(
            flow_log,
            interface_id,
            slot,
            status or "nothing recorded",
            *(row.get(f"{name}_records", 0) for name in ("ok", "nodata", "skipdata")),
            *(actions or (None, None)),
        )


def _is_alive(life: Life, slot: int) -> bool:
    return (life.valid_from is None or slot + SLOT_S > life.valid_from) and (
        life.valid_to is None or slot < life.valid_to
    )


def _own_status(
    row: Mapping[str, Any], flow_log: FlowLog, slot: int, delivered: Delivered
) -> str | None:
    if (flow_log[2], slot) in delivered.refused:
        return "refused"
    for name in ("skipdata", "ok", "nodata"):
        if row.get(f"is_{name}"):
            return name
    if flow_log[2] is not None and slot not in delivered.slots.get(flow_log, ()):
        return "missing"
    return None


def gaps_of_flow_logs(delivered: Delivered, window: Window) -> list[Slot]:
    """The slots of the window in which a flow log has no object, or a refused one."""
    return [
        Slot(flow_log, None, slot, "refused" if is_refused else "missing")
        for flow_log, slots in sorted(delivered.slots.items(), key=repr)
        for slot in slots_of(window)
        if (is_refused := (flow_log[2], slot) in delivered.refused) or slot not in slots
    ]


def by_interface(slots: Iterable[Slot]) -> list[InterfaceCoverage]:
    """Each interface's slots by status, sorted by interface.

    Of several flow logs of an interface the one that knows most of a slot counts, for each action
    by itself, as a flow log may keep one of them; the action that is known worse decides.
    """
    grouped: dict[str, dict[int, list[Slot]]] = {}
    for slot in slots:
        if slot.interface_id is not None:
            grouped.setdefault(slot.interface_id, {}).setdefault(slot.slot, []).append(slot)
    return [_summed(interface_id, grouped[interface_id]) for interface_id in sorted(grouped)]


def _summed(interface_id: str, by_slot: Mapping[int, Sequence[Slot]]) -> InterfaceCoverage:
    every = [slot for slots in by_slot.values() for slot in slots]
    decided = {at: _decided(slots) for at, slots in sorted(by_slot.items())}
    return InterfaceCoverage(
        interface_id=interface_id,
        by_status=Counter(decided.values()),
        gaps={
            name: tuple(at for at, status in decided.items() if status == name)
            for name in _BEST_FIRST
            if name not in _SEEN
        },
        skipdata_records=sum(slot.skipdata_records for slot in every),
        has_accept=any(slot.has_accept for slot in every),
        has_reject=any(slot.has_reject for slot in every),
        overlapping=sum(_is_overlapping(slots) for slots in by_slot.values()),
        flow_logs=tuple(sorted({name for slot in every if (name := slot.flow_log[2])})),
    )


def _decided(slots: Sequence[Slot]) -> str:
    """An action that no flow log keeps is said by itself, not by every slot."""
    keeps = {
        "ACCEPT": [slot for slot in slots if slot.has_accept or not slot.has_reject],
        "REJECT": [slot for slot in slots if slot.has_reject or not slot.has_accept],
    }
    best = [min(map(_rank, kept)) for kept in keeps.values() if kept]
    return _BEST_FIRST[max(best)]


def _rank(slot: Slot) -> int:
    return _BEST_FIRST.index(slot.status)


def _is_overlapping(slots: Sequence[Slot]) -> bool:
    recorded = [slot for slot in slots if slot.ok_records + slot.nodata_records]
    return any(sum(bool(has) for has in kept) > 1 for kept in (
        [slot.has_accept for slot in recorded], [slot.has_reject for slot in recorded],
    ))  # fmt: skip


def judge_coverage(
    interfaces: Sequence[InterfaceCoverage], refused_lines: int = 0, unlogged_peers: int = 0
) -> Coverage:
    """FULL, PARTIAL or NONE, with the reasons in words.

    `refused_lines`: quarantined lines of the flow logs that cover them. `unlogged_peers`: internal
    peers without a record of their own interface; it is said, and makes no coverage partial, as
    it says nothing of the subject's own interfaces.
    """
    by_status: Counter[str] = Counter()
    for interface in interfaces:
        by_status.update(interface.by_status)
    figures = {name.replace(" ", "_"): by_status[name] for name in _BEST_FIRST} | {
        "slots": by_status.total(),
        "seen": sum(by_status[name] for name in _SEEN),
        "skipdata_records": sum(interface.skipdata_records for interface in interfaces),
        "overlapping": sum(interface.overlapping for interface in interfaces),
        "interfaces": len(interfaces),
        "refused_lines": refused_lines,
        "unlogged_peers": unlogged_peers,
    }
    if not interfaces:
        return Coverage("NONE", ("no interface of the subject is known",), figures)
    if not figures["seen"] + figures["skipdata"]:
        names = ", ".join(interface.interface_id for interface in interfaces[:3])
        why = f"no record of {names} in any of {_counted(figures['slots'])}"
        return Coverage("NONE", (why,), figures)
    reasons = tuple(_reasons(interfaces, figures))
    return Coverage("PARTIAL" if reasons else "FULL", reasons, figures)


_WORDS = {
    "missing": "without an object",
    "refused": "with a refused object",
    "skipdata": "in which AWS lost records (SKIPDATA)",
    "nothing recorded": "with nothing recorded",
}


def _reasons(interfaces: Sequence[InterfaceCoverage], figures: Mapping[str, int]) -> Iterable[str]:
    for interface in interfaces:
        if not any(interface.by_status.get(status) for status in (*_SEEN, "skipdata")):
            yield f"no record of {interface.interface_id}"
            continue
        for action, kept, other in (
            ("REJECT", interface.has_reject, "ACCEPT"), ("ACCEPT", interface.has_accept, "REJECT"),
        ):  # fmt: skip
            if not kept and (interface.has_accept or interface.has_reject):
                yield (
                    f"{interface.interface_id}: no {action} among the flows of its flow logs: "
                    f"there was none, or they keep {other} only"
                )
    for status, words in _WORDS.items():
        gaps = sorted({slot for interface in interfaces for slot in interface.gaps[status]})
        if gaps:
            number = sum(len(interface.gaps[status]) for interface in interfaces)
            yield f"{_counted(number)} {words}: {spans_said(gaps)}"
    if figures["refused_lines"]:
        word = "line" if figures["refused_lines"] == 1 else "lines"
        yield f"{figures['refused_lines']:,} {word} of its flow logs refused"


def _counted(number: int) -> str:
    return f"{number:,} slot" if number == 1 else f"{number:,} slots"


def spans_said(slots: Sequence[int]) -> str:
    """The first spans of adjacent slots, in UTC; `slots` are sorted starts in Unix seconds."""
    spans: list[list[int]] = []
    for slot in slots:
        if spans and slot == spans[-1][1]:
            spans[-1][1] = slot + SLOT_S
        else:
            spans.append([slot, slot + SLOT_S])
    said = [f"{_minute(first)} to {_minute(last)}" for first, last in spans[:_SPANS_SHOWN]]
    more = len(spans) - _SPANS_SHOWN
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")


def _minute(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M}"
