"""Snapshots → history."""

from datetime import UTC, datetime

from transforms.label.history import merged

FIRST, SECOND = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
AT_SECOND = "2026-01-02T00:00:00+00:00"


def test_a_change_is_dated_at_the_moment_it_was_first_seen() -> None:
    first: list[dict[str, object]] = [
        {"id": "same", "name": "a"},
        {"id": "changed", "name": "b"},
        {"id": "gone"},
        {"id": "elsewhere", "region": "not asked"},
    ]
    second: list[dict[str, object]] = [
        {"id": "new"},
        {"id": "changed", "name": "c"},
        {"id": "same", "name": "a"},
    ]

    def is_covered(row: object) -> bool:
        return row != first[3]

    history = merged([], first, key="id", taken_at=FIRST, is_covered=is_covered)
    history = merged(history, second, key="id", taken_at=SECOND, is_covered=is_covered)

    assert history == [
        {"id": "changed", "name": "b", "valid_to": AT_SECOND},
        {"id": "changed", "name": "c", "valid_from": AT_SECOND},
        {"id": "elsewhere", "region": "not asked"},
        {"id": "gone", "valid_to": AT_SECOND},
        {"id": "new", "valid_from": AT_SECOND},
        {"id": "same", "name": "a"},
    ]
    assert merged(history, second, key="id", taken_at=SECOND, is_covered=is_covered) == history
