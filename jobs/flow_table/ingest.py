"""One ingest: what is new under the prefixes → rows of the flow table, each object once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.cli.ingest_arguments import IngestArguments
from jobs.errors import ExitCode
from jobs.evidence.case_lock import CaseLock
from jobs.flow_table.additions import add_rows, complete_run, of_run
from jobs.flow_table.books import IngestBooks
from jobs.flow_table.fill import write_flows
from jobs.flow_table.index import index_files
from jobs.flow_table.rewrite import without_objects
from jobs.flow_table.run_manifest import store_manifest
from jobs.flow_table.sorted_files import file_writer
from jobs.flow_table.stored_scan import stored_uris
from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.flow_table.upkeep import NOTHING, Upkeep, keep_up
from jobs.sources.labels import as_lookups
from jobs.sources.listing import FlowLogObject, as_object_row
from jobs.sources.object_scan import of_read_objects, scan_settings
from jobs.sources.side_rows import SIDE_ROWS, SideRows
from jobs.spark.phases import Phases
from transforms.flow_table.shapes import day_of, rows_a_file
from transforms.label.tables import LabelTables
from transforms.scan.tally import TRANSIT
from transforms.schemas import ACCOUNT_COLUMNS, OBJECT_COLUMNS

# After midnight: what is delivered late has come, but for few objects.
_DAY_IS_OVER = timedelta(hours=2)
_SUMMED = "lines header_lines blank_lines parsed_lines refused_lines out_of_window_lines".split()


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
    runs = table.runs()
    table.forget_incomplete(spark, runs)
    selected = [item for item in objects if item.skipped is None]
    with phases.phase("compare"):
        before = stored_uris(table, runs, selected)
        new = [item for item in selected if item.uri not in before]
    counts = {
        "listed": len(objects), "skipped": len(objects) - len(selected),
        "stored_before": len(before),
    }  # fmt: skip
    if not new:
        return Ingested(run=None, books=IngestBooks(**counts), runs_before=len(runs))
    with phases.phase("scan, label and write"):
        _write(spark, arguments, table, labels, new, run_id)
    with phases.phase("count"):
        books = IngestBooks(**counts, **_counted(table, run_id))
    if not books.balanced:  # no case may rely on it: the next run deletes it and reads again
        return Ingested(run=None, books=books, runs_before=len(runs))
    with phases.phase("complete"):
        run = _described(arguments, table, books, runs, run_id=run_id, began_at=now)
        lock.check()
        complete_run(spark, table, run)
    with phases.phase("upkeep"):
        upkeep = keep_up(
            spark, table, lock, run_id, keep_from=arguments.keep_from,
            merge_until=(arguments.window.to_at - _DAY_IS_OVER).date(),
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
    """The rows of all tables, in one pass over the objects; `files` last, which says that all of a
    file is in `addresses`.
    """
    settings = scan_settings(arguments, arguments.everything, None)
    side = SideRows(spark.sparkContext, table.table(SIDE_ROWS))
    octets = sum(item.size for item in objects)
    writer = file_writer(spark, table, rows_a_file(octets), run_id)
    try:
        written = write_flows(
            spark, objects, settings, as_lookups(spark, labels), side, writer, run_id
        )
        if withdrawn := side.withdrawn():
            written = without_objects(spark, written, writer, withdrawn)
        table.commit(spark, "flows", [file.new_file for file in written.files])
        listed = _with_accounts(objects, side.accounts(), run_id)
        add_rows(spark, table, "objects", listed)
        _append_lines(spark, table, side, listed, run_id)
        index_files(spark, table, written, run_id)
    finally:
        side.remove()


def _with_accounts(objects: Sequence[FlowLogObject], accounts: pa.Table, run_id: str) -> pa.Table:
    """Rows of the table `objects`: those that have an account."""
    columns = [pa.array(cells) for cells in zip(*map(as_object_row, objects), strict=True)]
    listed = pa.table(columns, names=OBJECT_COLUMNS[: len(columns)])
    days = [day_of(item.path, item.last_modified.date()) for item in objects]
    listed = listed.append_column("day", pa.array(days))
    accounts = accounts.filter(pc.is_in(accounts["uri"], value_set=listed["uri"]))
    found = listed.take(pc.index_in(accounts["uri"], value_set=listed["uri"]))
    for name in ACCOUNT_COLUMNS:
        found = found.append_column(name, accounts[name])
    return of_run(found, run_id)


def _append_lines(
    spark: SparkSession, table: FlowTable, side: SideRows, objects: pa.Table, run_id: str
) -> None:
    """Refused lines and records of transit gateways, where there are any."""
    has_refused = _sum(objects["refused_lines"]) > 0
    has_transit = pc.any(pc.equal(objects["outcome"], TRANSIT)).as_py()
    if not (has_refused or has_transit):
        return
    run = F.lit(run_id).alias("run_id")
    rows = zip(*(objects[name].to_pylist() for name in ("uri", "day")), strict=True)
    days = F.broadcast(spark.createDataFrame([*rows], "object_uri STRING, day DATE"))
    lines = of_read_objects(side.frame(spark)).join(days, on="object_uri")
    if has_refused:
        refused = lines.where("refused IS NOT NULL").select("*", "refused.*", run)
        table.append(refused, "refused")
    if has_transit:
        table.append(lines.where("transit IS NOT NULL").select("*", run), "transit")


def _counted(table: FlowTable, run_id: str) -> dict[str, int]:
    """Counts over what the run has written, as it lies in the table."""
    objects = table.rows_of_run(run_id, "objects", ("outcome", *_SUMMED, "in_window_lines"))
    outcomes = Counter(objects["outcome"].to_pylist())
    of_gateways = objects.filter(pc.equal(objects["outcome"], TRANSIT))
    files = table.rows_of_run(run_id, "files", ("flows",))
    return {
        "objects": len(objects),
        "unreadable": outcomes["unreadable"],
        "refused": outcomes["refused"],
        **{name: _sum(objects[name]) for name in _SUMMED},
        "flows": _sum(files["flows"]),
        "transit_lines": _sum(of_gateways["in_window_lines"]),
        "transit": len(table.rows_of_run(run_id, "transit", ("object_uri",))),
        "refused_rows": len(table.rows_of_run(run_id, "refused", ("object_uri",))),
    }


def _sum(numbers: pa.ChunkedArray) -> int:
    return int(pc.sum(numbers).as_py() or 0)
