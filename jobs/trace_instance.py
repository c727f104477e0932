"""The job: read flow logs, keep one instance's traffic, name its ends, account for all."""

import logging
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.arguments import UNASKED, Arguments, parse_arguments
from jobs.errors import BadInput
from jobs.evidence.case_lock import CaseLock, LockLost, locked_case
from jobs.evidence.manifest import check_manifest, complete_case
from jobs.opensearch.client import OpenSearchFailed, check_reachable
from jobs.opensearch.connector import check_writer
from jobs.opensearch.sink import Indexed, index_flows, show_index
from jobs.output.metrics import metric_line
from jobs.output.report import show_report, write_report
from jobs.output.summary import Result, render, render_list
from jobs.pipeline.answer import answer
from jobs.pipeline.baseline import baseline_window
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import SlotsFound, find_slots
from jobs.pipeline.dry_run import dry_run_lines, read_prices
from jobs.pipeline.reading import close_books, read_flows
from jobs.pipeline.watch_list import cases_of, scanned_once
from jobs.sources.findings import answer_claims, keep_copy, read_finding_file, settled
from jobs.sources.labels import read_labels
from jobs.sources.listing import Listing, list_objects
from jobs.sources.object_fetch import expired_credentials
from jobs.spark.concurrent import beside
from jobs.spark.memory import forget_tables
from jobs.spark.phases import Phases
from jobs.spark.session import like_few, open_session
from jobs.storage.delta_sink import (
    SHAPES,
    append_rows,
    check_tables,
    check_writable,
    name_commits,
    remove_leftovers,
)
from transforms.label.tables import LabelTables
from transforms.schemas import QUARANTINE
from transforms.subject.identity import resolve_subject

logger = logging.getLogger(__name__)

# As stored. A compressed line takes some fifteen bytes, so that these are a million records.
_SMALL_BYTES = 16 * 1024 * 1024

COMPLETE, FAILED, BAD_INPUT, INCOMPLETE, UNBALANCED, EXPIRED = 0, 1, 2, 3, 4, 5


