"""Data files of `flows` → fewer, sorted ones with the same rows, or those of them that stay."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from jobs.flow_table.chunks import CHUNK, in_chunks
from jobs.flow_table.fill import Buckets, buckets_over
from jobs.flow_table.sorted_files import FileWriter, Written
from jobs.spark.frames import task_number
from jobs.storage.delta_log import parquet_of
from jobs.storage.parquet_out import shaped
from jobs.storage.whole_objects import read_bytes

_TASKS_A_CORE = 4
Filter = Callable[[pa.Table], pa.Table]


def rewrite(
    spark: SparkSession, files: Sequence[tuple[str, int, date]], writer: FileWriter, chosen: Filter
) -> Written:
    """Write the `chosen` ones of the rows of these files (URI, octets, day) into new ones.

    The old ones stay as they are, and the new ones are in no version yet.
    """
    cores = spark.sparkContext.defaultParallelism
    tasks = max(min(len(files), _TASKS_A_CORE * cores), 1)
    buckets = buckets_over(sum(octets for _, octets, _ in files), tasks, cores)
    uris = [(uri, day) for task in range(tasks) for uri, _, day in files[task::tasks]]
    listed = spark.createDataFrame(
        spark.sparkContext.parallelize(uris, tasks), "uri STRING, day DATE", verifySchema=False
    )
    chunks = listed.mapInArrow(partial(_in_chunks, writer.schema, chosen, buckets), CHUNK)
    return writer.written(spark, chunks, buckets.number)


def without_objects(
    spark: SparkSession, written: Written, writer: FileWriter, uris: Sequence[str]
) -> Written:
    """The same rows but for those of objects that turned out to be no evidence."""
    refused = pa.array(uris, pa.string())

    def chosen(rows: pa.Table) -> pa.Table:
        return rows.filter(pc.invert(pc.is_in(rows["object_uri"], value_set=refused)))

    files = [
        (f"{writer.flows}/{each.new_file.path}", each.octets, each.day) for each in written.files
    ]
    return rewrite(spark, files, writer, chosen)


def _in_chunks(
    schema: pa.Schema, chosen: Filter, buckets: Buckets, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    def rows() -> Iterator[pa.Table]:
        for batch in batches:
            for row in batch.to_pylist():
                some = chosen(shaped(parquet_of(read_bytes(row["uri"])).read(), schema))
                days = pa.repeat(pa.scalar(row["day"], pa.date32()), len(some))
                yield some.append_column("day", days)

    first = buckets.of_task(task_number())
    yield from in_chunks(rows(), first, buckets.in_part)
