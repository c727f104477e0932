"""Files that executors wrote become a version of a Delta table as if Spark had written them."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.storage.delta_commit import NewFile, commit_files
from jobs.storage.delta_log import DeltaLog
from jobs.storage.parquet_out import ParquetOut

_SHAPE = "name STRING, at TIMESTAMP, number BIGINT, tags ARRAY<STRING>, day DATE"
_TYPE = pa.schema(
    [
        ("name", pa.string()), ("at", pa.timestamp("us", "UTC")), ("number", pa.int64()),
        ("tags", pa.list_(pa.string())),
    ]
)  # fmt: skip
Row = tuple[str | None, datetime | None, int | None, list[str] | None]


def at(second: int) -> datetime:
    """A moment of a day."""
    return datetime(2026, 11, 23, 12, 0, second, 250_000, tzinfo=UTC)


def stored(table: Path, day: str, *groups: list[Row]) -> NewFile:
    """A data file of these groups of rows."""
    file = ParquetOut(_TYPE, ("name", "at", "number"), ("number",))
    for rows in groups:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(c, kind) for c, kind in zip(columns, _TYPE.types, strict=True)]
        file.add(pa.table(arrays, schema=_TYPE))
    path = f"day={day}/part-{groups[0][0][2]}.parquet"
    found = file.store(str(table / path))
    assert found.rows == sum(map(len, groups))
    return NewFile(path, found.octets, {"day": day}, found.statistics)


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Path:
    """An empty table."""
    spark.createDataFrame([], _SHAPE).write.format("delta").partitionBy("day").option(
        "delta.dataSkippingStatsColumns", "name,at,number"
    ).save(str(tmp_path / "table"))
    return tmp_path / "table"


def test_delta_reads_the_rows_and_skips_by_the_bounds(spark: SparkSession, table: Path) -> None:
    early = stored(
        table, "2026-11-23", [("b", at(1), 7, ["x"]), (None, None, 9, [])], [("a", at(3), 8, None)]
    )
    late = stored(table, "2026-11-24", [("z", at(50), 20, None)])

    assert commit_files(spark, str(table), [early, late]) == 1

    frame = spark.read.format("delta").load(str(table))
    rows = {(r.name, r.at, r.number, tuple(r.tags or ()), str(r.day)) for r in frame.collect()}
    assert rows == {
        ("b", at(1).replace(tzinfo=None), 7, ("x",), "2026-11-23"),
        (None, None, 9, (), "2026-11-23"),
        ("a", at(3).replace(tzinfo=None), 8, (), "2026-11-23"),
        ("z", at(50).replace(tzinfo=None), 20, (), "2026-11-24"),
    }
    for where, opened in [
        (F.col("number") > 9, {"part-20.parquet"}),
        (F.col("name") == "b", {"part-7.parquet"}),
        (F.col("at") <= F.lit(at(3)), {"part-7.parquet"}),
        (F.col("at") >= F.lit(at(3)), {"part-7.parquet", "part-20.parquet"}),
        (F.col("name").isNull(), {"part-7.parquet"}),
    ]:
        paths = frame.where(where).inputFiles()
        assert {path.rsplit("/", 1)[-1] for path in paths} == opened, where


def test_files_take_the_place_of_others_in_one_version(spark: SparkSession, table: Path) -> None:
    pieces = [stored(table, "2026-11-23", [("a", at(n), n, None)]) for n in (1, 2)]
    commit_files(spark, str(table), pieces)
    both = stored(table, "2026-11-23", [("a", at(1), 3, None), ("a", at(2), 3, None)])

    version = commit_files(
        spark, str(table), [both], DeltaLog(str(table)).current_files(), is_new_data=False
    )

    assert version == 2
    assert [file.name for file in DeltaLog(str(table)).current_files()] == ["part-3.parquet"]
    assert spark.read.format("delta").load(str(table)).count() == 2
    before = spark.read.format("delta").option("versionAsOf", 1).load(str(table))
    assert sorted(row.number for row in before.collect()) == [1, 2]
    changes = [action for action in DeltaLog(str(table)).actions(2) if "commitInfo" not in action]
    assert {body["dataChange"] for action in changes for body in action.values()} == {False}
