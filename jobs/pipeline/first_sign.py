"""When it began: the first sign, before which everything is history."""

from datetime import UTC, datetime
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.baseline import BaselineRead
from jobs.pipeline.case import Case
from jobs.pipeline.conversations import Conversations
from jobs.spark.session import for_few_rows
from jobs.spark.views import registered_views
from transforms.questions.context import NO_FINDING, FindingSigns, QuestionContext
from transforms.questions.options import Thresholds
from transforms.questions.scans import FIRST_SIGN_SQL


class FirstSign(NamedTuple):
    """The earliest sign and what it is; `contact_s` is the first contact from outside among all.

    Times are Unix seconds. Without any sign both are None and nothing is history but a baseline.
    """

    at_s: int | None = None
    sign: str = ""
    contact_s: int | None = None

    @property
    def at(self) -> datetime | None:
        """The earliest sign, in UTC."""
        return datetime.fromtimestamp(self.at_s, UTC) if self.at_s is not None else None


def signs_of_finding(case: Case) -> FindingSigns:
    """What the finding of a case says of when it began; nothing for a sample."""
    if case.finding is None or case.finding.finding.is_sample:
        return NO_FINDING
    finding = case.finding.finding
    remotes = dict.fromkeys(claim.remote for claim in finding.claims if claim.remote)
    return FindingSigns(finding.first_seen, tuple(remotes))


def find_first_sign(
    spark: SparkSession, case: Case, *, conversations: Conversations,
    baseline: BaselineRead | None, thresholds: Thresholds,
) -> FirstSign:  # fmt: skip
    """The first sign in the conversations of the subject."""
    context = QuestionContext(
        options=case.arguments.question_options,
        thresholds=thresholds,
        finding=signs_of_finding(case),
    )
    with for_few_rows(spark, conversations.is_small):
        return first_sign_in(
            spark, conversations.frame, context, baseline.peers if baseline else None
        )


def first_sign_in(
    spark: SparkSession, conversations: DataFrame, context: QuestionContext,
    known: DataFrame | None,
) -> FirstSign:  # fmt: skip
    """The first sign; `known` are peers of a baseline, which are no sign."""
    if known is None:
        columns = "hop INT, initiator STRING, peer STRING, service_port BIGINT"
        known = spark.createDataFrame([], columns)
    peers = known.withColumn("is_new_service", F.lit(False))
    with registered_views(spark, conversations=conversations, peers=peers):
        rows = (
            spark.sql(FIRST_SIGN_SQL.format_map(context.placeholders()))
            .withColumn("at_s", F.unix_timestamp("first_at"))
            .orderBy("at_s", "sign")
            .collect()
        )
    if not rows:
        return FirstSign()
    contacts = [row["at_s"] for row in rows if row["is_contact"]]
    return FirstSign(rows[0]["at_s"], rows[0]["sign"], min(contacts, default=None))
