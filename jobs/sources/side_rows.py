"""Rows of a pass that are not its result: each task stores its own, and Spark says whose count.

A pass over all objects has one result, the flows. The accounts of the objects, refused lines and
records of transit gateways come out of the same pass, and a second pass would read everything
again. A task stores them as Parquet before it ends, and its files are named by an accumulator:
Spark adds up those of tasks that ended well, so that the files of a task that was lost never count.
"""

import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import uuid4

import obstore
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import Accumulator, AccumulatorParam, SparkContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from jobs.sources.scanned_rows import ACCOUNT_TYPE, SCANNED_TYPE, decoded
from jobs.storage.object_store import Place, open_store, place_of
from jobs.storage.whole_objects import read_bytes, write_bytes
from transforms.scan.tally import NO_EVIDENCE
from transforms.schemas import SCANNED

# Where they are below a case or a flow table while a run goes on.
SIDE_ROWS = ".side_rows"
_FILE_BYTES = 32 * 1024 * 1024
_ROWS_TO_SPARK = 10_000

_READERS = 16
_ACCOUNTS = pa.schema([("uri", pa.string()), *ACCOUNT_TYPE])


class _Ended(NamedTuple):
    """What a task that ended well has stored, and the objects that it withdraws."""

    partition: int
    files: tuple[str, ...]
    accounts: tuple[str, ...]  # files too
    withdrawn: tuple[str, ...]


class _Named(AccumulatorParam[list[_Ended]]):
    def zero(self, value: list[_Ended]) -> list[_Ended]:
        return []

    def addInPlace(self, value1: list[_Ended], value2: list[_Ended]) -> list[_Ended]:
        return [*value1, *value2]


class SideRows:
    """The side rows of one pass, below a folder; made on the driver, filled in the executors."""

    def __init__(self, context: SparkContext, folder: str) -> None:
        self.folder = folder
        self._named: Accumulator[list[_Ended]] = context.accumulator([], _Named())

    def begin(self, partition: int) -> "TaskRows":
        """Where one task puts its rows."""
        return TaskRows(self.folder, partition, self._named)

    def frame(self, spark: SparkSession) -> DataFrame:
        """Rows of `schemas.SCANNED` of all tasks, once the pass has ended.

        A task that ended and was done again, as its executor took what others still needed with it,
        counts as it was the last time. What they needed may be of the time before: only the books
        of a run can tell that the two were the same.
        """
        uris = [uri for task in self._ended() for uri in (*task.files, *task.accounts)]
        return stored_rows(spark, uris, SCANNED_TYPE, SCANNED)

    def accounts(self) -> pa.Table:
        """The account of each object, with its `uri`, without a query of Spark; see `frame`."""
        rows = rows_at([uri for task in self._ended() for uri in task.accounts], SCANNED_TYPE)
        accounts = rows["account"].combine_chunks()
        return pa.table([rows["object_uri"], *accounts.flatten()], schema=_ACCOUNTS)

    def withdrawn(self) -> list[str]:
        """Objects that some rows of the result are of, though they are no evidence in the end."""
        return sorted({uri for task in self._named.value for uri in task.withdrawn})

    def remove(self) -> None:
        """Delete every file of the pass, of lost tasks too."""
        remove_below(place_of(self.folder))

    def _ended(self) -> list[_Ended]:
        """Each task as it was the last time, in order."""
        return sorted({task.partition: task for task in self._named.value}.values())


class TaskRows:
    """The side rows of one task."""

    def __init__(self, folder: str, partition: int, named: Accumulator[list[_Ended]]) -> None:
        self._partition, self._named = partition, named
        attempt = f"{folder}/{partition:06d}-{uuid4().hex}"
        self._rows, self._accounts = _Pile(f"{attempt}-rows"), _Pile(f"{attempt}-accounts")
        self._handed_on: set[str] = set()
        self._refused: set[str] = set()

    def handed_on(self, uris: pa.Array) -> None:
        """Note the objects of records that are part of the result."""
        self._handed_on.update(pc.unique(uris).to_pylist())

    def add(self, rows: pa.RecordBatch) -> None:
        """Keep rows of `CODED_TYPE`, all accounts or none; a file is made when they are many."""
        rows = decoded(rows)
        if rows["account"].null_count:
            self._rows.add(rows)
            return
        is_refused = pc.is_in(rows["account"].field("outcome"), value_set=pa.array(NO_EVIDENCE))
        self._refused.update(rows["object_uri"].filter(is_refused).to_pylist())
        self._accounts.add(rows)

    def end(self) -> None:
        """Store the rest and name the files: the last thing that a task does."""
        withdrawn = tuple(self._handed_on & self._refused)
        files, accounts = self._rows.stored(), self._accounts.stored()
        self._named.add([_Ended(self._partition, files, accounts, withdrawn)])


class _Pile:
    """Rows that become files of a size that is worth it, named by number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0
        self._files: list[str] = []

    def add(self, rows: pa.RecordBatch) -> None:
        if len(rows):
            self._held.append(rows)
            self._bytes += rows.nbytes
        if self._bytes >= _FILE_BYTES:
            self._store()

    def stored(self) -> tuple[str, ...]:
        if self._held:
            self._store()
        return tuple(self._files)

    def _store(self) -> None:
        uri = f"{self._name}-{len(self._files):04d}.parquet"
        store_rows(uri, pa.Table.from_batches(self._held))
        self._files.append(uri)
        self._held, self._bytes = [], 0


def store_rows(uri: str, rows: pa.Table) -> None:
    """Put rows that a task passes on at a URI, for `stored_rows`."""
    data = io.BytesIO()
    pq.write_table(rows, data)
    write_bytes(uri, data.getvalue())


def rows_at(uris: Sequence[str], kind: pa.Schema) -> pa.Table:
    """The rows of such files, in the driver."""
    with ThreadPoolExecutor(_READERS) as readers:
        found = readers.map(lambda uri: _rows_at(uri, kind), uris)
        return pa.concat_tables([kind.empty_table(), *found])


def _rows_at(uri: str, kind: pa.Schema) -> pa.Table:
    return pq.read_table(io.BytesIO(read_bytes(uri)), schema=kind)


def stored_rows(
    spark: SparkSession, uris: Sequence[str], kind: pa.Schema, schema: str | StructType
) -> DataFrame:
    """The same rows, read by the executors."""

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for uri in batch["uri"].to_pylist():
                yield from _rows_at(uri, kind).to_batches(max_chunksize=_ROWS_TO_SPARK)

    tasks = max(1, min(len(uris), spark.sparkContext.defaultParallelism))
    files = spark.createDataFrame([(uri,) for uri in uris], "uri STRING").coalesce(tasks)
    return files.mapInArrow(read, schema)


def remove_below(folder: Place) -> None:
    """Delete every object below a folder of ours, if there is any, and a folder of this machine."""
    if folder.bucket is None:
        shutil.rmtree(f"/{folder.path}", ignore_errors=True)
        return
    store = open_store(folder.bucket)
    for batch in obstore.list(store, prefix=folder.path):
        obstore.delete(store, [meta["path"] for meta in batch])
