"""The answer of a case: conversations and peers from the stored flows, and what they say."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.case import Case
from jobs.case_coverage import CaseCoverage
from jobs.delta_sink import write_table
from jobs.session import setting
from transforms.conversations import aggregation_of, conversations_of, survey
from transforms.question import Asked, all_answers
from transforms.questions import Answer, answer_row, answers_of, questions
from transforms.schemas import ANSWERS, CONVERSATIONS, PEERS
from transforms.verdict import Verdict, judge, peers_of

# Up to so many records everything after them fits into one partition: no exchange, one task each.
FEW_RECORDS = 500_000


class Answered(NamedTuple):
    """The verdict, and every answer in the order of an investigation."""

    verdict: Verdict
    answers: tuple[Answer, ...]
    asked: Asked


def answer(
    spark: SparkSession, case: Case, flows: DataFrame, coverage: CaseCoverage | None
) -> Answered:
    """Write the tables `conversations`, `peers` and `answers` and say what they hold.

    The rows that are written are kept and asked: reading them back costs a cold start of Delta's
    reader for each table. Without an attempt it is coverage that decides between no evidence and
    cannot tell.
    """
    table = case.arguments.table
    surveyed = survey(flows).first()
    aggregation_s = aggregation_of(surveyed["p99_s"] if surveyed else 0)
    asked = case.arguments.asked
    asked = asked._replace(thresholds=asked.thresholds._replace(aggregation_s=aggregation_s))
    is_small = surveyed is None or surveyed["records"] <= FEW_RECORDS
    with like_few(spark, is_small):
        conversations = conversations_of(flows, case.subject.addresses, asked.thresholds.rules())
        conversations = kept(conversations, case.run_id, is_small)
        write_table(conversations, table("conversations"), CONVERSATIONS)
        peers = kept(peers_of(conversations), case.run_id, is_small)
        write_table(peers, table("peers"), PEERS)
        found = ask(spark, conversations, peers, asked)
    judged = coverage.judged if coverage else None
    verdict = judge(
        found[0].figures, judged.verdict if judged else None, judged.reasons if judged else ()
    )
    found = (found[0]._replace(verdict=verdict.step, sentence=verdict.sentence), *found[1:])
    rows = spark.createDataFrame([answer_row(each, case.run_id) for each in found], ANSWERS)
    write_table(rows.coalesce(1), table("answers"), ANSWERS)
    for frame in (peers, conversations):
        frame.unpersist()
    return Answered(verdict, found, asked)


def kept(frame: DataFrame, run_id: str, is_small: bool) -> DataFrame:
    """The rows, computed once.

    Few ones are cut off from the plan that made them: each question would be analysed and optimised
    together with it otherwise. Many ones must outlive the loss of an executor.
    """
    named = frame.withColumn("run_id", F.lit(run_id))
    return named.coalesce(1).localCheckpoint() if is_small else named.persist()


@contextmanager
def like_few(spark: SparkSession, is_small: bool) -> Iterator[None]:
    """Without generated code for few rows: compiling takes longer than it saves."""
    if not is_small:
        yield
        return
    with (
        setting(spark, "spark.sql.codegen.wholeStage", "false"),
        setting(spark, "spark.sql.codegen.factoryMode", "NO_CODEGEN"),
    ):
        yield


def ask(
    spark: SparkSession, conversations: DataFrame, peers: DataFrame, asked: Asked
) -> tuple[Answer, ...]:
    """Every question over these tables, in one Spark job."""
    conversations.createOrReplaceTempView("conversations")
    peers.createOrReplaceTempView("peers")
    rows = spark.sql(all_answers(questions(asked))).collect()
    return answers_of(asked, {row["question"]: row.asDict() for row in rows})
