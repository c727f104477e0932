"""Frames that are computed once, and several frames as one."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
_ROWS_A_CHUNK = 50_000


def computed(frame: DataFrame, is_small: bool) -> DataFrame:
    """The rows, computed once and now, however often they are queried.

    Few rows are cut off from the plan that made them: each query would be analysed and optimised
    together with it otherwise. Many rows must outlive the loss of an executor.
    """
    if is_small:
        return frame.coalesce(1).localCheckpoint()
    held = frame.persist()
    held.count()
    return held


def release(frames: Iterable[DataFrame]) -> None:
    """Give back what is kept in memory for them."""
    for frame in frames:
        frame.unpersist()


def task_number() -> int:
    """The number of the task that asks, among those of its stage."""
    context = TaskContext.get()
    return context.partitionId() if context else 0


def packed(rows: pa.Table) -> bytes:
    """The rows as octets, in which they stay columns; see `unpacked`."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_COMPRESSED) as stream:
        stream.write_table(rows)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def unpacked(rows: bytes) -> pa.Table:
    """The rows that were packed."""
    return pa.ipc.open_stream(rows).read_all()


def frame_of(spark: SparkSession, rows: pa.Table, schema: str) -> DataFrame:
    """The rows of the driver as a frame of this schema; they travel as columns."""
    chunks = [(packed(rows.slice(at, _ROWS_A_CHUNK)),) for at in range(0, len(rows), _ROWS_A_CHUNK)]
    sent = spark.sparkContext.parallelize(chunks, max(len(chunks), 1))
    return spark.createDataFrame(sent, "rows BINARY", verifySchema=False).mapInArrow(
        _unpacked, schema
    )


def _unpacked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for rows in batch["rows"].to_pylist():
            yield from unpacked(rows).to_batches()


def union_of(frames: Sequence[DataFrame]) -> DataFrame:
    """The rows of all frames, at least one, which have the same columns in any order."""
    return reduce(DataFrame.unionByName, frames)
