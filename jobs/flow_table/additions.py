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
from transforms.coded import repeated
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
    for folder, partition, some in _parts(rows) if PARTITIONS[name] else [("", {}, rows)]:
        file = ParquetOut(stored, STATISTICS_OF[name], ())
        file.add(shaped(some, stored))
        path = f"{folder}part-{uuid4()}.zstd.parquet"
        found = file.store(f"{table.table(name)}/{path}")
        files.append(NewFile(path, found.octets, partition, found.statistics))
    table.commit(spark, name, files, numbered=numbered)


def of_run(rows: pa.Table, run_id: str) -> pa.Table:
    """The rows as those of a run."""
    return rows.append_column("run_id", repeated(run_id, len(rows)))


def _parts(rows: pa.Table) -> Iterator[tuple[str, dict[str, str | None], pa.Table]]:
    """The rows of each day, with the folder and the partition of their file."""
    for day in sorted(pc.unique(rows["day"]).to_pylist()):
        of_day = rows.filter(pc.equal(rows["day"], day))
        yield f"day={day.isoformat()}/", {"day": day.isoformat()}, of_day


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
