"""Five-minute slots of the subject's interfaces: what was seen of each, in each flow log.

A slot is seen when every aggregation interval in it is touched by a record or by a NODATA of that
interface (`pace` says how this is known), not when one record lies in it. AWS, "Publish flow logs
to Amazon S3": the object of a slot holds the records that *end* in it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, NamedTuple

from transforms.coverage.pace import Pace, Stretch, Touch, pace_of, unseen
from transforms.window import Window

SLOT_S = 300
# Intervals last ten minutes at most, with a minute's lag; a line that claims more covers nothing.
LONGEST_RECORD_S = 660
# How well a slot is known; of several flow logs of an interface, the best counts.
BEST_FIRST = (
    "ok", "nodata", "contradicted", "skipdata", "seen in part", "refused", "unreadable",
    "missing", "nothing recorded",
)  # fmt: skip
SEEN = ("ok", "nodata")
_UNRECORDED = ("refused", "unreadable", "missing", "nothing recorded")
# A flow log that delivers an object for this share of the slots delivers one for each: what is not
# there is missing, even where records of other objects reach into the slot.
_REGULAR_PERCENT = 75

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
    """The objects of flow logs by slot; `unread` has those of which no line is evidence."""

    slots: Mapping[FlowLog, AbstractSet[int]]
    unread: Mapping[tuple[str | None, int], str] = MappingProxyType({})  # refused or unreadable


class InterfaceCoverage(NamedTuple):
    """An interface's slots by status; `gaps` are the slots that were not seen whole."""

    interface_id: str
    by_status: Mapping[str, int]
    gaps: Mapping[str, tuple[int, ...]]
    skipdata_records: int
    has_accept: bool
    has_reject: bool
    overlapping: int  # slots in which several flow logs recorded one action
    is_recorded: bool  # there is a record of it at all
    flow_logs: tuple[str, ...]


