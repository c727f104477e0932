"""Chunks of rows → sorted data files of `flows`, written by the executors, and what is in them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession

from jobs.flow_table.chunks import tables_of
from jobs.flow_table.tables import FlowTable
from jobs.sources.side_rows import SIDE_ROWS, rows_at, store_rows, stored_rows
from jobs.spark.session import setting
from jobs.storage.delta_commit import NewFile
from jobs.storage.parquet_out import ParquetOut, schema_of, shaped
from transforms.flow_table.clustering import in_order
from transforms.flow_table.pieces import piece_name
from transforms.flow_table.shapes import IN_DATA_FILES, STATISTICS, SUBJECT_COLUMNS

ADDRESSES = "address STRING, file STRING, day DATE"
_ADDRESSES_TYPE = pa.schema([("address", pa.string()), ("file", pa.string()), ("day", pa.date32())])
_WRITTEN = (
    "file STRING, octets BIGINT, flows BIGINT, day DATE, statistics STRING, addresses BIGINT, "
    "index STRING"
)
_WRITTEN_TYPE = pa.schema(
    [
        ("file", pa.string()), ("octets", pa.int64()), ("flows", pa.int64()), ("day", pa.date32()),
        ("statistics", pa.string()), ("addresses", pa.int64()), ("index", pa.string()),
    ]
)  # fmt: skip
# Sorted together: some hundred MB of rows, whatever one address sees in a day.
_ROWS_TOGETHER = 1_000_000
# Labelled together.
_ROWS_COMPLETED = 50_000
_CHUNKS_TO_PYTHON = "16"
# Within a pair.
_RISING = ("start", "end", "object_line")


class WrittenFile(NamedTuple):
    """A data file that is in no version yet: a row of the table `files`, and what Delta asks."""

    file: str
    octets: int
    flows: int
    day: date
    statistics: str
    addresses: int  # rows of `ADDRESSES`

    @property
    def new_file(self) -> NewFile:
        """As it is committed."""
        day = self.day.isoformat()
        return NewFile(f"day={day}/{self.file}", self.octets, {"day": day}, self.statistics)


class Written(NamedTuple):
    """What a pass wrote; `indices` are files of rows of `ADDRESSES`."""

    files: list[WrittenFile]
    indices: list[str]

    @property
    def number_of_addresses(self) -> int:
        """How many rows `addresses` has."""
        return sum(file.addresses for file in self.files)

    def addresses(self, spark: SparkSession) -> DataFrame:
        """Which address, interface or instance is in which file: rows of `ADDRESSES`."""
        return stored_rows(spark, self.indices, _ADDRESSES_TYPE, ADDRESSES)

    def addresses_here(self) -> pa.Table:
        """The same rows in the driver, where they are few."""
        return rows_at(self.indices, _ADDRESSES_TYPE)


class FileWriter(NamedTuple):
    """How the rows of a pass become files; travels to the executors.

    `complete` adds what rows lack of the table's columns. Files have the run in their names: those
    of one run are one piece, sorted together. They lie below `flows`, and their addresses below
    `side` until the run has them.
    """

    flows: str
    side: str
    schema: pa.Schema
    rows_a_file: int
    run_id: str
    complete: Callable[[pa.Table], pa.Table]

    def written(self, spark: SparkSession, chunks: DataFrame, buckets: int) -> Written:
        """Evaluate `chunks` once, and write each bucket sorted; no row is added or lost."""
        with setting(spark, "spark.sql.execution.arrow.maxRecordsPerBatch", _CHUNKS_TO_PYTHON):
            dealt = chunks.repartition(buckets, "bucket")
            # Only tasks that ended well are heard of: what others wrote is in no version.
            rows = dealt.mapInArrow(partial(_write, self), _WRITTEN).collect()
        files = [WrittenFile(*row[:-1]) for row in rows]
        return Written(files, sorted({row["index"] for row in rows}))

    def store(self, rows: pa.Table, day: date) -> tuple[WrittenFile, pa.Array]:
        """One file of these rows; also every address, interface and instance in it."""
        name = f"{piece_name(self.run_id)}{uuid4()}.zstd.parquet"
        file = ParquetOut(self.schema, STATISTICS, _RISING)
        file.add(rows)
        stored = file.store(f"{self.flows}/day={day.isoformat()}/{name}")
        columns = [pc.unique(rows[name]).drop_null() for name in SUBJECT_COLUMNS]
        found = pc.unique(pa.concat_arrays(columns))
        return WrittenFile(
            name, stored.octets, stored.rows, day, stored.statistics, len(found)
        ), found


def file_writer(spark: SparkSession, table: FlowTable, rows_a_file: int, run_id: str) -> FileWriter:
    """Writes rows that have all columns of `flows` already."""
    schema = schema_of(spark.createDataFrame([], IN_DATA_FILES))
    flows, side = table.table("flows"), table.table(SIDE_ROWS)
    return FileWriter(flows, side, schema, rows_a_file, run_id, _as_they_are)


def _as_they_are(rows: pa.Table) -> pa.Table:
    return rows


def _write(writer: FileWriter, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of `_WRITTEN`: the files of the buckets of one task."""
    of_bucket: dict[int, list[bytes]] = defaultdict(list)
    for batch in batches:
        for bucket, rows in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            of_bucket[bucket].append(rows)
    files: list[WrittenFile] = []
    found: list[pa.Table] = []
    for bucket in sorted(of_bucket):
        for rows in tables_of(of_bucket.pop(bucket), _ROWS_TOGETHER):
            for piece, day in _pieces(in_order(rows), writer):
                file, addresses = writer.store(piece, day)
                files.append(file)
                same = [pa.repeat(pa.scalar(value), len(addresses)) for value in (file.file, day)]
                found.append(pa.table([addresses, *same], schema=_ADDRESSES_TYPE))
    if not files:
        return
    index = f"{writer.side}/{uuid4()}.parquet"
    store_rows(index, pa.concat_tables(found))
    columns = [*zip(*files, strict=True), [index] * len(files)]
    yield pa.RecordBatch.from_arrays(
        [pa.array(values, kind) for values, kind in zip(columns, _WRITTEN_TYPE.types, strict=True)],
        schema=_WRITTEN_TYPE,
    )


def _pieces(rows: pa.Table, writer: FileWriter) -> Iterator[tuple[pa.Table, date]]:
    """What makes a file each: rows of one day, with all columns of the table; `rows` are sorted."""
    together = max(_ROWS_COMPLETED // writer.rows_a_file, 1) * writer.rows_a_file
    days = pc.run_end_encode(rows["day"].combine_chunks())
    begin = 0
    for day, end in zip(days.values.to_pylist(), days.run_ends.to_pylist(), strict=True):
        for first in range(begin, end, together):
            some = writer.complete(rows.slice(first, min(together, end - first)))
            some = shaped(some, writer.schema)
            for at in range(0, len(some), writer.rows_a_file):
                yield some.slice(at, writer.rows_a_file), day
        begin = end
