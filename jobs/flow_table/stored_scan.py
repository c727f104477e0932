"""A scan from a flow table: rows of `SCANNED` of the objects that the table has read already."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.sources.listing import FlowLogObject
from jobs.spark.session import setting
from jobs.storage.delta_sink import read_table
from transforms.flow_fields import FIELD_NAMES
from transforms.flow_table import matching
from transforms.flow_table.shapes import SHAPES, day_of
from transforms.subject.identity import Subject
from transforms.window import Window

logger = logging.getLogger(__name__)

# Parquet looks into its dictionaries for up to so many values; for more it compares the extremes.
_LOOKED_UP = "10000"


_SOURCE = ("object_uri", "object_version", "object_line", "run_id")


@dataclass(frozen=True, kw_only=True)
class StoredPart:
    """The part of a reading that a flow table has: which objects, and what it took to find them.

    `objects` have the account of each and the run that read it. `held` are frames in memory.
    """

    table: FlowTable
    runs: tuple[IngestRun, ...]
    uris: frozenset[str]
    objects: DataFrame
    days: tuple[date, ...]
    held: tuple[DataFrame, ...]


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
    return StoredPart(
        table=table,
        runs=runs,
        uris=frozenset(row["uri"] for row in found.select("uri").collect()),
        objects=found,
        days=tuple(sorted({_day(item) for item in objects})),
        held=(found,),
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


def stored_scan(
    spark: SparkSession, part: StoredPart, subject: Subject, window: Window
) -> tuple[DataFrame, tuple[DataFrame, ...], int]:
    """Rows of `SCANNED` of the stored objects that concern the subject, and their accounts.

    Also the frames that this keeps in memory, and how many octets of data files are opened.
    """
    values = [*subject.instance_ids, *subject.interface_ids, *subject.addresses]
    of_objects = part.objects.select(F.col("uri").alias("object_uri"), "run_id")
    pairs = F.broadcast(of_objects)
    paths, octets = _files_with(spark, part, values)
    with setting(spark, "spark.sql.parquet.pushdown.inFilterThreshold", _LOOKED_UP):
        flows = (
            spark.read.schema(_schema_in_files(spark))
            .parquet(*paths)
            .where(matching.concerns(values))
            .select(*_SOURCE, *FIELD_NAMES, "extra")
            .join(pairs, on=["object_uri", "run_id"])
            .persist()
            if paths
            else spark.createDataFrame([], SHAPES["flows"])
        )
        flows.count()  # while the setting holds
    transit = (
        _of_days(spark, part, "transit")
        .where(matching.passes(values))
        .join(pairs, on=["object_uri", "run_id"])
        .withColumns({name: F.col("transit")[name].cast("BIGINT") for name in ("start", "end")})
    )
    refused = matching.refused_for(
        _of_days(spark, part, "refused").join(pairs, on=["object_uri", "run_id"]),
        subject.needles(),
    )
    matched = matching.counted(
        flows.select("object_uri", "start", "end").unionByName(
            transit.select("object_uri", "start", "end")
        ),
        window,
    )
    frames = [
        matching.records_of(flows, window),
        matching.transit_of(transit, window),
        matching.refusals_of(refused),
        matching.accounts_for(part.objects, matched, refused),
    ]
    scanned = frames[0]
    for frame in frames[1:]:
        scanned = scanned.unionByName(frame)
    return scanned, (flows,), octets


def _of_days(spark: SparkSession, part: StoredPart, name: str) -> DataFrame:
    return part.table.rows(spark, name, part.runs).where(F.col("day").isin(list(part.days)))


def _schema_in_files(spark: SparkSession) -> str:
    """The columns of a data file: the partition is in its folder's name only."""
    return SHAPES["flows"].rsplit("day DATE", 1)[0].rstrip().rstrip(",")


def _files_with(
    spark: SparkSession, part: StoredPart, values: Sequence[str]
) -> tuple[list[str], int]:
    """The data files that may hold these values, and the octets of those whose size is known.

    A file that the index does not know, as one that was just rewritten, may hold anything.
    """
    if not part.table.has("flows"):
        return [], 0
    in_days = F.col("day").isin(list(part.days))
    everything = read_table(spark, part.table.table("flows")).where(in_days).inputFiles()
    known = {
        row["file"]: row["octets"]
        for row in _of_days(spark, part, "files").select("file", "octets").collect()
    }
    hits = {
        row["file"]
        for row in _of_days(spark, part, "addresses")
        .where(F.col("address").isin(list(values)))
        .select("file")
        .distinct()
        .collect()
    }
    paths = [unquote(path) for path in everything]
    wanted = [path for path in paths if _name(path) in hits or _name(path) not in known]
    octets = sum(known.get(_name(path), 0) for path in wanted)
    logger.info("flow table files=%d of=%d bytes=%d", len(wanted), len(paths), octets)
    return wanted, octets


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
