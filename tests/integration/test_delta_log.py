"""The log of a Delta table, read without Spark, against what Spark makes of it."""

from pathlib import Path
from urllib.parse import unquote

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.storage.delta_log import DeltaLog
from jobs.storage.delta_sink import delete_rows


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
