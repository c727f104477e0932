"""Tables of the report: ten rows by standing, what is left out, and nothing that hides a null."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.output.report_tables import answer_for_report, by_standing, hour_matrix, peer_matrix
from tests.support.made_result import Row, made_result
from tests.support.made_stories import HOURS, peer_row
from transforms.questions.catalogue import Answer


def answer(slug: str, rows: Sequence[Row], **figures: int) -> Answer:
    result = made_result({slug: (figures, rows)})
    assert result.investigation is not None
    return next(a for a in result.investigation.answers if a.question.slug == slug)


def table(rows: Sequence[Row]) -> dict[str, Any]:
    found: Any = answer_for_report(answer("services_tried", rows))["table"]
    return found  # type: ignore[no-any-return]


def cells(found: dict[str, Any], column: str) -> list[str]:
    place = found["columns"].index(column)
    return [row[place]["text"] for row in found["rows"]]


def rows_of(*standings: str) -> list[Row]:
    return [peer_row(f"10.0.0.{n}", 22, "DATA", "03:00", standing=standing)
            for n, standing in enumerate(standings)]  # fmt: skip


def test_what_is_out_of_the_ordinary_comes_first_else_the_order_stays() -> None:
    found = table(rows_of("ordinary", "unknown", "suspicious", "ordinary", "changed", "suspicious"))

    assert cells(found, "standing") == [
        "suspicious", "suspicious", "changed", "unknown", "ordinary", "ordinary",
    ]  # fmt: skip
    assert cells(found, "peer")[:2] == ["10.0.0.2", "10.0.0.5"]


@pytest.mark.parametrize(
    ("rows", "shown", "rest", "contents"),
    [
        (0, 0, 0, "5 figures, rule and SQL"),
        (1, 1, 0, "1 row, 5 figures, rule and SQL"),
        (10, 10, 0, "10 rows, 5 figures, rule and SQL"),
        (11, 10, 1, "First 10 of 11 rows, 5 figures, rule and SQL"),
        (200, 10, 190, "First 10 of 200 or more rows, 5 figures, rule and SQL"),
    ],
)
def test_ten_rows_are_shown_and_the_rest_is_counted(
    rows: int, shown: int, rest: int, contents: str
) -> None:
    found: Any = answer_for_report(answer("services_tried", rows_of(*["suspicious"] * rows)))

    assert (len(found["table"]["rows"]), found["table"]["rest"]) == (shown, rest)
    assert found["contents"] == contents
    assert found["table"]["is_cut"] == (rows == 200)


def test_a_column_of_zeros_is_left_out_by_name_and_an_unknown_one_is_not() -> None:
    rows = [
        {**peer_row("10.0.0.1", 22, "DATA", "03:00", unclear=0, likely=1), "bytes_in": None},
        {**peer_row("10.0.0.2", 22, "DATA", "03:00", unclear=0, likely=0), "bytes_out": 0},
    ]
    del rows[1]["bytes_in"]

    found = table(rows)

    assert found["zero"] == ["unclear"]
    assert cells(found, "bytes in") == ["", ""]
    assert cells(found, "bytes out") == ["62.6 kB", "0"]


def test_a_false_is_no_zero() -> None:
    assert table([peer_row("10.0.0.1", 22, "DATA", "03:00", is_new_peer=False)])["zero"] == []


@given(st.lists(st.sampled_from(["suspicious", "changed", "unknown", "ordinary", None])))
def test_sorting_loses_no_row_and_puts_nothing_ordinary_before_another(
    standings: list[str | None],
) -> None:
    rows: list[Row] = [
        {"n": n, **({"standing": each} if each else {})} for n, each in enumerate(standings)
    ]

    found = by_standing(rows)

    assert sorted(str(row["n"]) for row in found) == sorted(str(row["n"]) for row in rows)
    ordinary = [row.get("standing") == "ordinary" for row in found]
    assert ordinary == sorted(ordinary)


def test_the_matrix_has_ten_peers_and_counts_every_other_service() -> None:
    rows = [peer_row(f"10.0.0.{n}", port, "DATA", "03:00") for n in range(12) for port in (22, 445)]

    found: Any = peer_matrix(answer("services_tried", rows, services=30))

    assert len(found["rows"]) == 10
    assert found["ports"] == ["22", "445"]
    assert found["rest"] == 10  # 30 services less 10 peers with two each


def test_a_service_without_a_port_has_a_column_of_its_own() -> None:
    row = {**peer_row("10.0.0.1", 0, "NO_ANSWER", "03:00"), "protocol": 1}

    found: Any = peer_matrix(answer("services_tried", [row], services=1))

    assert found["ports"] == ["no port"]
    assert found["rows"][0]["cells"][0]["attempts"] == 1


def test_the_darkest_hour_is_the_busiest_and_an_empty_one_is_a_zero() -> None:
    found: Any = hour_matrix(answer("hours", HOURS[:20]))

    (day,) = found["days"]
    assert (day["cells"][19]["heat"], day["cells"][19]["number"]) == (4, 79)
    assert (day["cells"][23]["heat"], day["cells"][23]["number"]) == (0, 0)
