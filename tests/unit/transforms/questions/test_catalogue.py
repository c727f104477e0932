"""Questions on days of a few records; days with whole stories are in demo/scenarios.py."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from tests.support.flow_rows import Row, S, back, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Rules
from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import QuestionContext
from transforms.questions.expected import expected_peer
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.verdict import peers_of

MONITOR = "10.0.0.20"


def on(port: int, *rows: Row) -> list[Row]:
    return [{**row, "srcport" if row["srcaddr"] == S else "dstport": port} for row in rows]


@pytest.fixture(scope="module")
def day(spark: SparkSession) -> DataFrame:
    """Two ports of a peer in vain, one answered; one attempt at the monitor."""
    rows = [
        *on(40_001, out(dstport=21)),
        *on(40_002, out(20, dstport=23)),
        *on(40_003, out(40), back(40)),
        *on(40_004, out(60, dstaddr=MONITOR, dst_name="monitor")),
    ]
    conversations = conversations_of(flows_of(spark, rows), [S], Rules()).localCheckpoint()
    conversations.createOrReplaceTempView("conversations")
    peers_of(conversations).localCheckpoint().createOrReplaceTempView("peers")
    return conversations


def figures(spark: SparkSession, options: QuestionOptions, name: str) -> dict[str, int]:
    (question,) = (each for each in QUESTIONS if each.id == name)
    return spark.sql(question.source(QuestionContext.of_options(options))).collect()[0].asDict()


def test_expected_peers_are_left_out_and_counted_apart(spark: SparkSession, day: DataFrame) -> None:
    everyone = figures(spark, QuestionOptions(), "P0-1")
    without = figures(spark, QuestionOptions(expected_peers=(expected_peer(MONITOR),)), "P0-1")

    assert (everyone["attempts"], everyone["peers_tried"], everyone["expected"]) == (4, 2, 0)
    assert (without["attempts"], without["peers_tried"], without["expected"]) == (3, 1, 1)


def test_a_threshold_decides_what_a_scan_is(spark: SparkSession, day: DataFrame) -> None:
    def scanned(**thresholds: int) -> int:
        return figures(spark, QuestionOptions(Thresholds(**thresholds)), "P0-5")["peers"]

    assert scanned() == 0
    assert scanned(scan_ports=3) == 1
    assert scanned(scan_ports=3, scan_fail_percent=67) == 0  # two of three were in vain


def test_a_source_is_a_comment_and_a_statement_over_the_tables_of_a_case() -> None:
    context = QuestionContext.of_options(QuestionOptions())
    for question in QUESTIONS:
        source = question.source(context)
        first, *rest = source.split("\n")
        assert first == f"-- {question.id} {question.title}"
        statement = [line for line in rest if not line.startswith("-- ")]
        assert statement[0].startswith("SELECT ")
