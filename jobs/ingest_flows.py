"""The job that fills a flow table: every flow record once, labelled, for every case to come."""

import logging
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import SparkSession

from jobs.cli.ingest_arguments import IngestArguments, parse_ingest
from jobs.cli.main import run_main
from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import ExitCode, Problems
from jobs.evidence.case_lock import CaseLock, locked_case
from jobs.evidence.run_id import new_run_id
from jobs.flow_table.ingest import Ingested, ingest
from jobs.flow_table.published import publish
from jobs.flow_table.tables import FlowTable
from jobs.flow_table.watch import WatchList, begin_watch, read_watch_list, watch
from jobs.opensearch.connector import check_writer
from jobs.opensearch.preflight import NotNow, check_reachable
from jobs.output.watch_lines import Watched, summary_lines
from jobs.sources.labels import read_labels
from jobs.sources.listing import Listing, list_objects
from jobs.sources.side_rows import SIDE_ROWS, remove_below
from jobs.spark.phases import Phases, seconds_line
from jobs.spark.session import SMALL_WHOLE_BYTES, for_few_rows, open_session
from jobs.storage.aws_access import check_role
from jobs.storage.delta_sink import check_writable, name_commits
from jobs.storage.object_store import place_of
from transforms.label.tables import LabelTables

logger = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Run the job for these flags; returns the exit code that `--help` explains."""
    return run_main(_ingest, argv)


def _ingest(argv: Sequence[str]) -> int:
    phases, now = Phases(), datetime.now(UTC)
    arguments = parse_ingest(argv)
    table = FlowTable(arguments.flow_table)
    with phases.phase("check and list"):
        labels, listing, listed = _prepare(arguments, table)
    run_id = new_run_id(now)
    with locked_case(table.table("run.lock"), run_id, arguments.break_lock) as lock:
        with phases.phase("start Spark"):
            spark = open_session(f"ingest into {arguments.flow_table}")
            name_commits(spark, run_id)
            check_writer(spark, arguments.opensearch)
        if lock.predecessor is not None:
            remove_below(place_of(table.table(SIDE_ROWS)))
        if listed is not None:
            begin_watch(spark, table, listed, run_id)
        size = sum(item.size for item in listing.selected)
        with for_few_rows(spark, size <= SMALL_WHOLE_BYTES):
            done = ingest(
                spark, arguments, table, labels, listing.objects, lock,
                run_id=run_id, now=now, phases=phases,
            )  # fmt: skip
        watched = None
        if listed is not None and done.books.balanced:
            with phases.phase("watch"):
                watched = watch(
                    spark, arguments, table, labels, listed, lock, run_id=run_id, now=now,
                    tell=partial(print, flush=True),
                )  # fmt: skip
        print("\n".join(_summary(arguments, listing, done, watched)), flush=True)
        refused = _publish(spark, arguments, table, lock, done, phases)
    print(seconds_line(phases.seconds))
    return _exit_code(arguments, done, refused, watched)


def _exit_code(
    arguments: IngestArguments, done: Ingested, refused: int, watched: Watched | None
) -> ExitCode:
    """As `--help` explains it; what was not read says more than what was told."""
    code = done.exit_code(strict=arguments.strict)
    if code:
        return code
    if refused and arguments.strict:
        return ExitCode.INCOMPLETE
    has_told = arguments.watch_exit and watched is not None and watched.told
    return ExitCode.WATCH_TOLD if has_told else ExitCode.COMPLETE


def _prepare(
    arguments: IngestArguments, table: FlowTable
) -> tuple[LabelTables, Listing, WatchList | None]:
    """Labels, what lies under the prefixes, and who is watched; raises BadInput with all problems
    at once.
    """
    problems = Problems()
    labels, listing, listed = read_labels(None), Listing((), ()), None
    with problems.collect():
        check_writable(arguments.flow_table, "--flow_table")
        table.check()
    with problems.collect():
        labels = read_labels(arguments.labels)
        if arguments.watched:
            listed = read_watch_list(arguments)
    with problems.collect():
        _greet(arguments.opensearch)
    with problems.collect():
        check_role(arguments.access.role_arn)
        listing = list_objects(
            arguments.flow_logs, arguments.listed, access=arguments.access, may_be_empty=True
        )
    problems.raise_if_any()
    return labels, listing, listed


def _greet(target: OpenSearchTarget | None) -> None:
    """Raise BadInput where a load can never succeed; a node that is lost for now stops no ingest:
    objects that are listed too late would never be read.
    """
    if target is None:
        return
    try:
        check_reachable(target)
    except NotNow as problem:
        logger.warning("%s; the flow table is filled all the same", problem)


def _publish(
    spark: SparkSession, arguments: IngestArguments, table: FlowTable, lock: CaseLock,
    done: Ingested, phases: Phases,
) -> int:  # fmt: skip
    """Load what OpenSearch lacks and print it; how many documents were refused."""
    if arguments.opensearch is None or not done.books.balanced:
        return 0
    with phases.phase("publish"):
        published = publish(spark, table, lock, arguments.opensearch, arguments.opensearch_prefix)
    print(f"OpenSearch  {published.sentence()}")
    return published.refused


def _summary(
    arguments: IngestArguments, listing: Listing, done: Ingested, watched: Watched | None
) -> Iterator[str]:
    books = done.books
    if not books.balanced:
        yield f"Nothing of this run counts for {arguments.flow_table}: its books do not balance"
    elif done.run is None:
        yield f"Nothing new for {arguments.flow_table}: {done.runs_before:,} runs before this"
    else:
        yield f"Run {done.run.run_id}, number {done.run.number}, of {arguments.flow_table}"
    yield f"  objects   of {arguments.window}"
    yield (
        f"            {books.listed:,} listed, {books.skipped:,} left out, {books.stored_before:,} "
        f"stored before, {books.objects:,} new"
    )
    if books.refused or books.unreadable:
        yield (
            f"            of the new ones {books.refused:,} refused and {books.unreadable:,} "
            "unreadable; the next run tries the unreadable ones again"
        )
    yield (
        f"  flows     {books.flows:,} added; {books.transit:,} records of transit gateways; "
        f"{books.refused_lines:,} lines refused"
    )
    if (sentence := done.upkeep.sentence()) is not None:
        yield f"  upkeep    {sentence}"
    identities = books.identities()
    if books.balanced:
        yield f"Books       balanced: all {len(identities)} identities hold"
    else:
        for each in identities:
            sign = "=" if each.holds else "IS NOT"
            yield f"Books       {each.what}: {each.left:,} {sign} {each.right:,}"
    if watched is not None:
        yield from summary_lines(watched)


if __name__ == "__main__":
    if status := main(sys.argv[1:]):  # some launchers take even an exit with 0 for a failure
        sys.exit(status)
