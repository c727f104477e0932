"""The executor side of reading: each object scanned once, out as Arrow batches."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.cli.trace_flags import MAX_OBJECT_BYTES
from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import (
    Fetched,
    NotFetched,
    ObjectToRead,
    fetch_ahead,
    spooled,
)
from jobs.sources.scanned_rows import RowCollector, Source
from jobs.storage.object_store import Bucket, Place
from transforms.scan.inflate import MAX_RATIO
from transforms.scan.lines import ObjectScan
from transforms.scan.needles import Needle
from transforms.scan.object_key import parse_key, partitions_of
from transforms.schemas import SCANNED
from transforms.window import Window

_TO_READ = "bucket STRING, path STRING, etag STRING, size BIGINT, archived STRING"
# Of objects that their store did not give: patient enough for throttling to end.
_SECOND_TRY_AFTER_S, _BETWEEN_TRIES_S, _GIVE_UP_AFTER = 2.0, 0.1, 20
# A task takes this much, so that starting it is worth while.
_TASK_BYTES = 64 * 1024 * 1024
_TASK_OBJECTS = 4_000


class ScanSettings(NamedTuple):
    """What a scan looks for; travels to the executors. Without needles every line is taken."""

    needles: tuple[Needle, ...] | None
    window: Window
    max_line_bytes: int
    reads_in_flight: int
    record_format: tuple[str, ...] = ()
    max_ratio: int = MAX_RATIO
    max_object_bytes: int = MAX_OBJECT_BYTES


def scan_objects(
    spark: SparkSession, objects: Sequence[FlowLogObject], settings: ScanSettings
) -> DataFrame:
    """Rows of `schemas.SCANNED`: records in the window, refused lines, and one account per object.

    Lines of an object whose account says refused may be among them: see `of_read_objects`.
    """
    buckets = {item.place.bucket.name: item.place.bucket for item in objects if item.place.bucket}
    rows = [
        (
            item.place.bucket.name if item.place.bucket else None,
            item.place.path,
            item.etag,
            item.size,
            item.archived,
        )
        for item in objects
    ]

    def scan(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return scan_batches(_objects_of(batches, buckets), settings)

    tasks = _number_of_tasks(spark, objects)
    to_read = spark.createDataFrame(rows, _TO_READ, verifySchema=False).repartition(tasks)
    return to_read.mapInArrow(scan, SCANNED)


def start_workers(spark: SparkSession) -> None:
    """Have Python workers import this module while the driver still plans what they will do."""
    cores = spark.sparkContext.defaultParallelism
    spark.range(0, cores, 1, cores).mapInArrow(_unchanged, "id BIGINT").collect()


def _unchanged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """In this module, so that a worker imports it to run this."""
    yield from batches


def of_read_objects(scanned: DataFrame) -> DataFrame:
    """Drop the rows of refused and unreadable objects but for their accounts.

    No line of them is evidence.
    """
    is_refused = "account IS NOT NULL AND account.outcome IN ('refused', 'unreadable')"
    refused_objects = scanned.where(is_refused).select("object_uri")
    lines = scanned.where("account IS NULL")
    # Spark takes the refused ones for as many as all lines, and would shuffle those to join them.
    return lines.join(F.broadcast(refused_objects), on="object_uri", how="left_anti")


def _number_of_tasks(spark: SparkSession, objects: Sequence[FlowLogObject]) -> int:
    cores = spark.sparkContext.defaultParallelism
    by_bytes = sum(item.size for item in objects) // _TASK_BYTES
    by_count = len(objects) // _TASK_OBJECTS
    return min(max(cores, by_bytes, by_count), max(len(objects), 1))


def _objects_of(
    batches: Iterable[pa.RecordBatch], buckets: Mapping[str, Bucket]
) -> Iterator[ObjectToRead]:
    for batch in batches:
        for row in batch.to_pylist():
            bucket = buckets[row["bucket"]] if row["bucket"] else None
            place = Place(bucket, row["path"])
            yield ObjectToRead(place, row["etag"], row["size"], archived=row["archived"])


def scan_batches(
    objects: Iterable[ObjectToRead], settings: ScanSettings
) -> Iterator[pa.RecordBatch]:
    """Fetch, scan and parse objects; bounded batches of `schemas.SCANNED`.

    What its store did not give (throttled, timed out, gone) is asked for once more at the end, one
    after the other.
    """
    together = RowCollector(settings.window)
    again: list[tuple[ObjectToRead, NotFetched]] = []
    for wanted, fetched in fetch_ahead(
        objects, settings.reads_in_flight, settings.max_object_bytes
    ):
        if isinstance(fetched, NotFetched) and fetched.may_change(wanted):
            again.append((wanted, fetched))
        else:
            yield from _scan_one(wanted, fetched, settings, together)
    for wanted, fetched in _second_try(again, settings.max_object_bytes):
        yield from _scan_one(wanted, fetched, settings, together)
    yield from together.flush()


def _second_try(
    again: Sequence[tuple[ObjectToRead, NotFetched]], max_object_bytes: int
) -> Iterator[tuple[ObjectToRead, Fetched | NotFetched]]:
    """Each once more; when many in a row fail, the rest keep the reason of their first try."""
    failed_in_a_row = 0
    for at, (wanted, first) in enumerate(again):
        if failed_in_a_row >= _GIVE_UP_AFTER:
            yield wanted, first
            continue
        time.sleep(_SECOND_TRY_AFTER_S if at == 0 else _BETWEEN_TRIES_S)
        ((_, fetched),) = fetch_ahead([wanted], 1, max_object_bytes)
        failed_in_a_row = failed_in_a_row + 1 if isinstance(fetched, NotFetched) else 0
        yield wanted, fetched


def _scan_one(
    wanted: ObjectToRead,
    fetched: Fetched | NotFetched,
    settings: ScanSettings,
    together: RowCollector,
) -> Iterator[pa.RecordBatch]:
    key = parse_key(wanted.place.path)
    scan = ObjectScan(
        settings.needles,
        settings.max_line_bytes,
        settings.record_format,
        settings.max_ratio,
        partitions_of(wanted.place.path),
        int(key.slot_at.timestamp()) if key else None,
        spooled,
    )
    source = Source(wanted.place.uri_of(wanted.place.path), wanted.etag, scan)
    together.begin(source)
    if isinstance(fetched, NotFetched):
        scan.account.refuse(*fetched)
    else:
        scan.account.version_id = fetched.version
        source.version = fetched.version or wanted.etag
        for lines in scan.lines(fetched.chunks):
            together.add(lines)
            if together.is_full():
                yield from together.flush()
    source.is_finished = True
    if together.has_many_objects():
        yield from together.flush()