def main(argv: Sequence[str]) -> int:
    """Run the job for these flags; returns the exit code that `--help` explains."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for chatty in ("opensearch", "py4j", "botocore", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    phases = Phases()
    try:
        arguments = parse_arguments(argv)
        with phases.phase("check and list"):
            case = prepare(arguments, datetime.now(UTC))
        if arguments.dry_run:
            print("\n".join(dry_run_lines(case, read_prices(arguments.prices))))
            return COMPLETE
        results = []
        for result in traced(cases_of(case), phases):
            print(render(result))
            if arguments.metrics == "emf":
                print(metric_line(result.manifest))
            results.append(result)
    except BadInput as bad:
        for problem in bad.problems:
            print(f"error: {problem}", file=sys.stderr)
        return BAD_INPUT
    except (OpenSearchFailed, LockLost) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return FAILED
    except (Py4JJavaError, PySparkException) as failure:
        sentence = expired_credentials(failure)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return EXPIRED
    if len(results) > 1:
        print(render_list(results))
    return max(exit_code(result.all_books, arguments.strict) for result in results)


def prepare(arguments: Arguments, now: datetime) -> Case:
    """Read labels, list objects and try the sinks; raises BadInput with all problems at once."""
    problems: list[str] = []
    labels, listing, found, baseline = LabelTables(), Listing((), ()), None, None
    try:
        if arguments.finding is not None:
            found = read_finding_file(arguments.finding, *arguments.instance_ids)
            arguments = settled(arguments, found, now)
    except BadInput as bad:
        problems += bad.problems
    try:
        labels = read_labels(arguments.labels, found.finding if found else None)
    except BadInput as bad:
        problems += bad.problems
    try:
        if not arguments.dry_run:
            check_writable(arguments.output)
        _check_cases(arguments.case_uris)
    except BadInput as bad:
        problems += bad.problems
    try:
        if arguments.opensearch is not None:
            check_reachable(arguments.opensearch)
    except BadInput as bad:
        problems += bad.problems
    try:
        if UNASKED not in (arguments.window.from_at, arguments.window.to_at):
            listing = list_objects(arguments.flow_logs, arguments.window, arguments.object_list)
            if arguments.asked.baseline_days:
                before = baseline_window(arguments)
                baseline = list_objects(arguments.flow_logs, before, may_be_empty=True)
    except BadInput as bad:
        problems += bad.problems
    if problems:
        raise BadInput(problems)
    subject = resolve_subject(
        arguments.instance_ids,
        arguments.interface_ids,
        arguments.addresses,
        arguments.vpc_id,
        labels,
        found.finding if found else None,
    )
    run_id = f"{now.astimezone(UTC):%Y%m%dt%H%M%Sz}-{secrets.token_hex(2)}"
    return Case(arguments, labels, subject, listing, run_id, now, found, baseline=baseline)


def _check_cases(case_uris: Sequence[str]) -> None:
    """Raise BadInput with everything that lies where the tables and manifests will go."""
    problems: list[str] = []
    for case_uri in case_uris:
        try:
            check_tables(case_uri)
            check_manifest(case_uri)
        except BadInput as bad:
            problems += bad.problems
    if problems:
        raise BadInput(problems)


def traced(cases: Sequence[Case], phases: Phases) -> Iterator[Result]:
    """Run every case and yield its result when it has ended; all of them are held from the start.

    Raises BadInput before anything is read when one of them cannot be held.
    """
    arguments = cases[0].arguments
    with ExitStack() as held:
        locks = {
            case.arguments.case_id: held.enter_context(
                locked_case(case.arguments.table("run.lock"), case.run_id, arguments.break_lock)
            )
            for case in cases
        }
        with phases.phase("start Spark"):
            spark = open_session(f"trace {arguments.case_id}")
        check_writer(spark, arguments.opensearch)
        with like_few(spark, is_small(cases[0])):
            for case, scanned, so_far in scanned_once(spark, cases, phases):
                result = run(spark, case, so_far, locks[case.arguments.case_id], scanned)
                forget_tables(spark, map(case.arguments.table, SHAPES))
                yield result


def is_small(case: Case) -> bool:
    """Whether all that is to be read holds no more records than are worth no compiled code."""
    return sum(item.size for item in case.listing.selected) <= _SMALL_BYTES


def run(
    spark: SparkSession,
    case: Case,
    phases: Phases,
    lock: CaseLock,
    scanned: DataFrame | None = None,
) -> Result:
    """List → scan → label → scope → Delta → answers → OpenSearch → books: every line counts.

    `scanned` is the scan of several cases, where this is one of them.
    """
    arguments = case.arguments
    if lock.predecessor is not None:
        remove_leftovers(arguments.case_uri)
    name_commits(spark, case.run_id)
    keep_copy(arguments.case_uri, case.finding)

    reading = read_flows(spark, case, phases, scanned)
    case, flows = reading.case, reading.flows
    coverage = answered = None
    if arguments.scope == "instance":
        with beside() as begin:
            slots = begin(_slots, spark, case, flows, phases)
            answered = answer(spark, reading, slots, phases)
        coverage = answered.coverage
    indexed = None
    if arguments.opensearch is not None:
        with phases.phase("index"):
            indexed = index_flows(
                flows,
                arguments.opensearch,
                case_id=arguments.case_id,
                run_id=case.run_id,
                shown=False,
            )
            _quarantine_documents(indexed, flows, case)
    with phases.phase("books"), beside() as begin:
        seen = coverage.judged.verdict if coverage else None
        claims = begin(answer_claims, flows, case.finding, arguments.window, seen)
        books = close_books(spark, reading, indexed.documents if indexed else None)
    case = case._replace(claims=claims.result())
    all_books = {"": books, **(answered.further_books if answered else {})}
    with phases.phase("manifest"):
        index = indexed.described() if indexed else None
        manifest = complete_case(
            spark, case, lock, all_books, index, exit_code(all_books, arguments.strict), coverage,
            partial(write_report, case, answered, all_books, coverage) if answered else None,
            answered.verdict if answered else None,
        )  # fmt: skip
        if answered:
            show_report(arguments.case_uri, case.run_id)
        if arguments.opensearch is not None:  # the view is never ahead of the evidence
            show_index(arguments.opensearch, case_id=arguments.case_id, run_id=case.run_id)
    reading.release()
    if indexed:
        indexed.refused.unpersist()
    return Result(
        arguments, case.subject, case.listing, case.run_id, all_books, indexed,
        phases.seconds, case.finding, case.claims, case.was_read_twice, answered,
        case.labels.conflicts, coverage, manifest,
    )  # fmt: skip


def _slots(spark: SparkSession, case: Case, flows: DataFrame, phases: Phases) -> SlotsFound:
    with phases.phase("coverage", is_beside=True):
        return find_slots(spark, case, flows)


def exit_code(books: Mapping[str, Books], strict: bool) -> int:
    """What the shell is told, by the books of every reading."""
    if not all(each.balanced for each in books.values()):
        return UNBALANCED
    is_refused = any(each.refusals for each in books.values())
    return INCOMPLETE if strict and is_refused else COMPLETE


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
    append_rows(refused, case.arguments.table("quarantine"), QUARANTINE)


if __name__ == "__main__":
    if status := main(sys.argv[1:]):  # some launchers take even an exit with 0 for a failure
        sys.exit(status)
