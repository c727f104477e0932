"""What the answer costs as flows grow: conversations, peers, every question.

`python -m bench.answers [--flows 200000,10000000] [--cores 2] [--memory 4g]`
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.harness import report
from bench.local_spark import local_spark
from jobs.pipeline.answer import answer_questions
from jobs.pipeline.conversations import CaseTables
from jobs.pipeline.read_flows import FEW_RECORDS
from jobs.spark.frames import computed
from jobs.spark.session import for_few_rows
from transforms.conversations.build import conversations_of
from transforms.conversations.rules import Recorded
from transforms.questions.context import QuestionContext
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.questions.verdict import peers_of
from transforms.schemas import FLOWS
from transforms.standing.path import PATH

_SUBJECT = "10.0.0.7"


def main(argv: Sequence[str]) -> int:
    """Measure and print one Markdown table."""
    parser = argparse.ArgumentParser(prog="bench.answers", allow_abbrev=False)
    parser.add_argument("--flows", default="200000")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--memory", default="4g")
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        spark = local_spark(
            given.cores,
            given.memory,
            {"spark.sql.shuffle.partitions": 16, "spark.local.dir": folder},
        )
        rows = []
        for text in given.flows.split(","):
            path = f"{folder}/{text}"
            _flows(spark, int(text)).write.parquet(path)
            rows.append(_measure(spark, spark.read.schema(FLOWS).parquet(path), int(text)))
        spark.stop()
    report(
        "answers",
        ["flows", "conversations", "peers", "conversations, s", "peers, s", "questions, s"],
        rows,
    )
    return 0


def _measure(spark: SparkSession, flows: DataFrame, count: int) -> list[str]:
    is_small = count <= FEW_RECORDS
    started = [time.perf_counter()]
    with for_few_rows(spark, is_small):
        rules = Thresholds().rules()
        recorded = Recorded(has_unknown_vpcs=False)
        made = conversations_of(flows, [_SUBJECT], rules, recorded=recorded)
        conversations = computed(made, is_small)
        rows = conversations.count()
        started.append(time.perf_counter())
        peers = computed(peers_of(conversations), is_small)
        services = peers.count()
        started.append(time.perf_counter())
        tables = CaseTables(
            conversations=conversations,
            peers=peers,
            path=spark.createDataFrame([], PATH),
            is_small=is_small,
        )
        context = QuestionContext.of_options(QuestionOptions())
        answer_questions(spark, tables=tables, context=context)
        started.append(time.perf_counter())
    seconds = [f"{b - a:.1f}" for a, b in itertools.pairwise(started)]
    return [f"{count:,}", f"{rows:,}", f"{services:,}", *seconds]


def _flows(spark: SparkSession, count: int) -> DataFrame:
    """Two records a conversation, of a subject that serves 5,000 clients and calls 400 services."""
    known = {
        "srcaddr": f"IF(away, '{_SUBJECT}', peer)",
        "dstaddr": f"IF(away, peer, '{_SUBJECT}')",
        "srcport": "IF(away = serves, 8080, port)",
        "dstport": "IF(away = serves, port, 8080)",
        "start": "at",
        "end": "at + 30",
        "protocol": "6L",
        "packets": "9L",
        "bytes": "id % 9000 + 400",
        "tcp_flags": "IF(away = serves, 18L, 2L)",
        "action": "'ACCEPT'",
        "role": "'own_interface'",
        "interface_id": "'eni-0aaaaaaa'",
        "flow_direction": "IF(away, 'egress', 'ingress')",
        "src_ring": "'own vpc'",
        "dst_ring": "'own vpc'",
    }
    shape = spark.createDataFrame([], FLOWS).schema
    columns = [
        (F.expr(known[field.name]) if field.name in known else F.lit(None))
        .cast(field.dataType)
        .alias(field.name)
        for field in shape
    ]
    peer = "concat_ws('.', '10.1', pair % IF(serves, 5000, 400) div 250, pair % 250)"
    return (
        spark.range(count)
        .selectExpr("id", "id div 2 AS pair", "id % 2 = 0 AS away")
        .selectExpr("*", "pair % 10 > 2 AS serves")
        .selectExpr(
            "*",
            f"{peer} AS peer",
            "32768 + pair * 7 % 28000 AS port",
            "1795392000 + pair * 613 % 86000 AS at",
        )
        .select(*columns)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