def slots_of(window: Window) -> range:
    """The starts of the five-minute slots that the window touches."""
    return range(window.from_s // SLOT_S * SLOT_S, window.to_s, SLOT_S)


class Records(NamedTuple):
    """The records of an interface in a flow log: rows by slot, and touches in order of time."""

    by_slot: dict[int, Mapping[str, Any]]
    touches: list[Touch]


def cover(
    rows: Iterable[Mapping[str, Any]],
    touches: Iterable[Mapping[str, Any]],
    delivered: Delivered,
    interface_ids: Iterable[str],
    window: Window,
    lives: Sequence[Life] = (),
) -> tuple[list[Slot], dict[tuple[str, FlowLog], Pace]]:
    """The slots of each interface in each flow log that has records of it, and their pace.

    `rows` are those of `facts.records_by_slot`, `touches` those of `facts.touches_by_minute`. Which
    flow logs cover an interface is learnt from them; an interface without a record has slots of no
    flow log. Slots outside all `lives` of an interface are left out.
    """
    recorded: dict[tuple[str, FlowLog], Records] = {}
    actions: dict[FlowLog, tuple[bool, bool]] = {}
    for row in rows:
        flow_log = _flow_log_of(row)
        accept, reject = actions.get(flow_log, (False, False))
        actions[flow_log] = (accept or row["has_accept"], reject or row["has_reject"])
        if row["interface_id"] is not None:
            of_interface = recorded.setdefault((row["interface_id"], flow_log), Records({}, []))
            if row["slot"] is not None:
                of_interface.by_slot[row["slot"]] = row
    for row in touches:
        key = (row["interface_id"], _flow_log_of(row))
        touch = Touch(**{name: row[name] for name in Touch._fields})
        recorded.setdefault(key, Records({}, [])).touches.append(touch)
    paces = {key: pace_of(records.touches) for key, records in recorded.items() if records.touches}
    known = {interface_id for interface_id, _ in recorded}
    for interface_id in set(interface_ids) - known:
        recorded[interface_id, (None, None, None)] = Records({}, [])
    by_name = sorted(recorded.items(), key=lambda item: repr(item[0]))
    slots = [
        slot
        for (interface_id, flow_log), records in by_name
        for slot in _slots_of_interface(
            interface_id, flow_log, records, actions.get(flow_log), delivered,
            _spans_of(interface_id, lives, window), paces.get((interface_id, flow_log)),
        )
    ]  # fmt: skip
    return slots, paces


def _flow_log_of(row: Mapping[str, Any]) -> FlowLog:
    return row["account_id"], row["region"], row["flow_log_id"]


def _spans_of(interface_id: str, lives: Sequence[Life], window: Window) -> list[Stretch]:
    """When the interface was the subject's inside the window."""
    spans = [life for life in lives if life.interface_id == interface_id] or [Life(interface_id)]
    inside = (
        (
            max(window.from_s, life.valid_from or window.from_s),
            min(window.to_s, window.to_s if life.valid_to is None else life.valid_to),
        )
        for life in spans
    )
    return [(first, until) for first, until in inside if first < until]


def _slots_of_interface(
    interface_id: str,
    flow_log: FlowLog,
    records: Records,
    actions: tuple[bool, bool] | None,
    delivered: Delivered,
    spans: Sequence[Stretch],
    pace: Pace | None,
) -> Iterable[Slot]:
    stretches = [
        stretch
        for span in spans
        for stretch in ([span] if pace is None else unseen(records.touches, pace, span))
    ]
    untouched = {slot for stretch in stretches for slot in _slots_in(stretch)}
    regular = _delivers_regularly(flow_log, delivered, spans)
    for slot in sorted({slot for span in spans for slot in _slots_in(span)}):
        row = records.by_slot.get(slot, {})
        status = _status(
            row,
            unread=delivered.unread.get((flow_log[2], slot)),
            is_missing=flow_log[2] is not None and slot not in delivered.slots.get(flow_log, ()),
            is_untouched=slot in untouched,
            is_regular=regular,
        )
        yield Slot(
            flow_log,
            interface_id,
            slot,
            status,
            *(row.get(f"{name}_records", 0) for name in ("ok", "nodata", "skipdata")),
            *(actions or (None, None)),
        )


def _slots_in(stretch: Stretch) -> range:
    return range(stretch[0] // SLOT_S * SLOT_S, stretch[1], SLOT_S)


def _delivers_regularly(
    flow_log: FlowLog, delivered: Delivered, spans: Sequence[Stretch]
) -> bool:  # fmt: skip
    expected = {slot for span in spans for slot in _slots_in(span)}
    there = expected & set(delivered.slots.get(flow_log, ()))
    return 100 * len(there) >= _REGULAR_PERCENT * len(expected)


def _status(
    row: Mapping[str, Any],
    *,
    unread: str | None,
    is_missing: bool,
    is_untouched: bool,
    is_regular: bool,
) -> str:
    if unread is not None:
        return unread
    if row.get("is_skipdata"):
        return "skipdata"
    if is_missing and (is_untouched or is_regular):
        return "missing"
    touching = [name for name in SEEN if row.get(f"is_{name}")]
    if is_untouched:
        return "seen in part" if touching else "nothing recorded"
    # Without a record of its own it lies in the interval of a record before or after it.
    return touching[0] if touching else "ok"


def contradicted(slots: Iterable[Slot], peer_only: AbstractSet[int]) -> list[Slot]:
    """The slots, of which none is seen where a peer's interface recorded what its own did not.

    Only slots that every flow log counts as seen are contradicted; others are gaps already.
    """
    slots = list(slots)
    open_slots = {slot.slot for slot in slots if slot.interface_id and slot.status not in SEEN}
    return [
        slot._replace(status="contradicted")
        if slot.interface_id and slot.slot in peer_only and slot.slot not in open_slots
        else slot
        for slot in slots
    ]


def gaps_of_flow_logs(delivered: Delivered, window: Window) -> list[Slot]:
    """The slots of the window in which a flow log has no object, or one that was not read."""
    return [
        Slot(flow_log, None, slot, unread or "missing")
        for flow_log, slots in sorted(delivered.slots.items(), key=repr)
        for slot in slots_of(window)
        if (unread := delivered.unread.get((flow_log[2], slot))) or slot not in slots
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
            for name in BEST_FIRST
            if name not in SEEN
        },
        skipdata_records=sum(slot.skipdata_records for slot in every),
        has_accept=any(slot.has_accept for slot in every),
        has_reject=any(slot.has_reject for slot in every),
        overlapping=sum(_is_overlapping(slots) for slots in by_slot.values()),
        is_recorded=any(
            slot.ok_records + slot.nodata_records + slot.skipdata_records
            or slot.status not in _UNRECORDED
            for slot in every
        ),
        flow_logs=tuple(sorted({name for slot in every if (name := slot.flow_log[2])})),
    )


def _decided(slots: Sequence[Slot]) -> str:
    """An action that no flow log keeps is reported once, not by every slot."""
    keeps = {
        "ACCEPT": [slot for slot in slots if slot.has_accept or not slot.has_reject],
        "REJECT": [slot for slot in slots if slot.has_reject or not slot.has_accept],
    }
    best = [min(map(_rank, of_action)) for of_action in keeps.values() if of_action]
    return BEST_FIRST[max(best)]


def _rank(slot: Slot) -> int:
    return BEST_FIRST.index(slot.status)


def _is_overlapping(slots: Sequence[Slot]) -> bool:
    recorded = [slot for slot in slots if slot.ok_records + slot.nodata_records]
    return any(sum(bool(has) for has in of_action) > 1 for of_action in (
        [slot.has_accept for slot in recorded], [slot.has_reject for slot in recorded],
    ))  # fmt: skip
