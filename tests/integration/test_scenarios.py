"""Days whose truth is known: what the answers say of them is in the docs, and holds."""

import pytest
from pyspark.sql import SparkSession

from demo.measure import (
    Measured,
    measure,
    scores,
    table_of_scores,
    table_of_standings,
    table_of_verdicts,
)
from demo.scenarios import scenarios
from tests.support.pages import page_table


@pytest.fixture(scope="module")
def measured(spark: SparkSession) -> list[Measured]:
    return measure(spark, scenarios())


def test_every_verdict_is_the_expected_one(measured: list[Measured]) -> None:
    got = {day.scenario.name: day.verdict for day in measured}

    assert got == {day.scenario.name: day.scenario.verdict for day in measured}
    assert len(got) == 42
    assert set(got.values()) == {
        "DATA", "ANSWERED", "ATTEMPTED", "ORDINARY ONLY", "NO EVIDENCE", "CANNOT TELL",
    }  # fmt: skip


def test_every_path_is_the_one_that_was_walked(measured: list[Measured]) -> None:
    assert {day.scenario.name: day.path for day in measured} == {
        day.scenario.name: day.scenario.path for day in measured
    }


def test_all_of_the_attack_and_nothing_of_a_healthy_machine_is_out_of_the_ordinary(
    measured: list[Measured],
) -> None:
    for day in measured:
        found = {key for key, standing in day.standings.items() if standing != "ordinary"}
        if day.scenario.name.startswith("compromised"):
            assert found == day.scenario.attack, day.scenario.name
        if day.scenario.verdict == "ORDINARY ONLY":
            assert found == set(), day.scenario.name


def test_the_answers_name_what_is_true_and_nothing_else(measured: list[Measured]) -> None:
    found = scores(measured)

    assert [question for question, score in found.items() if score.false] == []
    assert {question: score.missed for question, score in found.items() if score.missed} == {
        "P0-7": 1,  # the tunnel: GRE has no ports and no flags either
    }
    assert min(score.hits for score in found.values()) > 0


def test_the_page_of_results_shows_what_came_out(measured: list[Measured]) -> None:
    tables = (table_of_verdicts(measured), table_of_standings(measured))
    for lines in (*tables, table_of_scores(scores(measured))):
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        assert page_table("docs/reference/results.md", lines[0]) == [cells[0], *cells[2:]]
