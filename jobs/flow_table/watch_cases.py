"""One judgement of a watch: a case without questions or report, read from the flow table alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.arguments import parse_arguments
from jobs.cli.ingest_arguments import IngestArguments
from jobs.cli.reading_arguments import ReadingArguments
from jobs.flow_table.listed import listed_by
from jobs.flow_table.stored_scan import stored_uris
from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.flow_table.watched import PeerKey, key_of
from jobs.output.watch_lines import JudgedInstance
from jobs.pipeline.baseline import baseline_window
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import judge_slots
from jobs.pipeline.judged import judge_peers
from jobs.pipeline.read_flows import read_window
from jobs.pipeline.scan import ScanResult
from jobs.pipeline.watch_list import cases_of, scanned_once
from jobs.sources.listing import Listing
from jobs.spark.memory import forget_tables
from jobs.spark.phases import Phases
from jobs.spark.session import for_few_rows
from jobs.storage.delta_sink import SHAPES
from transforms.label.tables import LabelTables
from transforms.questions.sql import IS_OUTSIDE
from transforms.subject.identity import resolve_subject
from transforms.vocabulary import Initiator, Standing
from transforms.window import LONGEST_INTERVAL, LONGEST_LAG, Window

# Days before to compare with: what happens once a week is in them.
BASELINE_DAYS = 7
# The subject is compared with its equals; whom the reached machines reached is for a case.
_MAX_HOPS = 2
_LONGEST = timedelta(days=31)
# New rows of one instance that one run tells.
_MOST_ROWS = 10_000
_SMALL_BYTES = 16 * 1024 * 1024
# Everybody may call a public service: of calls from outside those count that are at services that
# matter, as remote administration.
_TOLD = f"""hop = 1 AND standing = '{Standing.SUSPICIOUS}'
    AND NOT ({IS_OUTSIDE} AND initiator <> '{Initiator.SUBJECT}' AND service_class IS NULL)"""
_SHOWN = (
    "peer", "peer_name", "peer_ring", "service_port", "protocol", "initiator", "outcome",
    "attempts", "reasons",
)  # fmt: skip


def time_of(
    spark: SparkSession, table: FlowTable, runs: Iterable[IngestRun], slack: timedelta,
    now: datetime,
) -> Window | None:  # fmt: skip
    """When the records of these runs' objects were made, at most the last 31 days of it.

    A record may say any time. What the name of an object says bounds it, and nothing is later than
    now. None where no object was read.
    """
    early = int((slack + LONGEST_INTERVAL + LONGEST_LAG).total_seconds())
    late = int((2 * LONGEST_INTERVAL).total_seconds())
    slot_s = F.unix_timestamp("slot_at")
    found = (
        table.rows(spark, "objects", runs)
        .where("parsed_lines > 0")
        .agg(
            F.min(F.greatest("first_start", slot_s - early)).alias("from_s"),
            F.max(F.least(F.col("last_end") + 1, slot_s + late)).alias("to_s"),
        )
        .first()
    )
    if found is None or found["from_s"] is None or found["to_s"] is None:
        return None
    to_s = min(found["to_s"], int(now.timestamp()))
    from_s = max(found["from_s"], to_s - int(_LONGEST.total_seconds()))
    if to_s <= from_s:
        return None
    return Window(datetime.fromtimestamp(from_s, UTC), datetime.fromtimestamp(to_s, UTC), slack)


def judged_over(
    spark: SparkSession, arguments: IngestArguments, table: FlowTable, labels: LabelTables,
    names: Mapping[str, str | None], told: Mapping[str, set[PeerKey]], window: Window, *,
    scratch: str, run_id: str, now: datetime,
) -> Iterator[JudgedInstance]:  # fmt: skip
    """Judge each of these instances over the window; raises BadInput where the table has nothing.

    `told` has what each was told of. Everything is read from the table, the objects once for all.
    """
    case = _case(spark, arguments, table, labels, names, window, scratch, run_id, now)
    size = sum(item.size for item in case.listing.selected)
    with for_few_rows(spark, size <= _SMALL_BYTES):
        for each, scan, phases in scanned_once(spark, cases_of(case), Phases()):
            (instance_id,) = each.arguments.instance_ids
            yield _judged(spark, each, scan, phases, told[instance_id])
            forget_tables(spark, map(each.arguments.table, SHAPES))


def _case(
    spark: SparkSession, arguments: IngestArguments, table: FlowTable, labels: LabelTables,
    names: Mapping[str, str | None], window: Window, scratch: str, run_id: str, now: datetime,
) -> Case:  # fmt: skip
    """The case that `trace_instance --flow_table` would make of all these instances."""
    parsed = parse_arguments([
        "--flow_table", table.uri, "--instance_id", ",".join(names), "--one_case_each", "true",
        "--case_id", "watch", "--output", scratch,
        "--from", window.from_at.isoformat(), "--to", window.to_at.isoformat(),
        "--baseline_days", str(BASELINE_DAYS), "--max_hops", str(_MAX_HOPS),
    ])  # fmt: skip
    of_reading = {each.name: getattr(arguments, each.name) for each in fields(ReadingArguments)}
    given = replace(parsed, window=window, labels=arguments.labels, **of_reading)
    listing, before = listed_by(table, window, baseline_window(given), access=arguments.access)
    runs = table.runs()
    return Case(
        arguments=given,
        prefixes=(),
        labels=labels,
        subject=resolve_subject(given.instance_ids, (), (), None, labels),
        listing=_readable(spark, table, runs, listing),
        baseline_listing=_readable(spark, table, runs, before),
        run_id=run_id,
        started_at=now,
        instance_names={each: name for each, name in names.items() if name},
    )


def _readable(
    spark: SparkSession, table: FlowTable, runs: Sequence[IngestRun], listing: Listing
) -> Listing:
    """Without the objects that the table could not read: a case would try them as text."""
    unreadable = table.rows(spark, "objects", runs).where("outcome = 'unreadable'").select("uri")
    uris = {row["uri"] for row in unreadable.distinct().collect()}
    doubtful = [item for item in listing.objects if item.uri in uris]
    if not doubtful:
        return listing
    lost = {item.uri for item in doubtful} - stored_uris(table, runs, doubtful)
    return listing._replace(objects=tuple(i for i in listing.objects if i.uri not in lost))


def _judged(
    spark: SparkSession, case: Case, scan: ScanResult | None, phases: Phases, told: set[PeerKey]
) -> JudgedInstance:
    (instance_id,) = case.arguments.instance_ids
    found = JudgedInstance(
        instance_id=instance_id,
        name=case.instance_names.get(instance_id),
        window=case.arguments.window,
        coverage=None,
    )
    window = read_window(spark, case, phases, scan=scan)
    if window.books.flows:
        judged = judge_peers(spark, case, phases, window=window)
        new = [row for row in rows_to_tell(judged.tables.peers) if key_of(row) not in told]
        found = replace(
            found,
            coverage=str(judge_slots(case, found=judged.slots).judged.verdict),
            rows=tuple(new[:_MOST_ROWS]),
            left_out=max(len(new) - _MOST_ROWS, 0),
        )
        judged.release()
    window.release()
    return found


def rows_to_tell(peers: DataFrame) -> list[dict[str, Any]]:
    """The rows of `peers` to tell, in order of time. Times are UTC, whatever this process has."""
    seconds = {name: F.unix_timestamp(name).alias(name) for name in ("first_at", "last_at")}
    rows = peers.where(_TOLD).select(*_SHOWN, *seconds.values())
    return [
        {
            **row.asDict(),
            **{name: datetime.fromtimestamp(row[name], UTC) for name in seconds},
        }
        for row in rows.orderBy("first_at", "peer", "service_port", "protocol").collect()
    ]
