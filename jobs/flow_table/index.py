"""The index of a flow table: which data files hold an address, an interface or an instance."""

import io
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.tables import FlowTable, day_in
from jobs.storage.delta_log import DataFile, DeltaLog, data_file_of
from jobs.storage.whole_objects import read_bytes
from transforms.flow_table.shapes import SUBJECT_COLUMNS

_FOUND = "file STRING, day DATE, octets BIGINT, flows BIGINT, address STRING"
_FOUND_TYPE = pa.schema(
    [
        ("file", pa.string()), ("day", pa.date32()), ("octets", pa.int64()), ("flows", pa.int64()),
        ("address", pa.string()),
    ]
)  # fmt: skip
_ROWS_TO_SPARK = 10_000


def index_files(spark: SparkSession, table: FlowTable, run_id: str) -> None:
    """Add the data files of `flows` that this run wrote, with all that may be looked for in them.

    A file that the index does not know is opened by every case: to index too late is never wrong.
    """
    flows = table.table("flows")
    added = _added_by(run_id, flows)
    tasks = max(1, min(len(added), spark.sparkContext.defaultParallelism))
    uris = [(file.uri_in(flows), file.name, file.octets, day_in(file)) for file in added]
    of_files = spark.sparkContext.parallelize(uris, tasks)
    shape = "uri STRING, file STRING, octets BIGINT, day DATE"
    files = spark.createDataFrame(of_files, shape, verifySchema=False)
    rows = files.mapInArrow(_ends_in, _FOUND).withColumn("run_id", F.lit(run_id)).persist()
    ends = rows.where("address IS NOT NULL").coalesce(1)
    table.append(ends.sortWithinPartitions("day", "address"), "addresses")
    # Last: it says that all of a file is in `addresses`.
    table.append(rows.where("address IS NULL").coalesce(1), "files")
    rows.unpersist()


def _added_by(run_id: str, uri: str) -> list[DataFile]:
    """The files that this run wrote and that are still there: back to the version that wrote them.

    Before it the run may have deleted what a killed one had left; those files are others'.
    """
    log = DeltaLog(uri)
    found: list[DataFile] = []
    gone: set[str] = set()
    for version in reversed(log.versions):
        if log.written_by(version).get("userMetadata") != run_id:
            break
        for action in log.actions(version):
            if (add := action.get("add")) and str(add["path"]) not in gone:
                found.append(data_file_of(add))
            if remove := action.get("remove"):
                gone.add(str(remove["path"]))
        if log.written_by(version).get("operation") == "WRITE":
            break
    return found


def _ends_in(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Everything to look for in each file, a row each; and a row without an address, as the file's
    own.
    """
    for batch in batches:
        for row in batch.to_pylist():
            file = pq.ParquetFile(io.BytesIO(read_bytes(row["uri"])))
            table = file.read(columns=[*SUBJECT_COLUMNS])
            columns = [pc.unique(table[name]).drop_null() for name in SUBJECT_COLUMNS]
            addresses = pa.concat_arrays(
                [pc.unique(pa.concat_arrays(columns)), pa.nulls(1, pa.string())]
            )
            same = {name: row[name] for name in ("file", "day", "octets")}
            same["flows"] = file.metadata.num_rows
            repeated = {
                name: pa.repeat(pa.scalar(value), len(addresses)) for name, value in same.items()
            }
            found = pa.table({**repeated, "address": addresses}).cast(_FOUND_TYPE)
            yield from found.to_batches(max_chunksize=_ROWS_TO_SPARK)
