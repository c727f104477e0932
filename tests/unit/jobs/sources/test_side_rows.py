"""What a pass leaves beside its result: of each task once, whatever became of its attempts."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from jobs.sources.scanned_rows import SCANNED_TYPE
from jobs.sources.side_rows import SideRows
from tests.support.paths import ROOT


def rows_of(uri: str, *lines: int) -> pa.RecordBatch:
    """Refused lines of an object."""
    cells = [
        {"object_uri": uri, "object_line": line, "refused": {"text": "?", "reason": "no record"}}
        for line in lines
    ]
    return pa.RecordBatch.from_pylist(cells, schema=SCANNED_TYPE)


def account_of(uri: str, lines: int) -> pa.RecordBatch:
    """The account of an object."""
    cell = {"object_uri": uri, "account": {"outcome": "read", "lines": lines}}
    return pa.RecordBatch.from_pylist([cell], schema=SCANNED_TYPE)


def test_rows_of_all_tasks_are_there_until_they_are_removed(
    spark: SparkSession, tmp_path: Path
) -> None:
    side = SideRows(spark.sparkContext, str(tmp_path / "{odd}*[name]"))

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch["id"].to_pylist():
                task = side.begin(number)
                for line in range(number):
                    task.add(rows_of(f"object {number}", line))
                task.add(account_of(f"object {number}", number))
                task.end()
            yield batch

    assert spark.range(0, 4, 1, 2).mapInArrow(work, "id BIGINT").count() == 4

    rows = side.frame(spark)
    found = rows.where("refused IS NOT NULL").select("object_uri", "object_line", "refused.reason")
    assert sorted(map(tuple, found.collect())) == [
        (f"object {number}", line, "no record") for number in range(4) for line in range(number)
    ]
    told = rows.where("account IS NOT NULL").select("object_uri", "account.lines").collect()
    assert sorted(map(tuple, told)) == [(f"object {number}", number) for number in range(4)]
    accounts = side.accounts().select(["uri", "outcome", "lines", "reason"]).to_pylist()
    assert sorted(tuple(row.values()) for row in accounts) == [
        (f"object {number}", "read", number, None) for number in range(4)
    ]
    side.remove()
    assert not (tmp_path / "{odd}*[name]").exists()


def test_without_rows_there_is_nothing_to_read_or_to_remove(
    spark: SparkSession, tmp_path: Path
) -> None:
    side = SideRows(spark.sparkContext, str(tmp_path / "none"))

    assert side.frame(spark).collect() == []
    assert side.accounts().num_rows == 0
    side.remove()


# A task that stored its rows and was lost before it ended: its second attempt stores them again.
_REPEATED = """
import sys
from pathlib import Path
from pyspark import TaskContext
from pyspark.sql import SparkSession
from jobs.sources.side_rows import SideRows
from tests.unit.jobs.sources.test_side_rows import rows_of

spark = (
    SparkSession.builder.master("local[2,3]").config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
)
side = SideRows(spark.sparkContext, sys.argv[1])

def work(batches):
    context = TaskContext.get()
    task = side.begin(context.partitionId())
    for batch in batches:
        for number in batch["id"].to_pylist():
            task.add(rows_of("object", number))
        yield batch
    task.end()
    if context.partitionId() == 1 and context.attemptNumber() < 2:
        raise RuntimeError("lost")

spark.range(0, 6, 1, 3).mapInArrow(work, "id BIGINT").write.format("noop").mode("overwrite").save()
print(sorted(row.object_line for row in side.frame(spark).collect()))
print(len(list(Path(sys.argv[1]).glob("*.parquet"))))
"""


@pytest.mark.launched
@pytest.mark.spark
def test_a_task_that_is_repeated_counts_once(tmp_path: Path) -> None:
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}

    ended = subprocess.run(
        [sys.executable, "-c", _REPEATED, str(tmp_path / "rows")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr[-2_000:]
    # Three tasks, one of them at the third attempt: five files, of which three count.
    assert ended.stdout.splitlines() == ["[0, 1, 2, 3, 4, 5]", "5"]
