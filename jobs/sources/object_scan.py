"""The executor side of reading: each object scanned once, out as Arrow batches."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from jobs.cli.reading_arguments import ReadingArguments
from jobs.cli.trace_flags import MAX_OBJECT_BYTES, REQUESTS_PER_SECOND
from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import (
    Fetched,
    NotFetched,
    ObjectToRead,
    fetch_ahead,
    spooled,
)
from jobs.sources.pace import NO_PACE, Pace, prefix_of_place
from jobs.sources.scanned_rows import RowCollector, Source, decoded
from jobs.storage.object_store import Bucket, Place
from transforms.scan.inflate import MAX_RATIO
from transforms.scan.lines import ObjectScan
from transforms.scan.needles import Needle
from transforms.scan.object_key import parse_key, partitions_of
from transforms.scan.packing import packed
from transforms.scan.request_shares import shares
from transforms.scan.tally import NO_EVIDENCE
from transforms.schemas import SCANNED
from transforms.window import Window

# SQL text: whether a row is the account of an object whose lines are no evidence.
_IS_NO_EVIDENCE = f"account IS NOT NULL AND account.outcome IN {NO_EVIDENCE}"
_OF_OBJECT = "bucket STRING, path STRING, etag STRING, size BIGINT, archived STRING"
_TO_READ = f"objects ARRAY<STRUCT<{_OF_OBJECT}>>"
# Of objects that their store did not give: patient enough for throttling to end.
_SECOND_TRY_AFTER_S, _BETWEEN_TRIES_S, _GIVE_UP_AFTER = 2.0, 0.1, 20
# A task takes this much, so that starting it is worth while; an object costs as much as so many
# bytes beside its own.
_TASK_BYTES = 64 * 1024 * 1024
_BYTES_AN_OBJECT = 16 * 1024
_ROWS_TO_SPARK = 10_000


class ScanSettings(NamedTuple):
    """What a scan looks for; travels to the executors. Without needles every line is taken."""

    needles: tuple[Needle, ...] | None
    window: Window
    max_line_bytes: int
    reads_in_flight: int
    record_format: tuple[str, ...] = ()
    max_ratio: int = MAX_RATIO
    max_object_bytes: int = MAX_OBJECT_BYTES
    requests_per_second: int = REQUESTS_PER_SECOND


def scan_settings(
    arguments: ReadingArguments, window: Window, needles: tuple[Needle, ...] | None
) -> ScanSettings:
    """What the executors need to know; without needles every line is taken."""
    return ScanSettings(
        needles=needles,
        window=window,
        max_line_bytes=arguments.max_line_bytes,
        record_format=arguments.record_format,
        max_ratio=arguments.max_ratio,
        max_object_bytes=arguments.max_object_bytes,
        reads_in_flight=arguments.reads_in_flight,
        requests_per_second=arguments.requests_per_second,
    )


def scan_objects(
    spark: SparkSession, objects: Sequence[FlowLogObject], settings: ScanSettings
) -> DataFrame:
    """Rows of `schemas.SCANNED`: records in the window, refused lines, and one account per object.

    Lines of an object whose account says refused may be among them: see `of_read_objects`.
    """

    def work(wanted: Iterable[ObjectToRead], pace: Pace) -> Iterator[pa.RecordBatch]:
        return map(decoded, scan_batches(wanted, settings, pace))

    return over_objects(spark, objects, settings.requests_per_second, work, SCANNED)


def over_objects(
    spark: SparkSession,
    objects: Sequence[FlowLogObject],
    requests_per_second: int,
    work: Callable[[Iterable[ObjectToRead], Pace], Iterator[pa.RecordBatch]],
    schema: str | StructType,
) -> DataFrame:
    """What `work` makes of the objects of each task at its pace, in rows of the schema."""
    buckets = {item.place.bucket.name: item.place.bucket for item in objects if item.place.bucket}

    cores = spark.sparkContext.defaultParallelism
    ranges = _ranges(objects, cores)
    prefixes = [{prefix_of_place(objects[at].place) for at in each} for each in ranges]
    of_task = shares(prefixes, cores, requests_per_second)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in work(_objects_of(batches, buckets), Pace(of_task)):
            for first in range(0, len(batch), _ROWS_TO_SPARK):
                yield batch.slice(first, _ROWS_TO_SPARK)

    tasks = [(_rows(objects[each.start : each.stop]),) for each in ranges]
    # So many slices for so many rows: a task reads exactly one of them.
    rows = spark.sparkContext.parallelize(tasks, max(len(tasks), 1))
    return spark.createDataFrame(rows, _TO_READ, verifySchema=False).mapInArrow(read, schema)


def tasks_over(objects: Sequence[FlowLogObject], cores: int) -> int:
    """In how many tasks `over_objects` reads them."""
    return len(_ranges(objects, cores))


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
    refused_objects = scanned.where(_IS_NO_EVIDENCE).select("object_uri")
    lines = scanned.where("account IS NULL")
    # Spark takes the refused ones for as many as all lines, and would shuffle those to join them.
    return lines.join(F.broadcast(refused_objects), on="object_uri", how="left_anti")


def accounts_in(scanned: DataFrame) -> DataFrame:
    """The account of each object, with its `uri`."""
    accounts = scanned.where("account IS NOT NULL")
    return accounts.select(F.col("object_uri").alias("uri"), "account.*")


def _ranges(objects: Sequence[FlowLogObject], cores: int) -> list[range]:
    """What each task reads: neighbours in the listing; every core gets as many tasks."""
    loads = [item.size + _BYTES_AN_OBJECT for item in objects]
    rounds = max(-(-sum(loads) // (_TASK_BYTES * cores)), 1)
    number = min(rounds * cores, len(objects))
    return list(packed(loads, number))


def _rows(
    objects: Sequence[FlowLogObject],
) -> list[tuple[str | None, str, str | None, int, str | None]]:
    return [
        (item.bucket.name if item.bucket else None, item.path, item.etag, item.size, item.archived)
        for item in objects
    ]


def _objects_of(
    batches: Iterable[pa.RecordBatch], buckets: Mapping[str, Bucket]
) -> Iterator[ObjectToRead]:
    for batch in batches:
        for objects in batch.column("objects").to_pylist():
            for row in objects:
                bucket = buckets[row["bucket"]] if row["bucket"] else None
                place = Place(bucket, row["path"])
                yield ObjectToRead(place, row["etag"], row["size"], archived=row["archived"])


def scan_batches(
    objects: Iterable[ObjectToRead], settings: ScanSettings, pace: Pace = NO_PACE
) -> Iterator[pa.RecordBatch]:
    """Fetch, scan and parse objects; bounded batches of `scanned_rows.CODED_TYPE`.

    What its store did not give (throttled, timed out, gone) is asked for once more at the end, one
    after the other.
    """
    together = RowCollector(settings.window)
    again: list[tuple[ObjectToRead, NotFetched]] = []
    for wanted, fetched in fetch_ahead(
        objects, settings.reads_in_flight, settings.max_object_bytes, pace
    ):
        if isinstance(fetched, NotFetched) and fetched.may_change(wanted):
            again.append((wanted, fetched))
        else:
            yield from _scan_one(wanted, fetched, settings, together)
    for wanted, fetched in _second_try(again, settings.max_object_bytes, pace):
        yield from _scan_one(wanted, fetched, settings, together)
    yield from together.flush()


def _second_try(
    again: Sequence[tuple[ObjectToRead, NotFetched]], max_object_bytes: int, pace: Pace
) -> Iterator[tuple[ObjectToRead, Fetched | NotFetched]]:
    """Each once more; when many in a row fail, the rest keep the reason of their first try."""
    failed_in_a_row = 0
    for at, (wanted, first) in enumerate(again):
        if failed_in_a_row >= _GIVE_UP_AFTER:
            yield wanted, first
            continue
        time.sleep(_SECOND_TRY_AFTER_S if at == 0 else _BETWEEN_TRIES_S)
        ((_, fetched),) = fetch_ahead([wanted], 1, max_object_bytes, pace)
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
