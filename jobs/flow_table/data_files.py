"""Data files of `flows`, read whole where the executors are: one request for each.

What is opened is what is counted: Spark's own reader asks for the footer of a file twice and then
for the columns one by one, which for files of some hundred KB takes more octets and six requests.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from jobs.flow_table.tables import FlowTable
from jobs.storage.delta_log import DataFile
from jobs.storage.whole_objects import read_bytes
from transforms.flow_fields import FIELD_NAMES
from transforms.flow_table.shapes import IN_DATA_FILES, SUBJECT_COLUMNS
from transforms.table_shape import columns_of_ddl

_COLUMNS = ("object_uri", "object_version", "object_line", "run_id", *FIELD_NAMES, "extra")
_KINDS = columns_of_ddl(IN_DATA_FILES)
READ = ", ".join(f"`{name}` {_KINDS[name]}" for name in _COLUMNS)
_ROWS_TO_SPARK = 10_000


def flows_with(
    spark: SparkSession, table: FlowTable, files: Sequence[DataFile], values: Sequence[str]
) -> DataFrame:
    """The rows, of `READ`, that name one of these ids and addresses where a subject may stand."""
    if not files:
        return spark.createDataFrame([], READ)
    tasks = min(len(files), 4 * spark.sparkContext.defaultParallelism)
    # Dealt by size: the largest go to different tasks.
    by_size = sorted(files, key=lambda file: (-file.octets, file.path))
    flows = table.table("flows")
    uris = [(file.uri_in(flows),) for task in range(tasks) for file in by_size[task::tasks]]
    listed = spark.createDataFrame(
        spark.sparkContext.parallelize(uris, tasks), "uri STRING", verifySchema=False
    )
    return listed.mapInArrow(_reader(tuple(values)), READ)


def _reader(
    values: tuple[str, ...],
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        wanted = pa.array(values, pa.string())
        for batch in batches:
            for uri in batch["uri"].to_pylist():
                file = pq.ParquetFile(io.BytesIO(read_bytes(uri)))
                ends = file.read(columns=[*SUBJECT_COLUMNS])
                hits = reduce(
                    pc.or_, (pc.is_in(ends[name], value_set=wanted) for name in SUBJECT_COLUMNS)
                )
                if pc.any(hits).as_py():
                    found = file.read(columns=[*_COLUMNS]).select(_COLUMNS).filter(hits)
                    yield from found.to_batches(max_chunksize=_ROWS_TO_SPARK)

    return read
