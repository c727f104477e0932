"""Every record of the objects with its names and its role, as data files, in the pass that reads
them: executors write what they read, and no row of Spark is made of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, over_objects, scan_batches
from jobs.sources.pace import Pace
from jobs.sources.scanned_rows import SOURCE, records_in
from jobs.sources.side_rows import SideRows
from jobs.spark.frames import task_number
from jobs.storage.delta_commit import NewFile
from jobs.storage.delta_sink import ROWS_A_FILE, delete_rows, statistics_of
from jobs.storage.parquet_out import ParquetOut, schema_of, shaped
from transforms.coded import repeated
from transforms.label.frames import Shared
from transforms.record_id import record_ids
from transforms.schemas import FLOWS
from transforms.subject.frames import FOUND, Finder
from transforms.subject.identity import Subject

_OBJECTS_AT_ONCE = 1_000
_FILE = "file STRING, octets BIGINT, flows BIGINT, statistics STRING"
_FILE_TYPE = pa.schema(
    [
        ("file", pa.string()),
        ("octets", pa.int64()),
        ("flows", pa.int64()),
        ("statistics", pa.string()),
    ]
)
_TIME = pa.timestamp("us", "UTC")
_DIFFERING, _UNIQUE = ("object_line", "srcport", "dstport", "bytes"), ("record_id",)
_CODED = [field.name for field in FOUND if pa.types.is_string(field.type)]


class Files(NamedTuple):
    """How the rows of a pass become data files; travels to the executors.

    `bounded` are the columns whose bounds the log has.
    """

    folder: str
    schema: pa.Schema
    bounded: tuple[str, ...]
    rows_a_file: int
    run_id: str


def how_flows_are_written(spark: SparkSession, uri: str, run_id: str) -> Files:
    """For the table `flows` of a case at this URI."""
    schema = schema_of(spark.createDataFrame([], FLOWS), _CODED)
    return Files(uri, schema, statistics_of(uri), ROWS_A_FILE, run_id)


def write_labelled(
    spark: SparkSession,
    objects: Sequence[FlowLogObject],
    settings: ScanSettings,
    lookups: Shared,
    subject: Subject,
    side: SideRows,
    files: Files,
) -> list[NewFile]:
    """Write a row for each record of the window into files that are in no version yet.

    Records of an object that its account refuses in the end may be among them: `side` knows them,
    and has all other rows.
    """
    write = partial(_write, settings, Finder(lookups, subject), side, files)
    # Only tasks that ended well are heard of.
    rows = over_objects(spark, objects, settings.requests_per_second, write, _FILE).collect()
    return [NewFile(row["file"], row["octets"], {}, row["statistics"]) for row in rows]


def delete_withdrawn(spark: SparkSession, uri: str, objects: Sequence[str], run_id: str) -> None:
    """Delete what this run wrote of objects that turned out to be no evidence.

    What an earlier run read of an object of the same name stays.
    """
    of_run = F.col("run_id") == run_id
    for first in range(0, len(objects), _OBJECTS_AT_ONCE):
        some = objects[first : first + _OBJECTS_AT_ONCE]
        delete_rows(spark, uri, of_run & F.col("object_uri").isin(*some))


def _write(
    settings: ScanSettings, finder: Finder, side: SideRows, files: Files,
    wanted: Iterable[ObjectToRead], pace: Pace,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    """Rows of `_FILE`: the files of one task."""
    others = side.begin(task_number())
    out, rows = None, 0
    for records in records_in(scan_batches(wanted, settings, pace), others):
        out = out or ParquetOut(files.schema, files.bounded, _DIFFERING, _UNIQUE)
        out.add(_completed(records, finder, files))
        rows += len(records)
        if rows >= files.rows_a_file:
            yield _stored(out, files)
            out, rows = None, 0
    if out is not None:
        yield _stored(out, files)
    others.end()


def _stored(out: ParquetOut, files: Files) -> pa.RecordBatch:
    name = f"part-{uuid4()}.zstd.parquet"
    stored = out.store(f"{files.folder}/{name}")
    columns = [pa.array([value]) for value in (name, *stored)]
    return pa.RecordBatch.from_arrays(columns, schema=_FILE_TYPE)


def _completed(records: pa.Table, finder: Finder, files: Files) -> pa.Table:
    """With names and role, times as such, the id of each record, and the run."""
    columns = dict(zip(records.schema.names, records.columns, strict=True))
    names = zip(FOUND, finder.found(records), strict=True)
    columns |= {field.name: column for field, column in names}
    columns["record_id"] = record_ids(*(columns[name] for name in SOURCE))
    for name in ("start", "end"):
        columns[f"{name}_at"] = columns[name].cast(pa.timestamp("s", "UTC")).cast(_TIME)
    columns["run_id"] = repeated(files.run_id, len(records))
    return shaped(pa.table(columns), files.schema)
