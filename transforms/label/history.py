"""Snapshots of an inventory, one after the other → one history with `valid_from` and `valid_to`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from transforms.label.groups import GROUP_COLUMNS

Cells = dict[str, object]
# The account that owns what a row is about; never written.
OWNER = "owner_account_id"
# Snapshots of earlier releases do not have these columns.
LATER_COLUMNS = frozenset(GROUP_COLUMNS)


def merged(
    known: Iterable[Cells],
    seen: Iterable[Cells],
    *,
    key: str,
    taken_at: datetime,
    is_covered: Callable[[Mapping[str, object]], bool],
) -> list[Cells]:
    """The history `known`, continued by what a snapshot has `seen`; sorted by key and time.

    A change is dated at the moment it was first seen: an id that says the same goes on, one that
    changed or that the snapshot missed ends at `taken_at`, one that is new starts there. The rows
    of the first snapshot have no start, nor those of an account and region that nobody had asked
    before. A row that is not covered (the snapshot could not ask for it) goes on as it was. A
    column that an earlier snapshot did not have yet is filled in: that is no change.
    """
    history = [dict(row) for row in known]
    places = {_place(row) for row in history}
    moment = taken_at.isoformat(timespec="seconds")
    fresh = {row[key]: row for row in seen}
    for row in history:
        if row.get("valid_to") is not None:
            continue
        now = fresh.get(row[key])
        if now is not None and _values(now, known_to=row) == _values(row):
            row.update({name: now[name] for name in _later_columns(now, row)})
            del fresh[row[key]]
        elif now is not None or is_covered(row):
            row["valid_to"] = moment
    start: Cells = {"valid_from": moment}
    history += [{**row, **(start if _place(row) in places else {})} for row in fresh.values()]
    return sorted(history, key=lambda row: (str(row[key]), str(row.get("valid_from") or "")))


def one_row_each(rows: Iterable[Cells], key: str) -> list[Cells]:
    """One row per id, without what only this choice needs.

    A shared subnet or VPC is seen by its owner and by every participant, who sees no tag of it: the
    owner's row wins, else one with a name, whatever the order in which they were asked.
    """
    best: dict[object, Cells] = {}
    for row in sorted(rows, key=_rank):
        best.setdefault(row[key], {name: row[name] for name in row if name != OWNER})
    return list(best.values())


def _rank(row: Mapping[str, object]) -> tuple[bool, bool, str, str]:
    account = row.get("account_id")
    return (row.get(OWNER) != account, not row.get("name"), str(account), str(row.get("region")))


def _place(row: Mapping[str, object]) -> tuple[object, object]:
    return (row.get("account_id"), row.get("region"))


def _later_columns(now: Mapping[str, object], row: Mapping[str, object]) -> frozenset[str]:
    """Columns that were added to the tables after `row` was written: it lacks even their names."""
    return LATER_COLUMNS & (now.keys() - row.keys())


def _values(row: Mapping[str, object], known_to: Mapping[str, object] | None = None) -> Cells:
    unknown = _later_columns(row, known_to) if known_to is not None else set()
    return {
        name: value
        for name, value in row.items()
        if name not in ("valid_from", "valid_to", *unknown) and value not in (None, "", [])
    }
