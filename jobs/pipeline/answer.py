"""The answer of a case: conversations and peers from the stored flows, and what they say."""

import logging
from concurrent.futures import Future
from typing import NamedTuple

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.baseline import read_baseline
from jobs.pipeline.books import Books
from jobs.pipeline.case_coverage import CaseCoverage, SlotsFound, judge_slots
from jobs.pipeline.reading import Reading
from jobs.pipeline.second_hop import read_second_hop
from jobs.spark.concurrent import beside
from jobs.spark.phases import Phases
from jobs.spark.session import like_few
from jobs.storage.delta_sink import write_table
from transforms.conversations.build import aggregation_of, conversations_of
from transforms.questions.catalogue import Answer, answer_row, answers_of, questions
from transforms.questions.question import Asked, SecondHop, all_answers
from transforms.questions.silence import weighed, weighed_verdict
from transforms.questions.verdict import Verdict, judge, peers_of
from transforms.schemas import ANSWERS, CONVERSATIONS, PEERS

logger = logging.getLogger(__name__)

# Up to so many records everything after them fits into one partition: no exchange, one task each.
FEW_RECORDS = 500_000


class Answered(NamedTuple):
    """The verdict, every answer in the order of an investigation, and the books of what was read
    beside the window.
    """

    verdict: Verdict
    answers: tuple[Answer, ...]
    asked: Asked
    further_books: dict[str, Books]
    coverage: CaseCoverage


def answer(
    spark: SparkSession,
    reading: Reading,
    slots: Future[SlotsFound],
    phases: Phases,
) -> Answered:
    """Write the tables `conversations`, `peers` and `answers` and say what they hold.

    Reads the baseline and the second hop where they are asked for. The rows that are written are
    kept and asked: reading them back costs a cold start of Delta's reader for each table. Coverage
    decides what silence is worth in every answer, and conversations can contradict coverage.
    """
    case, flows = reading.case, reading.flows
    asked, is_small = _measured(case.arguments.asked, reading.surveyed)
    rules = asked.thresholds.rules()
    before = hop = None
    books: dict[str, Books] = {}
    if case.baseline is not None:
        before = read_baseline(spark, case, asked, phases)
        asked, books["baseline"] = asked._replace(baseline=before.baseline), before.books
    with phases.phase("conversations"), like_few(spark, is_small):
        several = len(case.subject.instance_ids) > 1
        conversations = conversations_of(flows, case.subject.addresses, rules, are_several=several)
        conversations = kept(conversations, case.run_id, is_small)
    if asked.hops > 1:
        conversations.createOrReplaceTempView("conversations")
        asked = asked._replace(second_hop=SecondHop((), 0, 0, ()))
        hop = read_second_hop(spark, case, asked, phases)
    if hop is not None:
        asked, books["hop_2"] = asked._replace(second_hop=hop.hop), hop.books
        is_small = is_small and hop.books.flows <= FEW_RECORDS
        own = [address for address, _ in hop.hop.own]
        with phases.phase("hop 2 conversations"), like_few(spark, is_small):
            theirs = conversations_of(hop.reading.flows, own, rules, hop=2, are_several=True)
            theirs = kept(theirs, case.run_id, is_small)
        conversations = conversations.unionByName(theirs)
    with phases.phase("answer"), like_few(spark, is_small), beside() as begin:
        written = begin(write_table, conversations, case.table("conversations"), CONVERSATIONS)
        if not is_small:  # it is this that computes them
            written.result()
        peers = peers_of(conversations, before.peers if before else None)
        peers = kept(peers, case.run_id, is_small)
        written = begin(write_table, peers, case.table("peers"), PEERS)
        if not is_small:
            written.result()
        coverage = judge_slots(spark, case, slots.result(), conversations)
        judged = coverage.judged
        found = ask(spark, conversations, peers, asked)
        verdict = judge(found[0].figures, judged.verdict, judged.reasons)
        first = found[0]._replace(verdict=verdict.step, sentence=verdict.sentence)
        found = tuple(weighed(each, judged) for each in (first, *found[1:]))
        verdict = weighed_verdict(verdict, found[0])
        # Who waits for it need not wait for the tables, the books and the view as well.
        logger.info("verdict (books are not closed yet): %s: %s", verdict.step, verdict.sentence)
        rows = spark.createDataFrame([answer_row(each, case.run_id) for each in found], ANSWERS)
        write_table(rows.coalesce(1), case.table("answers"), ANSWERS)
    for held in (peers, conversations, *((before.peers,) if before and before.peers else ())):
        held.unpersist()
    for view in ("conversations", "peers"):  # a view keeps its rows in memory
        spark.catalog.dropTempView(view)
    if hop is not None:
        hop.reading.release()
    return Answered(verdict, found, asked, books, coverage)


def _measured(asked: Asked, surveyed: Row | None) -> tuple[Asked, bool]:
    """What is asked, with the aggregation interval of these flows; and whether they are few."""
    aggregation_s = aggregation_of(surveyed["p99_s"] if surveyed else 0)
    thresholds = asked.thresholds._replace(aggregation_s=aggregation_s)
    is_small = surveyed is None or surveyed["records"] <= FEW_RECORDS
    return asked._replace(thresholds=thresholds), is_small


def kept(frame: DataFrame, run_id: str, is_small: bool) -> DataFrame:
    """The rows, computed once.

    Few ones are cut off from the plan that made them: each question would be analysed and optimised
    together with it otherwise. Many ones must outlive the loss of an executor.
    """
    named = frame.withColumn("run_id", F.lit(run_id))
    return named.coalesce(1).localCheckpoint() if is_small else named.persist()


def ask(
    spark: SparkSession, conversations: DataFrame, peers: DataFrame, asked: Asked
) -> tuple[Answer, ...]:
    """Every question over these tables, in one Spark job."""
    conversations.createOrReplaceTempView("conversations")
    peers.createOrReplaceTempView("peers")
    rows = spark.sql(all_answers(questions(asked))).collect()
    return answers_of(asked, {row["question"]: row.asDict() for row in rows})
