"""The answers of a case, from its conversations and peers; reads and writes no storage."""

import logging

from pyspark.sql import Row, SparkSession

from jobs.pipeline.case import Case
from jobs.pipeline.conversations import CaseTables
from jobs.spark.concurrent import run_concurrently
from jobs.spark.session import for_few_rows
from jobs.spark.views import registered_views
from jobs.storage.delta_sink import write_table
from transforms.questions.catalogue import (
    Answer,
    answer_row,
    answers_of,
    questions_in,
    the_one_in,
)
from transforms.questions.context import QuestionContext
from transforms.questions.question import Place
from transforms.questions.silence import weighed
from transforms.schemas import ANSWERS

logger = logging.getLogger(__name__)


def answer_questions(
    spark: SparkSession, *, tables: CaseTables, context: QuestionContext
) -> tuple[Answer, ...]:
    """The answer to every question, in the order of an investigation.

    Each is a query of its own, three at a time: one query of them all takes longer to plan, and one
    core alone plans it.
    """
    with (
        for_few_rows(spark, tables.is_small),
        registered_views(
            spark, conversations=tables.conversations, peers=tables.peers, path=tables.path
        ),
        run_concurrently() as begin,
    ):
        asking = {
            question.id: begin(_the_row_of, spark, question.answer_sql(context))
            for question in questions_in(context)
        }
    found = {name: row.result().asDict() for name, row in asking.items()}
    answers = answers_of(context, found)
    if context.coverage is not None:
        answers = tuple(weighed(answer, context.coverage) for answer in answers)
    # Whoever waits for the verdict need not wait for tables, index and report as well.
    headline = the_one_in(answers, Place.HEADLINE)
    logger.info(
        "verdict (the case is not complete yet): %s: %s", headline.verdict, headline.sentence
    )
    return answers


def _the_row_of(spark: SparkSession, sql: str) -> Row:
    (row,) = spark.sql(sql).collect()
    return row


def store_answers(spark: SparkSession, case: Case, answers: tuple[Answer, ...]) -> None:
    """Write the table `answers`."""
    rows = spark.createDataFrame([answer_row(each, case.run_id) for each in answers], ANSWERS)
    write_table(rows.coalesce(1), case.table("answers"), ANSWERS)
