"""Days whose truth is known: what the answers say of them is in the docs, and holds."""

import pytest
from pyspark.sql import SparkSession

from demo.measure import Measured, measure, scores, table_of_scores, table_of_verdicts
from demo.scenarios import scenarios
from tests.support.pages import page_table


@pytest.fixture(scope="module")
def measured(spark: SparkSession) -> list[Measured]:
    return measure(spark, scenarios())


def test_every_verdict_is_the_expected_one(measured: list[Measured]) -> None:
    got = {day.scenario.name: day.verdict for day in measured}

    assert got == {day.scenario.name: day.scenario.verdict for day in measured}
    assert len(got) == 21
    assert set(got.values()) == {"DATA", "ANSWERED", "ATTEMPTED", "NO EVIDENCE", "CANNOT TELL"}


def test_the_answers_name_what_is_true_and_nothing_else(measured: list[Measured]) -> None:
    found = scores(measured)

    assert [question for question, score in found.items() if score.false] == []
    assert {question: score.missed for question, score in found.items() if score.missed} == {
        "P0-7": 1,  # the tunnel: GRE has no ports and no flags either
    }
    assert min(score.hits for score in found.values()) > 0


def test_the_page_of_results_shows_what_came_out(measured: list[Measured]) -> None:
    for lines in (table_of_verdicts(measured), table_of_scores(scores(measured))):
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        assert page_table("docs/reference/results.md", lines[0]) == [cells[0], *cells[2:]]
