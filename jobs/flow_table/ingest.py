"""One ingest: what is new under the prefixes → rows of the flow table, each object once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.ingest_arguments import IngestArguments
from jobs.errors import ExitCode
from jobs.evidence.case_lock import CaseLock
from jobs.flow_table.books import IngestBooks
from jobs.flow_table.index import index_files
from jobs.flow_table.run_manifest import store_manifest
from jobs.flow_table.stored_scan import stored_uris
from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.flow_table.upkeep import NOTHING, Upkeep, keep_up
from jobs.sources.labelled_scan import delete_refused, labelled_scan
from jobs.sources.labels import as_lookups
from jobs.sources.listing import OBJECT_ROW, FlowLogObject, as_object_row
from jobs.sources.object_scan import accounts_in, of_read_objects, scan_settings
from jobs.sources.side_rows import SIDE_ROWS, SideRows
from jobs.spark.phases import Phases
from transforms.flow_table.clustering import clustered
from transforms.flow_table.shapes import day_of, rows_a_file
from transforms.label.tables import LabelTables
from transforms.subject.identity import Subject

_NOBODY = Subject((), (), (), ())
# As stored, compressed: some million records make a task of the writes. Rows of one address lie
# together within a part, so that no task gets more of them, whatever a gateway sees in a day.
_OCTETS_A_TASK = 16 * 1024**2
_OCTETS_A_PART = 256 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """What a run did; `run` is None where nothing was new, or the books do not balance."""

    run: IngestRun | None
    books: IngestBooks
    runs_before: int
    upkeep: Upkeep = NOTHING

    def exit_code(self, *, strict: bool) -> ExitCode:
        """As `--help` explains it."""
        if not self.books.balanced:
            return ExitCode.UNBALANCED
        is_whole = not (self.books.unreadable or self.books.refused or self.books.refused_lines)
        return ExitCode.COMPLETE if is_whole or not strict else ExitCode.INCOMPLETE


def ingest(
    spark: SparkSession, arguments: IngestArguments, table: FlowTable, labels: LabelTables,
    objects: Sequence[FlowLogObject], lock: CaseLock, *, run_id: str, now: datetime,
    phases: Phases,
) -> Ingested:  # fmt: skip
    """Add the records of all listed objects that no complete run has read.

    Only for who holds the table's lock. Rows count when the run becomes complete, as its last step:
    one commit to `runs`. Whatever a killed run left is deleted by the next.
    """
    runs = table.runs(spark)
    table.forget_incomplete(spark, runs)
    selected = [item for item in objects if item.skipped is None]
    with phases.phase("compare"):
        before = stored_uris(spark, table, runs, selected)
        new = [item for item in selected if item.uri not in before]
    counts = {
        "listed": len(objects), "skipped": len(objects) - len(selected),
        "stored_before": len(before),
    }  # fmt: skip
    if not new:
        return Ingested(run=None, books=IngestBooks(**counts), runs_before=len(runs))
    with phases.phase("scan, label and write"):
        _write(spark, arguments, table, labels, new, run_id)
    with phases.phase("index"):
        index_files(spark, table, run_id)
    with phases.phase("count"):
        books = IngestBooks(**counts, **_counted(spark, table, run_id))
    if not books.balanced:  # no case may rely on it: the next run deletes it and reads again
        return Ingested(run=None, books=books, runs_before=len(runs))
    with phases.phase("complete"):
        run = _described(arguments, table, books, runs, run_id=run_id, began_at=now)
        lock.check()
        table.complete(spark, run)
    with phases.phase("upkeep"):
        upkeep = keep_up(
            spark, table, lock, run_id, keep_from=arguments.keep_from,
            merge_until=arguments.window.from_at.date(),
        )  # fmt: skip
    return Ingested(run=run, books=books, runs_before=len(runs), upkeep=upkeep)


def _described(
    arguments: IngestArguments, table: FlowTable, books: IngestBooks, runs: Sequence[IngestRun], *,
    run_id: str, began_at: datetime,
) -> IngestRun:  # fmt: skip
    """This run as the next of the table, with its manifest stored."""
    before = runs[-1] if runs else None
    number = before.number + 1 if before else 1
    digest = store_manifest(
        arguments, table, books, run_id=run_id, number=number, began_at=began_at, before=before
    )
    return IngestRun(
        run_id=run_id, number=number, began_at=began_at, objects=books.objects, flows=books.flows,
        manifest_sha256=digest,
    )  # fmt: skip


def _write(
    spark: SparkSession, arguments: IngestArguments, table: FlowTable, labels: LabelTables,
    objects: Sequence[FlowLogObject], run_id: str,
) -> None:  # fmt: skip
    """The rows of all tables but the index, in one pass over the objects."""
    listed = spark.createDataFrame(list(_with_day(objects)), f"{OBJECT_ROW}, day DATE, part INT")
    days = F.broadcast(listed.select(F.col("uri").alias("object_uri"), "day", "part"))
    settings = scan_settings(arguments, arguments.everything, None)
    side = SideRows(spark.sparkContext, table.table(SIDE_ROWS))
    try:
        records = labelled_scan(spark, objects, settings, as_lookups(spark, labels), _NOBODY, side)
        flows = records.join(days, on="object_uri").withColumn("run_id", F.lit(run_id))
        octets = sum(item.size for item in objects)
        tasks = max(spark.sparkContext.defaultParallelism, -(-octets // _OCTETS_A_TASK))
        in_order = clustered(flows, tasks, "part")
        table.append(in_order, "flows", rows_a_file=rows_a_file(octets))
        scanned = side.frame(spark)
        delete_refused(spark, table.table("flows"), scanned, run_id)
        _append_others(table, scanned, listed, days, run_id)
    finally:
        side.remove()


def _with_day(objects: Sequence[FlowLogObject]) -> Iterator[tuple[object, ...]]:
    """Rows for `OBJECT_ROW`, the day, and the part of the run that the object belongs to."""
    before = 0
    for item in objects:
        day = day_of(item.path, item.last_modified.date())
        yield (*as_object_row(item), day, before // _OCTETS_A_PART)
        before += item.size


def _append_others(
    table: FlowTable, scanned: DataFrame, listed: DataFrame, days: DataFrame, run_id: str
) -> None:
    """Objects; and refused lines and records of transit gateways, where there are any."""
    of_run = F.lit(run_id).alias("run_id")
    table.append(listed.join(accounts_in(scanned), on="uri").select("*", of_run), "objects")
    others = scanned.agg(
        F.count("refused").alias("refused"), F.count("transit").alias("transit")
    ).first()
    lines = of_read_objects(scanned).join(days, on="object_uri")
    if others and others["refused"]:
        refused = lines.where("refused IS NOT NULL").select("*", "refused.*", of_run)
        table.append(refused, "refused")
    if others and others["transit"]:
        table.append(lines.where("transit IS NOT NULL").select("*", of_run), "transit")


def _counted(spark: SparkSession, table: FlowTable, run_id: str) -> dict[str, int]:
    """Counts over what the run has written, as it lies in Delta."""
    stored = {
        name: table.all_rows(spark, name).where(F.col("run_id") == run_id)
        for name in ("objects", "files", "transit", "refused")
    }
    sums = "lines header_lines blank_lines parsed_lines refused_lines out_of_window_lines".split()
    told = (
        stored["objects"]
        .agg(
            F.count("*").alias("objects"),
            F.count_if(F.col("outcome") == "unreadable").alias("unreadable"),
            F.count_if(F.col("outcome") == "refused").alias("refused"),
            F.expr("coalesce(sum(IF(outcome = 'transit', in_window_lines, 0)), 0)").alias(
                "transit_lines"
            ),
            *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in sums),
        )
        .first()
    )
    in_files = stored["files"].agg(F.coalesce(F.sum("flows"), F.lit(0)).alias("flows")).first()
    assert told is not None
    assert in_files is not None
    return {
        **told.asDict(),
        **in_files.asDict(),
        "transit": stored["transit"].count(),
        "refused_rows": stored["refused"].count(),
    }
