"""A scan from a flow table: rows of `SCANNED` of the objects that the table has read already."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.data_files import DataFile, flows_with
from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.sources.listing import FlowLogObject
from jobs.spark.frames import union_of
from jobs.storage.delta_log import CurrentFile, DeltaLog
from jobs.storage.delta_sink import shaped
from transforms.flow_table import matching
from transforms.flow_table.shapes import day_of
from transforms.scan.tally import TRANSIT
from transforms.schemas import SCANNED
from transforms.subject.identity import Subject
from transforms.window import Window

logger = logging.getLogger(__name__)

_INDEX = ("objects", "files", "addresses")


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """The part of a reading that a flow table has: which objects, of which days.

    `objects` have the account of each and the run that read it; they are kept in memory.
    """

    table: FlowTable
    runs: tuple[IngestRun, ...]
    uris: frozenset[str]
    objects: DataFrame
    days: tuple[date, ...]
    has_transit: bool
    has_refused: bool

    def readers(self) -> DataFrame:
        """`object_uri` and the `run_id` whose rows of it count."""
        return self.objects.select(F.col("uri").alias("object_uri"), "run_id")


def stored_uris(
    spark: SparkSession,
    table: FlowTable,
    runs: Sequence[IngestRun],
    objects: Sequence[FlowLogObject],
) -> frozenset[str]:
    """Which of these objects the table has, as they are listed now."""
    found = _stored(spark, table, runs, objects).select("uri").collect()
    return frozenset(row["uri"] for row in found)


def stored_part(
    spark: SparkSession, table: FlowTable, objects: Sequence[FlowLogObject]
) -> StoredPart:
    """What the table has of these objects, as they are listed now."""
    runs = tuple(table.runs(spark))
    found = _stored(spark, table, runs, objects).persist()
    rows = found.select("uri", "outcome", "refused_lines").collect()
    return StoredPart(
        table=table,
        runs=runs,
        uris=frozenset(row["uri"] for row in rows),
        objects=found,
        days=tuple(sorted({_day(item) for item in objects})),
        has_transit=any(row["outcome"] == TRANSIT for row in rows),
        has_refused=any(row["refused_lines"] for row in rows),
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
        .where(F.col("day").isin(sorted({_day(item) for item in objects})))
        .where("outcome <> 'unreadable'")
        .join(wanted, on="uri")
        .where("etag <=> listed_etag")
        .drop("listed_etag")
    )


def _day(item: FlowLogObject) -> date:
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
    if part.has_transit:
        transit = _of_part(spark, part, "transit").where(matching.passes(values))
        seconds = {name: F.col("transit")[name].cast("BIGINT") for name in ("start", "end")}
        transit = transit.withColumns(seconds)
        times.append(transit.select("object_uri", "start", "end"))
        frames.append(matching.transit_of(transit, window))
    refused = None
    if part.has_refused:
        refused = matching.refused_for(_of_part(spark, part, "refused"), subject.needles())
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
    found = flows_with(spark, files, values)
    flows = found.join(F.broadcast(part.readers()), on=["object_uri", "run_id"]).persist()
    of_index = sum(_octets_of(part, name) for name in _INDEX)
    return flows, of_index + sum(file.octets for file in files)


def _of_part(spark: SparkSession, part: StoredPart, name: str) -> DataFrame:
    """The rows of a table that are of the part's objects."""
    rows = _of_days(spark, part, name)
    return rows.join(F.broadcast(part.readers()), on=["object_uri", "run_id"])


def _of_days(spark: SparkSession, part: StoredPart, name: str) -> DataFrame:
    return part.table.rows(spark, name, part.runs).where(F.col("day").isin(list(part.days)))


def _files_with(spark: SparkSession, part: StoredPart, values: Sequence[str]) -> list[DataFile]:
    """The data files that may hold these values.

    A file that the index does not know, as one that was just rewritten, may hold anything. The log
    is read before the index: what is merged meanwhile is unknown to it, and stays on the disk.
    """
    if not part.table.has("flows"):
        return []
    uri = part.table.table("flows")
    files = {
        file.path.rsplit("/", 1)[-1]: DataFile(f"{uri}/{unquote(file.path)}", file.octets)
        for file in _current(part, "flows")
    }
    known = {row["file"] for row in _of_days(spark, part, "files").select("file").collect()}
    hits = {
        row["file"]
        for row in _of_days(spark, part, "addresses")
        .where(F.col("address").isin(list(values)))
        .select("file")
        .distinct()
        .collect()
    }
    wanted = [file for name, file in sorted(files.items()) if name in hits or name not in known]
    logger.info("flow table files=%d of=%d", len(wanted), len(files))
    return wanted


def _octets_of(part: StoredPart, name: str) -> int:
    return sum(file.octets for file in _current(part, name))


def _current(part: StoredPart, name: str) -> list[CurrentFile]:
    """The files of a table that are of the part's days."""
    if not part.table.has(name):
        return []
    days = {day.isoformat() for day in part.days}
    found = DeltaLog(part.table.table(name)).current_files()
    return [file for file in found if file.partition["day"] in days]
