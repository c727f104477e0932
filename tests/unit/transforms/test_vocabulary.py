"""The closed lists of words: one ladder of outcomes, whoever asks for it."""

import pytest
from pyspark.sql import SparkSession

from tests.support.flow_rows import S, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Rules
from transforms.questions.verdict import peers_of
from transforms.vocabulary import (
    FAILED_OUTCOMES,
    REACHED_OUTCOMES,
    Outcome,
    Reading,
    outcome_rank,
)

# Weakest first, written down once more by hand.
LADDER = ["BLOCKED_SRC", "NO_ANSWER", "BLOCKED_DST", "REFUSED", "ANSWERED", "DATA"]


def test_the_ladder_has_this_order() -> None:
    assert [outcome.value for outcome in Outcome] == LADDER


def test_an_outcome_either_failed_or_reached() -> None:
    assert sorted([*FAILED_OUTCOMES, *REACHED_OUTCOMES]) == sorted(LADDER)
    assert set(FAILED_OUTCOMES).isdisjoint(REACHED_OUTCOMES)


def test_the_rank_in_sql_is_the_place_in_the_ladder(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(word,) for word in [*LADDER, None]], "outcome STRING")

    ranks = [row[0] for row in frame.selectExpr(outcome_rank()).collect()]

    assert ranks == [0, 1, 2, 3, 4, 5, None]


def test_a_peer_has_the_strongest_outcome_of_its_conversations(spark: SparkSession) -> None:
    """The subject's own rule stops one attempt, another gets no answer: silence is stronger."""
    stopped = out(action="REJECT")
    silent = {**out(60), "srcport": 40_009}
    conversations = conversations_of(flows_of(spark, [stopped, silent]), [S], Rules())

    (peer,) = peers_of(conversations).collect()

    assert (peer["blocked_src"], peer["no_answer"], peer["outcome"]) == (1, 1, "NO_ANSWER")


@pytest.mark.parametrize(
    ("reading", "folder", "described"),
    [
        (Reading.WINDOW, "", "the window"),
        (Reading.BASELINE, "baseline", "the baseline"),
        (Reading.of_path(1), "path_1", "reading 1 of the path"),
        (Reading.of_path(4), "path_4", "reading 4 of the path"),
    ],
)
def test_each_reading_has_its_folder_and_its_words(
    reading: Reading, folder: str, described: str
) -> None:
    assert (reading.folder, reading.described) == (folder, described)
