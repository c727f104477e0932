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
from jobs.spark.frames import union_of
from jobs.storage.delta_log import DataFile
from jobs.storage.delta_sink import shaped
from transforms.flow_table import matching
from transforms.flow_table.shapes import day_of
from transforms.scan.tally import TRANSIT
from transforms.schemas import SCANNED
from transforms.subject.identity import Subject
from transforms.window import Window

logger = logging.getLogger(__name__)

_SEEN = ("uri", "etag", "outcome", "run_id")
_INDEX = ("objects", "files", "addresses")


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
    found = table.rows_of_days("objects", {day_of_object(item) for item in objects}, _SEEN)
    complete = pa.array([run.run_id for run in runs], pa.string())
    counts = pc.and_(
        pc.is_in(found["run_id"], value_set=complete),
        pc.fill_null(pc.not_equal(found["outcome"], "unreadable"), True),
    )
    rows = found.filter(counts)
    seen = set(zip(rows["uri"].to_pylist(), rows["etag"].to_pylist(), strict=True))
    return frozenset(item.uri for item in objects if (item.uri, item.etag) in seen)


def stored_part(
    spark: SparkSession, table: FlowTable, objects: Sequence[FlowLogObject]
) -> StoredPart:
    """What the table has of these objects, as they are listed now.

    Runs, then rows, then objects: an ingest adds them the other way round, and takes objects away
    first, so that all rows are there of an object that is found here.
    """
    runs = tuple(table.runs(spark))
    days = frozenset(map(day_of_object, objects))
    files = tuple(file for file in table.files("flows") if day_in(file) in days)
    in_days = F.col("day").isin(sorted(days))
    transit, refused = (
        table.rows(spark, name, runs).where(in_days) for name in ("transit", "refused")
    )
    found = _stored(spark, table, runs, objects).persist()
    rows = found.select("uri", "outcome", "refused_lines").collect()
    return StoredPart(
        table=table,
        runs=runs,
        uris=frozenset(row["uri"] for row in rows),
        objects=found,
        days=days,
        files=files,
        transit=transit if any(row["outcome"] == TRANSIT for row in rows) else None,
        refused=refused if any(row["refused_lines"] for row in rows) else None,
    )


def _stored(
    spark: SparkSession,
    table: FlowTable,
    runs: Sequence[IngestRun],
    objects: Sequence[FlowLogObject],
) -> DataFrame:
    """Rows of the table's `objects`: same place and same etag as listed.

    What an ingest could not read is not among them: it is tried again.
    """
    listed = [(item.uri, item.etag) for item in objects]
    wanted = spark.createDataFrame(listed, "uri STRING, listed_etag STRING")
    return (
        table.rows(spark, "objects", runs)
        .where(F.col("day").isin(sorted({day_of_object(item) for item in objects})))
        .where("outcome <> 'unreadable'")
        .join(wanted, on="uri")
        .where("etag <=> listed_etag")
        .drop("listed_etag")
    )


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
    files = _files_with(spark, part, values)
    found = flows_with(spark, part.table, files, values)
    flows = part.of_objects(found).persist()
    index = [
        file for name in _INDEX for file in part.table.files(name) if day_in(file) in part.days
    ]
    return flows, sum(file.octets for file in (*index, *files))


def _of_days(spark: SparkSession, part: StoredPart, name: str) -> DataFrame:
    return part.table.rows(spark, name, part.runs).where(F.col("day").isin(list(part.days)))


def _files_with(spark: SparkSession, part: StoredPart, values: Sequence[str]) -> list[DataFile]:
    """The data files that may hold these values.

    A file that the index does not know, as one that was just rewritten, or whose day was merged or
    deleted meanwhile, may hold anything.
    """
    known = {row["file"] for row in _of_days(spark, part, "files").select("file").collect()}
    hits = {
        row["file"]
        for row in _of_days(spark, part, "addresses")
        .where(F.col("address").isin(list(values)))
        .select("file")
        .distinct()
        .collect()
    }
    wanted = [file for file in part.files if file.name in hits or file.name not in known]
    logger.info("flow table files=%d of=%d", len(wanted), len(part.files))
    return wanted
