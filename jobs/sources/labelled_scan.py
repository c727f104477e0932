"""Every record of the objects with its names and its role, in the pass that reads them."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.sources.listing import FlowLogObject
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import NO_EVIDENCE, ScanSettings, over_objects, scan_batches
from jobs.sources.pace import Pace
from jobs.sources.scanned_rows import SCANNED_TYPE
from jobs.sources.side_rows import SideRows
from jobs.storage.delta_sink import delete_rows
from transforms.label.frames import Shared
from transforms.subject.frames import FOUND, Finder
from transforms.subject.identity import Subject

_OBJECTS_AT_ONCE = 1_000
_SOURCE = ("object_uri", "object_version", "object_line")
_RECORD = SCANNED_TYPE.field("record").type
_LABELLED = pa.schema([*(SCANNED_TYPE.field(name) for name in _SOURCE), *_RECORD, *FOUND])


def labelled_scan(
    spark: SparkSession,
    objects: Sequence[FlowLogObject],
    settings: ScanSettings,
    lookups: Shared,
    subject: Subject,
    side: SideRows,
) -> DataFrame:
    """A row for each record of the window: source, fields, labels, `record_vpc_id` and `role`.

    Records of an object that its account refuses in the end may be among them. All other rows go to
    `side`, which has them once the frame has been written: it is to be evaluated once.
    """

    finder = Finder(lookups, subject)

    def label(wanted: Iterable[ObjectToRead], pace: Pace) -> Iterator[pa.RecordBatch]:
        task = TaskContext.get()
        rows = side.begin(task.partitionId() if task else 0)
        for batch in scan_batches(wanted, settings, pace):
            if batch["record"].null_count == len(batch):
                rows.add(batch)
            else:
                yield _labelled(batch, finder)
        rows.end()

    schema = from_arrow_schema(_LABELLED)
    return over_objects(spark, objects, settings.requests_per_second, label, schema)


def delete_refused(spark: SparkSession, uri: str, scanned: DataFrame, run_id: str) -> None:
    """Delete what this run wrote of objects that turned out to be no evidence.

    What an earlier run read of an object of the same name stays.
    """
    refused = scanned.where(NO_EVIDENCE).select("object_uri").collect()
    uris = sorted(row["object_uri"] for row in refused)
    of_run = F.col("run_id") == run_id
    for first in range(0, len(uris), _OBJECTS_AT_ONCE):
        some = uris[first : first + _OBJECTS_AT_ONCE]
        delete_rows(spark, uri, of_run & F.col("object_uri").isin(*some))


def _labelled(batch: pa.RecordBatch, finder: Finder) -> pa.RecordBatch:
    fields = batch["record"].flatten()
    records = pa.table(fields, schema=pa.schema(list(_RECORD)))
    source = [batch[name] for name in _SOURCE]
    arrays = [*source, *fields, *finder.found(records)]
    return pa.RecordBatch.from_arrays(arrays, schema=_LABELLED)
