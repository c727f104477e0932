"""New objects → sorted data files of `flows`, in one pass, and what it says of the objects."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import SparkSession

from jobs.flow_table.chunks import CHUNK, in_chunks
from jobs.flow_table.sorted_files import FileWriter, Written
from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, over_objects, scan_batches, tasks_over
from jobs.sources.pace import Pace
from jobs.sources.scanned_rows import SOURCE, records_in
from jobs.sources.side_rows import SideRows
from jobs.spark.frames import task_number
from jobs.storage.parquet_out import shaped
from transforms.coded import flat, repeated
from transforms.flow_table.shapes import day_of
from transforms.label.frames import Shared
from transforms.scan.object_key import parse_key
from transforms.scan.parse import RECORD_TYPE
from transforms.subject.frames import FOUND, Finder
from transforms.subject.identity import Subject

# As stored, compressed. Rows of one address lie together within a part only, so that no task gets
# more of them than a part has, whatever a gateway sees in a day.
_OCTETS_A_PART = 256 * 1024**2
_OCTETS_A_BUCKET = 8 * 1024**2
# Small runs: buckets enough for the cores to share them evenly, but none of a few rows.
_BUCKETS_A_CORE, _LEAST_OCTETS = 4, 512 * 1024
_NOBODY = Subject((), (), (), ())


class Buckets(NamedTuple):
    """How the rows of a pass over so many objects are divided: parts, and buckets in each."""

    tasks: int
    parts: int
    in_part: int

    @property
    def number(self) -> int:
        """All of them."""
        return self.parts * self.in_part

    def of_task(self, task: int) -> int:
        """The first bucket of the part that the task reads."""
        return task * self.parts // self.tasks * self.in_part


def buckets_over(octets: int, tasks: int, cores: int) -> Buckets:
    """The buckets of a pass over so many octets of compressed text by so many tasks."""
    enough = min(_BUCKETS_A_CORE * cores, octets // _LEAST_OCTETS)
    number = max(-(-octets // _OCTETS_A_BUCKET), enough, 1)
    parts = max(min(octets // _OCTETS_A_PART, tasks), 1)
    return Buckets(tasks, parts, -(-number // parts))


def write_flows(
    spark: SparkSession, objects: Sequence[FlowLogObject], settings: ScanSettings, lookups: Shared,
    side: SideRows, writer: FileWriter, run_id: str,
) -> Written:  # fmt: skip
    """Write every record of these objects, with its names, into files that no version has yet.

    Records of an object that its account refuses in the end may be among them. All other rows go to
    `side`.
    """
    undated = {
        item.uri: day_of(item.path, item.last_modified.date())
        for item in objects
        if parse_key(item.path) is None
    }
    octets = sum(item.size for item in objects)
    cores = spark.sparkContext.defaultParallelism
    buckets = buckets_over(octets, tasks_over(objects, cores), cores)
    read = partial(_in_chunks, settings, undated, buckets, side)
    chunks = over_objects(spark, objects, settings.requests_per_second, read, CHUNK)
    complete = partial(_labelled, Finder(lookups, _NOBODY), run_id)
    return writer._replace(complete=complete).written(spark, chunks, buckets.number)


def _labelled(finder: Finder, run_id: str, rows: pa.Table) -> pa.Table:
    """With all fields of a record, its names, and the run."""
    record = shaped(rows, pa.schema(list(RECORD_TYPE)))
    names = zip(FOUND, finder.found(record), strict=True)
    return pa.table(
        {
            **{name: rows[name] for name in SOURCE if name in rows.column_names},
            **dict(zip(record.column_names, record.columns, strict=True)),
            **{field.name: column for field, column in names},
            "run_id": repeated(run_id, len(rows)),
        }
    )


def _in_chunks(
    settings: ScanSettings, undated: dict[str, date], buckets: Buckets, side: SideRows,
    wanted: Iterable[ObjectToRead], pace: Pace,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    task = task_number()
    others = side.begin(task)
    days: dict[str, date] = {}

    def dated() -> Iterator[ObjectToRead]:
        for item in wanted:
            uri = item.place.uri_of(item.place.path)
            days[uri] = undated.get(uri) or day_of(item.place.path, date.min)
            yield item

    records = records_in(scan_batches(dated(), settings, pace), others)
    dated_records = (_with_day(each, days) for each in records)
    yield from in_chunks(dated_records, buckets.of_task(task), buckets.in_part)
    others.end()


def _with_day(records: pa.Table, days: dict[str, date]) -> pa.Table:
    uris = flat(records["object_uri"])
    of_uri = pa.array([days[uri] for uri in uris.dictionary.to_pylist()], pa.date32())
    return records.append_column("day", of_uri.take(uris.indices))
