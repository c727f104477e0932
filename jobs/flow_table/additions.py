"""Rows that the driver adds to a flow table, and the one that makes a run complete.

They take no query of Spark, which is longer than a small table is worth.
"""

from collections.abc import Iterator
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from jobs.errors import Failure
from jobs.flow_table.tables import PARTITIONS, STATISTICS_OF, FlowTable, IngestRun
from jobs.storage.delta_commit import NewFile, Numbered, NumberTaken
from jobs.storage.parquet_out import ParquetOut, schema_of, shaped
from transforms.flow_table.shapes import SHAPES

# Each commit of `runs` has a number of this application.
_APPLICATION = "vpc-flow-trace-ingest"


class RunLost(Failure):
    """Another run became complete meanwhile: this one must not."""


def add_rows(
    spark: SparkSession, table: FlowTable, name: str, rows: pa.Table,
    numbered: Numbered | None = None,
) -> None:  # fmt: skip
    """Add rows, which count once their run is complete: a file of each day, in their order.

    Raises NumberTaken.
    """
    schema = schema_of(spark.createDataFrame([], SHAPES[name]))
    stored = pa.schema([field for field in schema if field.name not in PARTITIONS[name]])
    files = []
    for partition, some in _by_partition(rows, PARTITIONS[name]):
        file = ParquetOut(stored, STATISTICS_OF[name], ())
        file.add(shaped(some, stored))
        folder = "".join(f"{column}={value}/" for column, value in partition.items())
        path = f"{folder}part-{uuid4()}.zstd.parquet"
        found = file.store(f"{table.table(name)}/{path}")
        files.append(NewFile(path, found.octets, partition, found.statistics))
    table.commit(spark, name, files, numbered=numbered)


def _by_partition(
    rows: pa.Table, columns: tuple[str, ...]
) -> Iterator[tuple[dict[str, str | None], pa.Table]]:
    if not columns:
        yield {}, rows
    for column in columns:  # at most one: the day
        for day in sorted(pc.unique(rows[column]).to_pylist()):
            yield {column: day.isoformat()}, rows.filter(pc.equal(rows[column], day))


def complete_run(spark: SparkSession, table: FlowTable, run: IngestRun) -> None:
    """Make the rows of a run count. Raises RunLost where a run of this number is complete.

    Where two commit at once, Delta refuses one of them.
    """
    try:
        add_rows(
            spark, table, "runs", pa.Table.from_pylist([vars(run)]),
            Numbered(_APPLICATION, run.number),
        )  # fmt: skip
    except NumberTaken as error:
        raise RunLost(
            f"{table.uri}: found that another run became complete meanwhile; nothing of this "
            "one counts; run it again"
        ) from error
