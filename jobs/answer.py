"""The answer of a case: conversations and peers from the stored flows, and the verdict."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.case import Case
from jobs.case_coverage import CaseCoverage
from jobs.delta_sink import read_table, write_table
from transforms.conversations import aggregation_of, conversations_of, survey
from transforms.outcome import Rules
from transforms.schemas import CONVERSATIONS, PEERS
from transforms.verdict import Verdict, count_attempts, judge, peers_of


def answer(
    spark: SparkSession, case: Case, flows: DataFrame, coverage: CaseCoverage | None
) -> Verdict:
    """Write the tables `conversations` and `peers`; the verdict comes from what they hold.

    Without an attempt it is coverage that decides between no evidence and cannot tell.
    """
    table = case.arguments.table
    surveyed = survey(flows).first()
    rules = Rules(aggregation_s=aggregation_of(surveyed["p99_s"] if surveyed else 0))
    run_id = F.lit(case.run_id)
    conversations = conversations_of(flows, case.subject.addresses, rules)
    write_table(conversations.withColumn("run_id", run_id), table("conversations"), CONVERSATIONS)
    peers = peers_of(read_table(spark, table("conversations"))).withColumn("run_id", run_id)
    write_table(peers, table("peers"), PEERS)
    counted = count_attempts(read_table(spark, table("peers"))).first()
    figures = counted.asDict() if counted else {}
    if coverage is None:
        return judge(figures, coverage=None)
    return judge(figures, coverage.judged.verdict, coverage.judged.reasons)
