"""A scan from a flow table: rows of `SCANNED` of the objects that the table has read already."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.data_files import flows_with
from jobs.flow_table.tables import FlowTable, IngestRun, day_in
from jobs.sources.listing import FlowLogObject
from jobs.spark.frames import frame_of, union_of
from jobs.storage.delta_log import DataFile
from jobs.storage.delta_sink import shaped
from transforms.flow_table import matching
from transforms.flow_table.shapes import day_of
from transforms.scan.tally import TRANSIT
from transforms.schemas import OBJECT_COLUMNS, OBJECTS, SCANNED
from transforms.subject.identity import Subject
from transforms.window import Window

logger = logging.getLogger(__name__)

_SEEN = ("uri", "etag", "outcome", "run_id")


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """The part of a reading that a flow table has: which objects, of which days.

    `objects` have the account of each and the run that read it; they are kept in memory. `files`
    are the data files of `flows` of these days, `transit` and `refused` the rows of these tables,
    None where no object has any. All are as they were then: what is merged or deleted later stays
    on the disk for as long as a case takes.
    """

    table: FlowTable
    runs: tuple[IngestRun, ...]
    uris: frozenset[str]
    objects: DataFrame
    days: frozenset[date]
    files: tuple[DataFile, ...]
    transit: DataFrame | None
    refused: DataFrame | None

    def of_objects(self, rows: DataFrame) -> DataFrame:
        """Of the rows of a table those of these objects that the run wrote which counts."""
        readers = self.objects.select(F.col("uri").alias("object_uri"), "run_id")
        return rows.join(F.broadcast(readers), on=["object_uri", "run_id"])


def stored_uris(
    table: FlowTable, runs: Sequence[IngestRun], objects: Sequence[FlowLogObject]
) -> frozenset[str]:
    """Which of these objects the table has, as they are listed now; without Spark.

    What an ingest could not read is not among them: it is tried again.
    """
    return frozenset(_stored(table, runs, objects, _SEEN)["uri"].to_pylist())


def stored_part(
    spark: SparkSession, table: FlowTable, objects: Sequence[FlowLogObject]
) -> StoredPart:
    """What the table has of these objects, as they are listed now.

    Runs, then rows, then objects: an ingest adds them the other way round, and takes objects away
    first, so that all rows are there of an object that is found here.
    """
    runs = tuple(table.runs())
    days = frozenset(map(day_of_object, objects))
    files = tuple(file for file in table.files("flows") if day_in(file) in days)
    transit, refused = (_lines(spark, table, name, runs, days) for name in ("transit", "refused"))
    found = _stored(table, runs, objects, OBJECT_COLUMNS)
    has_transit = pc.any(pc.equal(found["outcome"], TRANSIT)).as_py()
    has_refused = pc.any(pc.greater(found["refused_lines"], 0)).as_py()
    return StoredPart(
        table=table,
        runs=runs,
        uris=frozenset(found["uri"].to_pylist()),
        objects=frame_of(spark, found, OBJECTS).persist(),
        days=days,
        files=files,
        transit=transit if has_transit else None,
        refused=refused if has_refused else None,
    )


def _lines(
    spark: SparkSession, table: FlowTable, name: str, runs: Sequence[IngestRun],
    days: frozenset[date],
) -> DataFrame | None:  # fmt: skip
    """The rows of a table that few days have rows in; None where these have none."""
    if not any(day_in(file) in days for file in table.files(name)):
        return None
    return table.rows(spark, name, runs).where(F.col("day").isin(sorted(days)))


def _stored(
    table: FlowTable, runs: Sequence[IngestRun], objects: Sequence[FlowLogObject],
    columns: Sequence[str],
) -> pa.Table:  # fmt: skip
    """Rows of the table's `objects`: same place and same etag as listed, of complete runs.

    What an ingest could not read is not among them: it is tried again.
    """
    found = table.rows_of_days("objects", {day_of_object(item) for item in objects}, columns)
    counts = pc.and_(_of_runs(found, runs), pc.not_equal(found["outcome"], "unreadable"))
    rows = found.filter(counts)
    listed = {(item.uri, item.etag) for item in objects}
    pairs = zip(rows["uri"].to_pylist(), rows["etag"].to_pylist(), strict=True)
    return rows.filter(pa.array([pair in listed for pair in pairs], pa.bool_()))


def _of_runs(rows: pa.Table, runs: Sequence[IngestRun]) -> pa.ChunkedArray:
    """Which rows one of these runs wrote."""
    return pc.is_in(rows["run_id"], value_set=pa.array([run.run_id for run in runs], pa.string()))


def day_of_object(item: FlowLogObject) -> date:
    """The day of the table that the rows of an object lie under."""
    return day_of(item.path, item.last_modified.date())


class StoredRows(NamedTuple):
    """Rows of `SCANNED` of a subject; `octets` are those of index and data files read for them.

    `held` are frames in memory that the rows are made from.
    """

    rows: DataFrame
    held: tuple[DataFrame, ...]
    octets: int


def stored_scan(
    spark: SparkSession, part: StoredPart, subject: Subject, window: Window
) -> StoredRows:
    """The stored records and refused lines that may concern the subject, and every account."""
    values = [*subject.instance_ids, *subject.interface_ids, *subject.addresses]
    flows, octets = _flows_with(spark, part, values)
    times = [flows.select("object_uri", "start", "end")]
    frames = [matching.records_of(flows, window)]
    if part.transit is not None:
        transit = part.of_objects(part.transit).where(matching.passes(values))
        seconds = {name: F.col("transit")[name].cast("BIGINT") for name in ("start", "end")}
        transit = transit.withColumns(seconds)
        times.append(transit.select("object_uri", "start", "end"))
        frames.append(matching.transit_of(transit, window))
    refused = None
    if part.refused is not None:
        refused = matching.refused_for(part.of_objects(part.refused), subject.needles())
        frames.append(matching.refusals_of(refused))
    matched = matching.counted(union_of(times), window)
    frames.append(matching.accounts_for(part.objects, matched, refused))
    rows = union_of([shaped(frame, SCANNED) for frame in frames])
    return StoredRows(rows, (flows,), octets)


def _flows_with(
    spark: SparkSession, part: StoredPart, values: Sequence[str]
) -> tuple[DataFrame, int]:
    """The flow records that name one of these, in memory, and the octets that were read for them:
    of the index of these days and of the files that it led to.
    """
    files, index = _files_with(part, values)
    found = flows_with(spark, part.table, files, values)
    flows = part.of_objects(found).persist()
    return flows, sum(file.octets for file in (*index, *files))


def _files_with(part: StoredPart, values: Sequence[str]) -> tuple[list[DataFile], list[DataFile]]:
    """The data files that may hold these values, and the files of the index that say so.

    A file that the index does not know, as one that was just rewritten, or whose day was merged or
    deleted meanwhile, may hold anything. A merge adds a file to `files` after its addresses, and
    takes it away before them: the index knows a file that is in `files` before and after.
    """
    table, wanted_values = part.table, pa.array(values, pa.string())

    def of_days(name: str, bounded: str | None = None) -> list[DataFile]:
        return [file for file in table.files(name, bounded) if day_in(file) in part.days]

    def known_in(files: Sequence[DataFile]) -> set[str]:
        rows = table.read("files", files, ("file", "run_id"))
        return set(rows.filter(_of_runs(rows, part.runs))["file"].to_pylist())

    def chosen(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.is_in(rows["address"], value_set=wanted_values))

    before = of_days("files")
    known = known_in(before)
    addresses = [file for file in of_days("addresses", "address") if file.may_hold(values)]
    rows = table.read("addresses", addresses, ("address", "file", "run_id"), chosen)
    hits = set(rows.filter(_of_runs(rows, part.runs))["file"].to_pylist())
    after = of_days("files")
    if after != before:
        known &= known_in(after)
    wanted = [file for file in part.files if file.name in hits or file.name not in known]
    logger.info("flow table files=%d of=%d", len(wanted), len(part.files))
    return wanted, [*of_days("objects"), *before, *addresses]
