"""What readers see of a run: the index, the report, and the manifest as the last thing."""

from collections.abc import Mapping
from dataclasses import replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.evidence.case_lock import CaseLock
from jobs.evidence.manifest import complete_case
from jobs.opensearch.sink import Indexed, index_flows, index_story, show_index
from jobs.output.notice import show_notice, store_notice
from jobs.output.report import show_report, store_report
from jobs.pipeline.books import Books, count_quarantine
from jobs.pipeline.case import Case
from jobs.pipeline.read_flows import FlowsRead
from jobs.pipeline.result import Investigation, RunResult
from jobs.sources.findings import keep_copy
from jobs.sources.side_rows import SIDE_ROWS, remove_below
from jobs.spark.phases import Phases
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import append_rows, name_commits, remove_leftovers
from jobs.storage.object_store import place_of
from transforms.conversations.members import with_conversation, with_standing
from transforms.documents.story import story_documents
from transforms.schemas import QUARANTINE


def begin_case(spark: SparkSession, case: Case, lock: CaseLock) -> None:
    """Make the folder of the case ready: no leftovers, and a copy of the finding."""
    if lock.predecessor is not None:
        remove_leftovers(case.arguments.case_uri)
        remove_below(place_of(case.arguments.table(SIDE_ROWS)))
    name_commits(spark, case.run_id)
    keep_copy(case.arguments.case_uri, case.finding)


def load_index(
    case: Case, phases: Phases, *, window: FlowsRead, investigation: Investigation | None
) -> Indexed | None:
    """Load flows and story into indices that nobody sees yet; None where there is no OpenSearch."""
    target = case.arguments.opensearch
    if target is None:
        return None
    with phases.phase("index"):
        indexed = index_flows(
            window.flows,
            target,
            case_id=case.arguments.case_id,
            run_id=case.run_id,
            told=_told(case, window) if investigation is not None else None,
            shown=False,
        )
        _quarantine_documents(indexed, window.flows, case)
        if investigation is not None:
            _load_story(case, window, investigation)
    return indexed


def _told(case: Case, window: FlowsRead) -> DataFrame:
    """The flows of the window with what their conversations became, by the stored tables."""
    spark = window.flows.sparkSession
    conversations, peers = (
        read_table(spark, case.table(name)) for name in ("conversations", "peers")
    )
    judged = with_standing(conversations, peers)
    return with_conversation(
        window.flows,
        judged,
        window.subject.addresses,
        has_unknown_vpcs=window.has_unknown_vpcs,
    )


def _load_story(case: Case, window: FlowsRead, investigation: Investigation) -> None:
    arguments = case.arguments
    assert arguments.opensearch is not None
    documents = story_documents(
        case_id=arguments.case_id,
        run_id=case.run_id,
        subject=(*case.instance_names.values(), *window.subject.names()),
        window=arguments.window,
        headline=investigation.headline,
        story=investigation.story,
        steps=investigation.steps,
        coverage=investigation.coverage.judged,
    )
    index_story(documents, arguments.opensearch, case_id=arguments.case_id, run_id=case.run_id)


def _quarantine_documents(indexed: Indexed, flows: DataFrame, case: Case) -> None:
    """Add the documents that OpenSearch refused; their flows stay in Delta."""
    if not indexed.refused_count:
        return
    refused = indexed.refused.join(
        flows.select("record_id", "object_uri", "object_line"), on="record_id", how="inner"
    ).select(
        "*",
        F.lit("document").alias("stage"),
        F.lit(None).cast("string").alias("text"),
        F.lit(case.run_id).alias("run_id"),
    )
    append_rows(refused, case.table("quarantine"), QUARANTINE)


def books_with_documents(
    spark: SparkSession, case: Case, *, window: FlowsRead, indexed: Indexed | None
) -> Books:
    """The books of the window, with the documents of the index and those that it refused."""
    if indexed is None:
        return window.books
    quarantine = read_table(spark, case.table("quarantine"))
    counts = count_quarantine(quarantine.where(F.col("run_id") == case.run_id))
    return replace(window.books, documents=indexed.documents, **counts)


def publish(
    spark: SparkSession, lock: CaseLock, phases: Phases, *, result: RunResult, inputs_sha256: str,
    report: str | None,
) -> Mapping[str, object]:  # fmt: skip
    """Store report and notice, complete the case with its manifest, then show them and the index.

    Returns the manifest's content. Report and index are never ahead of the evidence.
    """
    case = result.case
    case_uri, target = case.arguments.case_uri, case.arguments.opensearch
    with phases.phase("manifest"):
        stored = store_report(case_uri, case.run_id, report) if report is not None else None
        manifest = complete_case(
            spark,
            lock,
            result=result,
            inputs_sha256=inputs_sha256,
            report=stored,
            notice=store_notice(result),
        )
        show_notice(result)
        if report is not None:
            show_report(case_uri, case.run_id)
        if target is not None:
            show_index(
                target,
                case_id=case.arguments.case_id,
                run_id=case.run_id,
                has_story=result.investigation is not None,
            )
    return manifest
