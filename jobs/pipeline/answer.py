"""The answers of a case, from its conversations and peers; reads and writes no storage."""

import logging

from pyspark.sql import SparkSession

from jobs.pipeline.case import Case
from jobs.pipeline.conversations import CaseTables
from jobs.spark.session import for_few_rows
from jobs.spark.views import registered_views
from jobs.storage.delta_sink import write_table
from transforms.questions.catalogue import (
    Answer,
    all_answers_sql,
    answer_row,
    answers_of,
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
    """The answer to every question, in the order of an investigation; one Spark job."""
    with (
        for_few_rows(spark, tables.is_small),
        registered_views(
            spark, conversations=tables.conversations, peers=tables.peers, path=tables.path
        ),
    ):
        rows = spark.sql(all_answers_sql(context)).collect()
    answers = answers_of(context, {row["question"]: row.asDict() for row in rows})
    if context.coverage is not None:
        answers = tuple(weighed(answer, context.coverage) for answer in answers)
    # Whoever waits for the verdict need not wait for tables, index and report as well.
    headline = the_one_in(answers, Place.HEADLINE)
    logger.info(
        "verdict (the case is not complete yet): %s: %s", headline.verdict, headline.sentence
    )
    return answers


def store_answers(spark: SparkSession, case: Case, answers: tuple[Answer, ...]) -> None:
    """Write the table `answers`."""
    rows = spark.createDataFrame([answer_row(each, case.run_id) for each in answers], ANSWERS)
    write_table(rows.coalesce(1), case.table("answers"), ANSWERS)
