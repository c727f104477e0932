"""Which outside services may be a channel, on conversations that can be counted by eye."""

from typing import Any

import pytest
from pyspark.sql import SparkSession

from transforms.questions.channels import CHANNELS_SQL
from transforms.questions.context import QuestionContext
from transforms.questions.options import QuestionOptions, Thresholds

HOUR = 3_600
CONVERSATIONS = """hop INT, initiator STRING, peer STRING, peer_name STRING, peer_ring STRING,
    service_port BIGINT, protocol BIGINT, outcome STRING, first_s BIGINT, last_s BIGINT,
    bytes_out BIGINT, bytes_in BIGINT"""


def call(peer: str, first_s: int, seconds: int, **differs: Any) -> tuple[Any, ...]:
    row = {
        "hop": 1, "initiator": "subject", "peer": peer, "peer_name": None,
        "peer_ring": "internet", "service_port": 443, "protocol": 6, "outcome": "DATA",
        "first_s": first_s, "last_s": first_s + seconds, "bytes_out": 100, "bytes_in": 900,
    }  # fmt: skip
    return tuple({**row, **differs}.values())


@pytest.fixture
def channels(spark: SparkSession) -> Any:
    many = [("repeated", n * 120) for n in range(50)]  # over two hours
    rows = [
        *(call(peer, at, 10) for peer, at in many),
        *(call("in one hour", n, 10) for n in range(50)),
        *(call("ordinary", n * 120, 10) for n in range(50)),
        *(call("in vain", n * 120, 10, outcome="NO_ANSWER") for n in range(50)),
        call("long", 0, 676),
        call("not so long", 0, 675),
        call("came to us", 0, 2_000, initiator="peer"),
        call("shared", 0, 5, service_port=80),
        call("private", 0, 700, peer_ring="private, unknown"),
        call("inside", 0, 700, peer_ring="own vpc"),
    ]
    conversations = spark.createDataFrame(rows, CONVERSATIONS).selectExpr(
        "*", "timestamp_seconds(first_s) AS first_at", "timestamp_seconds(last_s) AS last_at"
    )
    conversations.createOrReplaceTempView("conversations")
    conversations.selectExpr(
        "hop", "initiator", "peer", "service_port", "protocol", "peer_ring",
        "IF(peer = 'ordinary', 'ordinary', 'unknown') AS standing",
    ).distinct().createOrReplaceTempView("peers")  # fmt: skip
    spark.createDataFrame(
        [(1, "in one hour"), (2, "shared")], "hop INT, to_address STRING"
    ).createOrReplaceTempView("path")
    limits = Thresholds(window_s=2_700)  # of 45 minutes a quarter is 675 s
    context = QuestionContext(options=QuestionOptions(), thresholds=limits)
    return spark.sql(CHANNELS_SQL.format_map(context.placeholders())).collect()


def test_a_channel_is_repeated_or_long_or_shared_with_a_machine_of_the_path(channels: Any) -> None:
    found = {row["peer"]: (row["basis"], row["calls"], row["longest_s"]) for row in channels}

    assert found == {
        "repeated": ("repeated", 50, 10),
        "long": ("long", 1, 676),
        "shared": ("shared", 1, 5),
        "private": ("long", 1, 700),
    }
