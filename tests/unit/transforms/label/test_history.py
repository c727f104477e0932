"""Snapshots → history."""

from datetime import UTC, datetime
from itertools import permutations

from transforms.label.history import OWNER, merged, one_row_each

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


def test_an_account_or_a_region_that_is_asked_for_the_first_time_has_no_changes() -> None:
    def row(id_: str, region: str) -> dict[str, object]:
        return {"id": id_, "account_id": "1", "region": region}

    history = merged([], [row("a", "eu")], key="id", taken_at=FIRST, is_covered=lambda _: True)
    history = merged(
        history,
        [row("a", "eu"), row("b", "eu"), row("c", "us")],
        key="id",
        taken_at=SECOND,
        is_covered=lambda _: True,
    )

    assert history == [
        row("a", "eu"), row("b", "eu") | {"valid_from": AT_SECOND}, row("c", "us")
    ]  # fmt: skip


def test_the_owners_row_of_a_shared_subnet_wins_whatever_the_order() -> None:
    def seen_by(account: str, name: str | None) -> dict[str, object]:
        return {"id": "subnet-a", "name": name, "account_id": account, OWNER: "2"}

    rows = [seen_by("1", None), seen_by("2", "apps"), seen_by("3", "theirs")]

    for order in permutations(rows):
        assert one_row_each(order, "id") == [{"id": "subnet-a", "name": "apps", "account_id": "2"}]
    for order in permutations([rows[0], rows[2]]):  # the owner was not asked
        assert one_row_each(order, "id") == [
            {"id": "subnet-a", "name": "theirs", "account_id": "3"}
        ]


def test_a_column_that_an_earlier_release_did_not_collect_is_no_change() -> None:
    def row(name: str, **later: object) -> dict[str, object]:
        return {"id": "i-a", "name": name, **later}

    def carried_on(old: dict[str, object], new: dict[str, object]) -> list[dict[str, object]]:
        return merged([old], [new], key="id", taken_at=SECOND, is_covered=lambda _: True)

    now = row("web", auto_scaling_group="web-asg", cluster=None)

    assert carried_on(row("web"), now) == [now]
    # a tag that was looked for, and was not there, has come since
    assert carried_on(row("web", auto_scaling_group=None, cluster=None), now) == [
        row("web", auto_scaling_group=None, cluster=None) | {"valid_to": AT_SECOND},
        now | {"valid_from": AT_SECOND},
    ]
    # another change is one, whatever else is new
    assert carried_on(row("old"), now) == [
        row("old") | {"valid_to": AT_SECOND},
        now | {"valid_from": AT_SECOND},
    ]
