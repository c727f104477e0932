"""What the coverage of an interface is computed from, read plainly from a list of records."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from transforms.coverage.pace import Touch
from transforms.window import Window

ACCOUNT, REGION = "111122223333", "eu-west-1"
LONGEST_S = 660


class Rec(NamedTuple):
    """A record of an interface; `start` and `end` in Unix seconds."""

    start: int
    end: int
    status: str = "OK"
    action: str | None = "ACCEPT"
    interface_id: str = "eni-1"
    log: str | None = "fl-a"
    is_own: bool = True


def slot_rows(records: Iterable[Rec], window: Window) -> list[dict[str, Any]]:
    """One dict per flow log, interface and slot, as `facts.records_by_slot` describes them."""
    rows: dict[tuple[object, ...], dict[str, Any]] = {}
    for record in records:
        is_sound = 0 <= record.end - record.start <= LONGEST_S
        first = record.start if is_sound else record.end
        touched: Sequence[int | None] = [
            slot
            for slot in range(window.from_s // 300 * 300, window.to_s, 300)
            if max(first, window.from_s) < slot + 300 and min(record.end, window.to_s - 1) >= slot
        ]
        interface_id = record.interface_id if record.is_own else None
        if interface_id is None or not touched:
            touched = [None]
        for slot in touched:
            row = rows.setdefault(
                (record.log, interface_id, slot),
                {**_place(record), "interface_id": interface_id, "slot": slot}
                | dict.fromkeys(("ok_records", "nodata_records", "skipdata_records"), 0)
                | dict.fromkeys(("is_ok", "is_nodata", "is_skipdata"), False)
                | dict.fromkeys(("has_accept", "has_reject"), False),
            )
            name = record.status.lower()
            row[f"{name}_records"] += slot is not None and record.end // 300 * 300 == slot
            row[f"is_{name}"] |= is_sound or name == "skipdata"
            row["has_accept"] |= record.action == "ACCEPT"
            row["has_reject"] |= record.action == "REJECT"
    return list(rows.values())


def touch_rows(records: Iterable[Rec]) -> list[dict[str, Any]]:
    """One dict per flow log, interface and minute of start, as `facts.touches_by_minute` has it."""
    minutes: dict[tuple[object, ...], list[Rec]] = {}
    for record in records:
        if record.is_own and 0 <= record.end - record.start <= LONGEST_S:
            key = (record.log, record.interface_id, record.start // 60)
            minutes.setdefault(key, []).append(record)
    return [
        {
            **_place(together[0]),
            "interface_id": together[0].interface_id,
            "minute": together[0].start // 60,
            **touch_of(together)._asdict(),
        }
        for together in minutes.values()
    ]


def touch_of(records: Sequence[Rec]) -> Touch:
    """The records of one minute; moments are tried one after the other."""
    starts, ends = [r.start for r in records], [r.end for r in records]
    return Touch(
        min(starts), max(starts), min(ends), max(ends),
        sum(1 << n for n in range(60) if any(crosses(r, n, 60, 1) for r in records)),
        sum(1 << n for n in range(60) if any(crosses(r, n, 600, 10) for r in records)),
        sum(r.end - r.start > 120 for r in records),
        len(records),
    )  # fmt: skip


def crosses(record: Rec, moment: int, interval_s: int, unit: int) -> bool:
    """Whether the record has packets on both sides, wherever in its unit the moment is."""
    return any(
        all(record.start < second <= record.end for second in range(at, at + unit))
        for at in range(record.start // unit * unit, record.end + unit, unit)
        if at % interval_s == moment * unit
    )


def touches_of(records: Iterable[Rec]) -> list[Touch]:
    """The touches of one interface in one flow log, in order."""
    return sorted(
        Touch(**{name: row[name] for name in Touch._fields}) for row in touch_rows(records)
    )


def _place(record: Rec) -> dict[str, Any]:
    if record.log is None:
        return dict.fromkeys(("account_id", "region", "flow_log_id"))
    return {"account_id": ACCOUNT, "region": REGION, "flow_log_id": record.log}
