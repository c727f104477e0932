"""What keeps a flow table small and quick: old days leave it, and many small files become few.

A day is rewritten when it is over, and again when many late objects have come. What was replaced or
deleted stays on the disk for a week, for whoever is reading it; a case has its evidence in tables
of its own and needs nothing of it.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.errors import Failure
from jobs.evidence.case_lock import CaseLock
from jobs.flow_table.index import index_files
from jobs.flow_table.rewrite import rewrite
from jobs.flow_table.sorted_files import file_writer
from jobs.flow_table.tables import FlowTable, IngestRun, day_in
from jobs.sources.side_rows import SIDE_ROWS, remove_below
from jobs.spark.session import setting
from jobs.storage.delta_log import DataFile
from jobs.storage.delta_sink import delete_rows, delta_table
from jobs.storage.object_store import place_of
from transforms.flow_table.pieces import is_in_pieces
from transforms.flow_table.shapes import SHAPES, rows_of_file

logger = logging.getLogger(__name__)

_BY_DAY = tuple(name for name in SHAPES if name != "runs")
_AS_THEY_COME = ("objects", "refused", "transit")  # not sorted: merged as they lie


class Upkeep(NamedTuple):
    """What was tidied: days that left the table, days that were merged and their files of flows."""

    days_deleted: int = 0
    days_merged: int = 0
    files_before: int = 0
    files_after: int = 0

    def sentence(self) -> str | None:
        """As it stands in the summary; None where nothing was to be done."""
        told = []
        if self.days_deleted:
            told.append(f"{_days(self.days_deleted)} deleted")
        if self.days_merged:
            told.append(
                f"{_days(self.days_merged)} merged: {self.files_before:,} files became "
                f"{self.files_after:,}"
            )
        return "; ".join(told) or None


NOTHING = Upkeep()


class RowsLost(Failure):
    """A day that was merged has not the rows that it had."""


class _Day(NamedTuple):
    day: date
    files: list[DataFile]

    @property
    def flows(self) -> int:
        return sum(file.rows for file in self.files)


def keep_up(
    spark: SparkSession,
    table: FlowTable,
    lock: CaseLock,
    run_id: str,
    *,
    keep_from: date | None,
    merge_until: date,
) -> Upkeep:
    """Delete days before `keep_from`, and merge those before `merge_until` that are in pieces.

    Only for the run that holds the table's lock, once it is complete. Raises RowsLost.
    """
    touched: set[str] = set()
    deleted = 0
    if keep_from is not None:
        deleted, touched = _delete_before(spark, table, lock, keep_from)
    in_pieces = _in_pieces(table, merge_until)
    runs = table.runs() if in_pieces else []
    try:
        after = sum(_merge(spark, table, lock, runs, run_id, each) for each in in_pieces)
    finally:
        remove_below(place_of(table.table(SIDE_ROWS)))
    if in_pieces:
        touched |= _merge_others(spark, table, [each.day for each in in_pieces])
        touched |= {"flows", "files", "addresses"}
    _vacuum(spark, [table.table(name) for name in sorted(touched)])
    before = sum(len(each.files) for each in in_pieces)
    return Upkeep(deleted, len(in_pieces), before, after)


def _delete_before(
    spark: SparkSession, table: FlowTable, lock: CaseLock, first: date
) -> tuple[int, set[str]]:
    """Whole partitions: no file is rewritten; how many days, and of which tables.

    Objects first: no case may find an object in the table whose flows have left it. What a killed
    run leaves of the other tables is deleted by the next.
    """
    touched, days = set(), set()
    for name in sorted(_BY_DAY, key=lambda name: name != "objects"):
        old = {day for file in table.files(name) if (day := day_in(file)) < first}
        if old:
            lock.check()
            delete_rows(spark, table.table(name), F.col("day") < F.lit(first))
            touched.add(name)
            days |= old
    return len(days), touched


def _in_pieces(table: FlowTable, until: date) -> list[_Day]:
    """Days whose flows are in many pieces, or in other files than the index has.

    By the logs alone, so that a table does not get slower with the days that it has.
    """
    of_day: dict[date, list[DataFile]] = {}
    for file in table.files("flows"):
        if (day := day_in(file)) < until:
            of_day.setdefault(day, []).append(file)
    indexed = Counter[date]()
    for file in table.files("files"):
        indexed[day_in(file)] += file.rows
    found = []
    for day, files in sorted(of_day.items()):
        rows = sum(file.rows for file in files)
        if is_in_pieces([file.name for file in files], rows) or len(files) != indexed[day]:
            found.append(_Day(day, files))
    return found


def _merge(
    spark: SparkSession, table: FlowTable, lock: CaseLock, runs: list[IngestRun], run_id: str,
    each: _Day,
) -> int:  # fmt: skip
    """Write the flows of a day anew, in order, and index them; how many files they are in now.

    Between the steps the new files are unknown to the index, so that a case opens all of them.
    """
    complete = pa.array([run.run_id for run in runs], pa.string())

    def chosen(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.is_in(rows["run_id"], value_set=complete))

    flows = table.table("flows")
    writer = file_writer(spark, table, rows_of_file(each.flows), run_id)
    old = [(file.uri_in(flows), file.octets, each.day) for file in each.files]
    written = rewrite(spark, old, writer, chosen)
    has = sum(file.flows for file in written.files)
    if has != each.flows:
        raise RowsLost(
            f"{flows}: found {has:,} rows of {each.day} when its files were merged; expected "
            f"{each.flows:,}; the table is as it was; run it again with --verbose true"
        )
    lock.check()
    table.commit(spark, "flows", [file.new_file for file in written.files], each.files)
    for name in ("files", "addresses"):
        delete_rows(spark, table.table(name), F.col("day") == F.lit(each.day))
    index_files(spark, table, written, run_id)
    return len(written.files)


def _merge_others(spark: SparkSession, table: FlowTable, days: Iterable[date]) -> set[str]:
    """The small tables, as they lie; returns their names."""
    found = {name for name in _AS_THEY_COME if table.has(name)}
    where = f"day IN ({', '.join(repr(day.isoformat()) for day in days)})"
    for name in found:
        delta_table(spark, table.table(name)).optimize().where(where).executeCompaction()
    return found


def _vacuum(spark: SparkSession, uris: Sequence[str]) -> None:
    """Remove what no version of the last week needs. Delta lists in 10,000 tasks unless told."""
    tasks = spark.sparkContext.defaultParallelism
    with setting(spark, "spark.sql.sources.parallelPartitionDiscovery.parallelism", str(tasks)):
        for uri in uris:
            delta_table(spark, uri).vacuum()


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"
