"""The conversations and peers of a case, from the flows that were read."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.pipeline.baseline import BaselineRead
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import SlotsFound, store_slots
from jobs.pipeline.levels import Path
from jobs.pipeline.read_flows import FlowsRead, recorded_in
from jobs.spark.concurrent import run_concurrently
from jobs.spark.frames import computed, release
from jobs.spark.phases import Phases
from jobs.spark.session import for_few_rows
from jobs.storage.delta_sink import write_table
from transforms.conversations.build import conversations_of
from transforms.conversations.initiator import less_certain_in
from transforms.coverage.pace import Stretch
from transforms.questions.judgement import Unseen
from transforms.questions.options import Thresholds
from transforms.questions.verdict import peers_of
from transforms.schemas import CONVERSATIONS, PEERS
from transforms.standing.path import PATH, path_row


@dataclass(frozen=True, kw_only=True)
class Conversations:
    """Rows of the table `conversations`, computed and kept in memory."""

    frame: DataFrame
    is_small: bool


@dataclass(frozen=True, kw_only=True)
class CaseTables:
    """Rows of the tables `conversations`, `peers` and `path`, computed and kept in memory."""

    conversations: DataFrame
    peers: DataFrame
    path: DataFrame
    is_small: bool
    held: tuple[DataFrame, ...] = ()  # what they were made from

    def release(self) -> None:
        """Give back what was kept in memory for them."""
        release((self.conversations, self.peers, *self.held))


def measured_thresholds(case: Case, window: FlowsRead) -> Thresholds:
    """The thresholds that were asked for, with the interval of the records and the window."""
    asked_for, span = case.arguments.question_options.thresholds, case.arguments.window
    return asked_for._replace(aggregation_s=window.aggregation_s, window_s=span.to_s - span.from_s)


def build_conversations(
    spark: SparkSession, case: Case, phases: Phases, *, window: FlowsRead, thresholds: Thresholds
) -> Conversations:
    """What the subject did in the window, as conversations."""
    with phases.phase("conversations"), for_few_rows(spark, window.is_small):
        frame = conversations_of(
            window.flows,
            window.subject.addresses,
            thresholds.rules(),
            are_several=window.are_several,
            recorded=recorded_in(case.arguments.window, window),
        )
        return Conversations(frame=computed(frame, window.is_small), is_small=window.is_small)


def unseen_by(case: Case, window: FlowsRead) -> Unseen:
    """What speaks against silence beside the conversations and coverage."""
    vpc_ids = window.subject.vpc_ids
    own = [network for vpc_id, network in case.labels.vpc_networks if vpc_id in vpc_ids]
    return Unseen(
        left_out=window.surveyed["left_out"] if window.surveyed else 0,
        known_v4=any(len(network.first) == 8 for network in own),
        known_v6=any(len(network.first) == 32 for network in own),
        assumed_addresses=window.subject.assumed_addresses,
    )


def build_tables(
    spark: SparkSession,
    case: Case,
    phases: Phases,
    *,
    path: Path,
    baseline: BaselineRead | None,
    gaps: Sequence[Stretch],
) -> CaseTables:
    """Conversations and peers of the subject and of the machines on the path, and its steps.

    In the `gaps` of the subject's coverage it is less certain who began.
    """
    is_small = path.is_small
    with phases.phase("peers"), for_few_rows(spark, is_small):
        run_id = F.lit(case.run_id)
        found = less_certain_in(path.conversations, gaps).withColumn("run_id", run_id)
        conversations = computed(found, is_small)
        peers = peers_of(conversations, baseline.peers if baseline else None, path.judged)
        return CaseTables(
            conversations=conversations,
            peers=computed(peers.withColumn("run_id", run_id), is_small),
            path=spark.createDataFrame([path_row(step, case.run_id) for step in path.steps], PATH),
            is_small=is_small,
            held=path.held,
        )


def store_tables(spark: SparkSession, case: Case, *, tables: CaseTables, slots: SlotsFound) -> None:
    """Write the tables `conversations`, `peers`, `path` and `coverage`."""
    with run_concurrently() as begin:
        begin(store_slots, spark, case, found=slots)
        begin(write_table, tables.conversations, case.table("conversations"), CONVERSATIONS)
        begin(write_table, tables.peers, case.table("peers"), PEERS)
        begin(write_table, tables.path.coalesce(1), case.table("path"), PATH)
