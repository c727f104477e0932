"""The log of a Delta table, read without Spark, against what Spark makes of it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.storage.delta_log import DeltaLog
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import append_rows, delete_rows, delta_table, write_table


def test_the_current_files_are_those_that_spark_reads_before_and_after_a_checkpoint(
    spark: SparkSession, tmp_path: Path
) -> None:
    uri = str(tmp_path / "with space")
    for number in range(5):
        rows = spark.range(3 * number, 3 * number + 3).withColumn("day", F.lit(f"d {number % 2}"))
        writer = rows.coalesce(1).write.format("delta").mode("append").partitionBy("day")
        writer.option("delta.checkpointInterval", 3).save(uri)
        if number == 1:
            delete_rows(spark, uri, F.col("id") == 4)  # rewrites a file

        found = DeltaLog(uri).current_files()

        read = spark.read.format("delta").load(uri)
        assert {f"{uri}/{unquote(file.path)}" for file in found} == {
            unquote(path).removeprefix("file:") for path in read.inputFiles()
        }
        assert sum(file.rows for file in found) == read.count()
        assert {file.partition["day"] for file in found} == {
            row.day for row in read.select("day").distinct().collect()
        }
    assert list(Path(uri, "_delta_log").glob("*.checkpoint.parquet"))
    for commit in sorted(Path(uri, "_delta_log").glob("*.json"))[:3]:
        commit.unlink()  # as Delta itself does in time: the checkpoint stands for them
    assert len(DeltaLog(uri).current_files()) == len(read.inputFiles())


def test_a_file_is_ruled_out_by_the_bounds_of_a_column_alone(
    spark: SparkSession, tmp_path: Path
) -> None:
    uri, long = str(tmp_path / "table"), "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ff01"
    held = [("few", "10.0.0.1"), ("few", "10.0.0.9"), ("long", long), ("none", None)]
    rows = spark.createDataFrame(held, "name STRING, address STRING").coalesce(1)
    rows.write.format("delta").partitionBy("name").save(uri)

    def that_may_hold(bounded: str | None, *values: str) -> set[str | None]:
        files = DeltaLog(uri).current_files(bounded)
        return {file.partition["name"] for file in files if file.may_hold(values)}

    # Bounds of more than 32 characters are cut, and a file without a value has none.
    assert that_may_hold("address", "10.0.0.5") == {"few", "none"}
    assert that_may_hold("address", "10.0.1.1") == {"none"}
    assert that_may_hold("address", long) == {"long", "none"}
    assert that_may_hold("address", "10.0.0.9", long) == {"few", "long", "none"}
    assert that_may_hold(None, "10.0.1.1") == {"few", "long", "none"}


def test_a_table_is_read_by_its_log_as_delta_reads_it(spark: SparkSession, tmp_path: Path) -> None:
    """Whatever wrote it last: an overwrite, more rows, a deletion, a rewrite of small files."""
    uri = str(tmp_path / "with space/quarantine")
    shape = "id BIGINT COMMENT 'a number', object_uri STRING, stage STRING, tags MAP<STRING,STRING>"

    def rows(first: int, number: int) -> DataFrame:
        return spark.createDataFrame(
            [
                (n, f"n{n}" if n % 3 else None, "line", {"a": str(n)})
                for n in range(first, first + number)
            ],
            shape,
        ).repartition(2)

    changes: list[tuple[str, Callable[[], object]]] = [
        ("written", lambda: write_table(rows(0, 10), uri, shape)),
        ("overwritten", lambda: write_table(rows(5, 10), uri, shape)),
        ("appended", lambda: append_rows(rows(20, 4), uri, shape)),
        ("deleted", lambda: delete_rows(spark, uri, F.col("id") % 2 == 0)),
        (
            "rewritten",
            lambda: delta_table(spark, uri).optimize().executeCompaction(),
        ),
        ("emptied", lambda: write_table(rows(0, 0), uri, shape)),
    ]
    for what, change in changes:
        change()
        found = read_table(spark, uri)
        expected = spark.read.format("delta").load(uri)
        assert found.schema == expected.schema, what
        assert sorted(map(repr, found.collect())) == sorted(map(repr, expected.collect())), what
    assert read_table(spark, uri, 0).count() == 10


@pytest.mark.parametrize("folder", ["a[b]c", "a*", "{a,b}"])
def test_a_folder_is_no_pattern(spark: SparkSession, tmp_path: Path, folder: str) -> None:
    rows = spark.createDataFrame([("a", "line")] * 3, "object_uri STRING, stage STRING")
    write_table(rows, f"{tmp_path}/{folder}/quarantine", "object_uri STRING, stage STRING")

    assert read_table(spark, f"{tmp_path}/{folder}/quarantine").count() == 3


def test_a_table_whose_files_do_not_tell_all_is_read_by_delta(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Deleted rows are still in a data file that has a deletion vector."""
    writer = spark.range(0, 100, 1, 1).write.format("delta")
    writer.option("delta.enableDeletionVectors", "true").save(str(tmp_path / "t"))
    delete_rows(spark, str(tmp_path / "t"), F.col("id") < 40)

    assert read_table(spark, str(tmp_path / "t")).count() == 60


def test_rows_whose_commits_are_gone_from_the_log_are_still_read(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Delta deletes commits of more than a month ago that a checkpoint stands for."""
    uri = str(tmp_path / "runs")
    for number in range(5):
        writer = spark.range(number, number + 1).coalesce(1).write.format("delta").mode("append")
        writer.option("delta.checkpointInterval", 3).save(uri)
    for commit in sorted(Path(uri, "_delta_log").glob("*.json"))[:3]:
        commit.unlink()

    assert sorted(row.id for row in read_table(spark, uri).collect()) == [0, 1, 2, 3, 4]


def test_a_commit_that_is_missing_is_never_passed_over(spark: SparkSession, tmp_path: Path) -> None:
    """Without its second commit the table would seem to have fewer rows."""
    uri = str(tmp_path / "t")
    for number in range(3):
        spark.range(number, number + 1).coalesce(1).write.format("delta").mode("append").save(uri)
    Path(uri, "_delta_log", f"{1:020}.json").unlink()

    with pytest.raises(ValueError, match="found no commit 1 in"):
        DeltaLog(uri).current_files()
    with pytest.raises(Exception, match="DELTA_VERSIONS_NOT_CONTIGUOUS"):
        read_table(spark, uri).count()
