"""A flow table: where its Delta tables are, which runs of it are complete, how rows are added."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import date, datetime

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.errors import BadInput
from jobs.storage.delta_commit import NewFile, Numbered, commit_files
from jobs.storage.delta_log import DataFile, DeltaLog, data_file_of, parquet_of
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import delete_rows, found_instead, shaped
from jobs.storage.parquet_out import shaped as shaped_rows
from jobs.storage.whole_objects import read_bytes
from transforms.flow_table.shapes import PUBLISHED, SHAPES, STATISTICS
from transforms.flow_table.watched import WATCH_SHAPES
from transforms.table_shape import columns_of_ddl

logger = logging.getLogger(__name__)

# The columns whose bounds the log has, and those that a table is partitioned by.
STATISTICS_OF = {
    "flows": STATISTICS,
    "transit": ("run_id", "object_uri"),
    "refused": ("run_id", "object_uri"),
    "objects": ("run_id", "uri"),
    "files": ("run_id", "file"),
    "addresses": ("run_id", "address"),
    "runs": ("run_id", "number"),
}

_ALL_SHAPES = {**SHAPES, "published": PUBLISHED, **WATCH_SHAPES}
_READERS = 16
# Times of files that Spark wrote have no zone.
_KINDS = {"STRING": pa.string(), "BIGINT": pa.int64(), "TIMESTAMP": pa.timestamp("us", "UTC")}
_NOT_BY_DAY = ("runs", "published", *WATCH_SHAPES)
PARTITIONS: dict[str, tuple[str, ...]] = {
    name: () if name in _NOT_BY_DAY else ("day",) for name in _ALL_SHAPES
}
# Operations that add rows: Spark's, and that of `commit_files`.
_ADDING = ("WRITE", "Manual Update")


def day_in(file: DataFile) -> date:
    """The day whose rows a data file has."""
    return date.fromisoformat(str(file.partition["day"]))


@dataclass(frozen=True, kw_only=True)
class IngestRun:
    """A complete run: a row of the table `runs`."""

    run_id: str
    number: int
    began_at: datetime
    objects: int
    flows: int
    manifest_sha256: str


class FlowTable:
    """The flow table at a URI, which may have nothing in it yet."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")

    def table(self, name: str) -> str:
        """Where one of its tables is."""
        return f"{self.uri}/{name}"

    def has(self, name: str) -> bool:
        """Whether a run has written to this table."""
        return DeltaLog(self.table(name)).version is not None

    def check(self) -> None:
        """Raise BadInput where something else lies in the place of its tables."""
        problems = []
        for name, schema in _ALL_SHAPES.items():
            if found := found_instead(self.table(name), schema, PARTITIONS[name]):
                problems.append(
                    f"--flow_table {self.uri}: table {name} has {found}; expected what "
                    "ingest_flows wrote; choose another place"
                )
        if problems:
            raise BadInput(problems)

    def files(self, name: str, bounded: str | None = None) -> list[DataFile]:
        """The data files of one of its tables, by the log; none where there is no such table."""
        return DeltaLog(self.table(name)).current_files(bounded)

    def runs(self) -> list[IngestRun]:
        """The complete runs, in order."""
        columns = [field.name for field in fields(IngestRun)]
        rows = self.read("runs", self.files("runs"), columns).sort_by("number")
        return [IngestRun(**row) for row in rows.to_pylist()]

    def rows(self, spark: SparkSession, name: str, runs: Iterable[IngestRun]) -> DataFrame:
        """The rows of a table that these runs wrote; none where there is no such table yet."""
        ids = spark.createDataFrame([(run.run_id,) for run in runs], "run_id STRING")
        return self.all_rows(spark, name).join(F.broadcast(ids), on="run_id", how="left_semi")

    def all_rows(self, spark: SparkSession, name: str) -> DataFrame:
        """The rows of a table, also those of runs that are not complete."""
        if not self.has(name):
            return spark.createDataFrame([], SHAPES[name])
        return read_table(spark, self.table(name))

    def append(self, frame: DataFrame, name: str) -> None:
        """Add rows, which count once their run is complete."""
        writer = shaped(frame, SHAPES[name]).write.format("delta").mode("append")
        if not self.has(name):
            writer = writer.option("delta.dataSkippingStatsColumns", ",".join(STATISTICS_OF[name]))
            writer = writer.partitionBy(*PARTITIONS[name])
        writer.save(self.table(name))

    def rows_of_days(self, name: str, days: Collection[date], columns: Sequence[str]) -> pa.Table:
        """These columns of all rows of some days, without Spark; see `all_rows`."""
        files = [file for file in self.files(name) if day_in(file) in days]
        return self.read(name, files, columns)

    def rows_of_run(self, run_id: str, name: str, columns: Sequence[str]) -> pa.Table:
        """These columns of what a run has added to a table, read from the files of its version.

        Before it the run may have deleted what a killed one had left; those files are others'.
        """
        log = DeltaLog(self.table(name))
        for version in reversed(log.versions):
            told = log.written_by(version)
            if told.get("userMetadata") != run_id:
                break
            if told.get("operation") in _ADDING:
                added = [action["add"] for action in log.actions(version) if "add" in action]
                return self.read(name, list(map(data_file_of, added)), columns)
        return self.read(name, [], columns)

    def read(
        self, name: str, files: Sequence[DataFile], columns: Sequence[str],
        chosen: Callable[[pa.Table], pa.Table] = lambda rows: rows,
    ) -> pa.Table:  # fmt: skip
        """These columns of data files of a table, without Spark; of each file the chosen rows."""

        def read(file: DataFile) -> pa.Table:
            data = read_bytes(file.uri_in(self.table(name)))
            return chosen(shaped_rows(parquet_of(data).read(columns=[*columns]), kinds))

        of_table = columns_of_ddl(_ALL_SHAPES[name])
        kinds = pa.schema([(each, _KINDS[of_table[each]]) for each in columns])
        with ThreadPoolExecutor(_READERS) as readers:
            return pa.concat_tables([kinds.empty_table(), *readers.map(read, files)])

    def commit(
        self, spark: SparkSession, name: str, added: Iterable[NewFile],
        removed: Iterable[DataFile] = (), *, numbered: Numbered | None = None,
    ) -> None:  # fmt: skip
        """Add data files, in the place of others that had the same rows, if any.

        Raises NumberTaken.
        """
        if not self.has(name):
            self.append(spark.createDataFrame([], SHAPES[name]), name)
        gone = [*removed]
        commit_files(spark, self.table(name), added, gone, is_new_data=not gone, numbered=numbered)

    def forget_incomplete(self, spark: SparkSession, runs: Sequence[IngestRun]) -> None:
        """Delete the rows of runs that never became complete; only for who holds the lock."""
        complete = [run.run_id for run in runs]
        for name in SHAPES:
            if name == "runs":
                continue
            log = DeltaLog(self.table(name))
            if log.version is None or log.written_by(log.version).get("userMetadata") in complete:
                continue
            logger.info("flow table %s: rows of incomplete runs are deleted", name)
            delete_rows(spark, self.table(name), ~F.col("run_id").isin(complete))
