"""The verdict: what was seen counts, silence only where coverage is full."""

import pytest
from pyspark.sql import SparkSession

from tests.support.flow_rows import OUTSIDE, Row, S, at_peer, back, flows_of, out
from transforms.conversations.build import conversations_of
from transforms.conversations.outcome import Rules
from transforms.questions.context import QuestionContext
from transforms.questions.options import QuestionOptions
from transforms.questions.verdict import DID_IT_TRY, judge, peers_of

NOTHING = dict.fromkeys(
    "attempts blocked_src blocked_dst no_answer refused answered data peers_tried peers_answered "
    "peers_with_data peers_that_matter peers_that_matter_with_data unclear expected".split(),
    0,
)


@pytest.mark.parametrize(
    ("differs", "coverage", "step"),
    [
        ({"attempts": 3, "answered": 2, "data": 1}, None, "DATA"),
        ({"attempts": 2, "answered": 1, "no_answer": 1}, "PARTIAL", "ANSWERED"),
        ({"attempts": 1, "blocked_dst": 1}, "FULL", "ATTEMPTED"),
        ({"attempts": 1, "no_answer": 1}, None, "ATTEMPTED"),
        ({}, "FULL", "NO EVIDENCE"),
        ({}, "PARTIAL", "CANNOT TELL"),
        ({}, "NONE", "CANNOT TELL"),
        ({}, None, "CANNOT TELL"),
        ({"unclear": 1}, "FULL", "CANNOT TELL"),
    ],
)
def test_the_ladder(differs: dict[str, int], coverage: str | None, step: str) -> None:
    assert judge({**NOTHING, **differs}, coverage).step == step


def test_the_reasons_for_not_knowing_are_said() -> None:
    said = judge(NOTHING, "PARTIAL", ["three minutes are lost", "one object was refused"]).sentence

    assert "three minutes are lost; one object was refused" in said


def test_attempts_are_counted_by_peer_service_and_outcome(spark: SparkSession) -> None:
    def on(port: int, *rows: Row) -> list[Row]:
        return [{**r, "srcport" if r["srcaddr"] == S else "dstport": port} for r in rows]

    database = {"dstaddr": "10.0.0.20", "dstport": 5432, "dst_name": "db-2"}
    data = {"packets": 9, "bytes": 5_000}
    rows = [
        *on(40_001, out(**data), back(**data)),
        *on(40_002, out(), back()),
        *on(40_003, out(**database), at_peer(out(**database), action="REJECT")),
        *on(40_004, out(dstaddr=OUTSIDE, dst_scope="internet", **data), back(srcaddr=OUTSIDE)),
        # A client that is served at port 40000: replies are no attempts of the suspect.
        out(tcp_flags=18, dstport=22),
        back(tcp_flags=2, srcport=22),
    ]
    conversations = conversations_of(flows_of(spark, rows), [S], Rules())

    peers = peers_of(conversations).cache()
    columns = "peer service_port initiator service_class outcome attempts data answered".split()

    assert sorted(tuple(row) for row in peers.select(*columns).collect()) == [
        ("10.0.0.20", 5432, "subject", "database", "BLOCKED_DST", 1, 0, 0),
        ("10.0.0.9", 22, "subject", "remote admin", "DATA", 2, 1, 1),
        ("10.0.0.9", 40_000, "peer", None, "ANSWERED", 1, 0, 1),
        (OUTSIDE, 22, "subject", "remote admin", "DATA", 1, 1, 0),
    ]
    peers.createOrReplaceTempView("peers")
    context = QuestionContext.of_options(QuestionOptions())
    counted = spark.sql(DID_IT_TRY.source(context)).collect()[0]
    assert counted.asDict() == {
        **NOTHING, "attempts": 3, "blocked_dst": 1, "answered": 1, "data": 1, "peers_tried": 2,
        "peers_answered": 1, "peers_with_data": 1, "peers_that_matter": 2,
        "peers_that_matter_with_data": 1,
    }  # fmt: skip
