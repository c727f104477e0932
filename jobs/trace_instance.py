"""The job: read flow logs, keep one instance's traffic, name its ends, account for all."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from pyspark.sql import SparkSession

from jobs.cli.arguments import parse_arguments
from jobs.cli.command_line import is_verbose
from jobs.cli.main import run_main
from jobs.errors import ExitCode
from jobs.evidence.case_lock import CaseLock, locked_case
from jobs.evidence.manifest import inputs_digest
from jobs.evidence.manifest_file import is_complete
from jobs.opensearch.connector import check_writer
from jobs.opensearch.sink import remove_index
from jobs.output.metrics import metric_line
from jobs.output.report import render_report
from jobs.output.summary import FinishedRun, summary, watch_list_summary
from jobs.pipeline.answer import answer_questions, store_answers
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import judge_slots
from jobs.pipeline.conversations import store_tables, unseen_by
from jobs.pipeline.dry_run import dry_run_lines, read_prices
from jobs.pipeline.first_sign import signs_of_finding
from jobs.pipeline.judged import judge_peers
from jobs.pipeline.near import shown_name
from jobs.pipeline.prepare import prepare
from jobs.pipeline.publish import begin_case, books_with_documents, load_index, publish
from jobs.pipeline.read_flows import FlowsRead, read_window
from jobs.pipeline.result import Investigation, RunResult
from jobs.pipeline.scan import ScanResult
from jobs.pipeline.transit import see_transit
from jobs.pipeline.watch_list import cases_of, scanned_once
from jobs.sources.findings import answer_claims
from jobs.spark.concurrent import run_concurrently
from jobs.spark.memory import forget_tables
from jobs.spark.phases import Phases
from jobs.spark.session import SMALL_WHOLE_BYTES, for_few_rows, open_session
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import SHAPES
from transforms.questions.context import QuestionContext
from transforms.story import tell_story
from transforms.vocabulary import Reading

logger = logging.getLogger(__name__)

# As stored. A compressed line takes some fifteen bytes, so that these are a million records.
_SMALL_BYTES = 16 * 1024 * 1024


def main(argv: Sequence[str]) -> int:
    """Run the job for these flags; returns the exit code that `--help` explains."""
    return run_main(_trace, argv)


def _trace(argv: Sequence[str]) -> int:
    phases = Phases()
    arguments = parse_arguments(argv)
    with phases.phase("check and list"):
        case = prepare(arguments, datetime.now(UTC))
    if arguments.dry_run:
        print("\n".join(dry_run_lines(case, read_prices(arguments.prices))))
        return ExitCode.COMPLETE
    for sentence in case.of_listing():
        logger.warning("%s", sentence)
    finished = []
    for each in traced(cases_of(case), phases):
        print(summary(each, is_full=is_verbose(argv)))
        if arguments.metrics == "emf":
            print(metric_line(each.manifest))
        finished.append(each)
    if len(finished) > 1:
        print(watch_list_summary(finished))
    return max(each.result.exit_code for each in finished)


def traced(cases: Sequence[Case], phases: Phases) -> Iterator[FinishedRun]:
    """Run every case and yield it when it has ended; all of them are locked from the start.

    Raises BadInput before anything is read when one of them cannot be locked.
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
        with for_few_rows(spark, is_small(cases[0])):
            for case, scan, so_far in scanned_once(spark, cases, phases):
                with _index_removed_unless_complete(case):
                    finished = run(spark, case, so_far, locks[case.arguments.case_id], scan=scan)
                forget_tables(spark, map(case.arguments.table, SHAPES))
                yield finished


@contextmanager
def _index_removed_unless_complete(case: Case) -> Iterator[None]:
    """Leave no index of a run behind that no manifest names."""
    try:
        yield
    except BaseException:
        target, case_id = case.arguments.opensearch, case.arguments.case_id
        if target is not None and not is_complete(case.arguments.case_uri, case.run_id):
            remove_index(target, case_id=case_id, run_id=case.run_id)
        raise


def is_small(case: Case) -> bool:
    """Whether the objects hold so few records that compiling code for them does not pay."""
    size = sum(item.size for item in case.listing.selected)
    return size <= (_SMALL_BYTES if case.has_subject else SMALL_WHOLE_BYTES)


def run(
    spark: SparkSession,
    case: Case,
    phases: Phases,
    lock: CaseLock,
    *,
    scan: ScanResult | None = None,
) -> FinishedRun:
    """Read the window, investigate the subject, load the index, render the report, publish.

    `scan` is this case's part of a scan for several cases.
    """
    begin_case(spark, case, lock)
    window = read_window(spark, case, phases, scan=scan)
    investigation = None
    if case.has_subject:
        investigation = investigate(spark, case, phases, window=window)
    with run_concurrently() as begin:
        digesting = begin(inputs_digest, read_table(spark, case.table("objects")))
        coverage = investigation.coverage.judged.verdict if investigation else None
        claiming = begin(answer_claims, window.flows, case.finding, case.arguments.window, coverage)
        passing = begin(
            see_transit, spark, case, flows=window.flows, number=window.books.transit_kept
        )
        indexed = load_index(case, phases, window=window, investigation=investigation)
    books = books_with_documents(spark, case, window=window, indexed=indexed)
    result = RunResult(
        case=case,
        subject=window.subject,
        was_scanned_twice=window.was_scanned_twice,
        investigation=investigation,
        claims=claiming.result(),
        indexed=indexed,
        transit=passing.result(),
        books={Reading.WINDOW: books, **(investigation.books if investigation else {})},
    )
    report = render_report(result, digesting.result())
    manifest = publish(
        spark, lock, phases, result=result, inputs_sha256=digesting.result(), report=report
    )
    window.release()
    if indexed is not None:
        indexed.refused.unpersist()
    return FinishedRun(result=result, seconds=phases.seconds, manifest=manifest)


def investigate(
    spark: SparkSession, case: Case, phases: Phases, *, window: FlowsRead
) -> Investigation:
    """Compare the subject with the days before, follow the path, judge coverage, answer."""
    judged = judge_peers(spark, case, phases, window=window)
    baseline, sign, path = judged.baseline, judged.sign, judged.path
    with phases.phase("answer"), run_concurrently() as begin:
        begin(store_tables, spark, case, tables=judged.tables, slots=judged.slots)
        coverage = judge_slots(case, found=judged.slots)
        context = QuestionContext(
            options=case.arguments.question_options,
            thresholds=judged.thresholds,
            baseline=baseline.baseline if baseline else None,
            followed=path.followed,
            finding=signs_of_finding(case),
            first_sign=sign.at,
            coverage=coverage.judged,
            unseen=unseen_by(case, window),
        )
        answers = answer_questions(spark, tables=judged.tables, context=context)
        store_answers(spark, case, answers)
    books = {read.reading: read.books for read in judged.readings.reads}
    if baseline is not None:
        books = {Reading.BASELINE: baseline.books, **books}
    judged.release()
    return Investigation(
        context=context,
        coverage=coverage,
        answers=answers,
        steps=path.steps,
        story=tell_story(shown_name(case, window.subject), answers, path.steps),
        books=books,
    )


if __name__ == "__main__":
    if status := main(sys.argv[1:]):  # some launchers take even an exit with 0 for a failure
        sys.exit(status)
