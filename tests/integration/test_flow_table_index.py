"""The index of a flow table: the same rows, whether the driver or the executors sort them."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from jobs.flow_table.index import index_files
from jobs.flow_table.sorted_files import Written, WrittenFile
from jobs.flow_table.tables import FlowTable
from jobs.sources.side_rows import store_rows

_DAYS = (date(2026, 11, 22), date(2026, 11, 23))
# File by day, and what is in it.
_HELD = {
    ("a", _DAYS[0]): ("10.0.0.9", "10.0.0.1", "eni-0a"),
    ("b", _DAYS[0]): ("10.0.0.2", "10.0.0.1"),
    ("c", _DAYS[1]): ("10.0.0.1", "i-0c"),
}


def written(folder: Path) -> Written:
    """What two tasks left."""
    files, indices = [], []
    for number, some in enumerate((("a", "c"), ("b",))):
        rows = []
        for (file, day), held in _HELD.items():
            if file in some:
                files.append(WrittenFile(file, 100, 10, day, "{}", len(held)))
                rows += [{"address": each, "file": file, "day": day} for each in held]
        indices.append(f"{folder}/{number}.parquet")
        store_rows(indices[-1], pa.Table.from_pylist(rows))
    return Written(files, indices)


@pytest.mark.parametrize("rows_a_file", [7, 2])
def test_every_address_of_every_file_is_found_by_day(
    spark: SparkSession, tmp_path: Path, rows_a_file: int
) -> None:
    table = FlowTable(str(tmp_path / "table"))

    index_files(spark, table, written(tmp_path), "r1", rows_a_file)

    found = spark.read.format("delta").load(table.table("addresses")).collect()
    assert sorted((row.file, row.day, row.address, row.run_id) for row in found) == sorted(
        (file, day, address, "r1") for (file, day), held in _HELD.items() for address in held
    )
    files = spark.read.format("delta").load(table.table("files")).collect()
    assert sorted((row.file, row.octets, row.flows, row.day, row.run_id) for row in files) == [
        (file, 100, 10, day, "r1") for file, day in sorted(_HELD)
    ]
    # Rows of an address lie together, so that one that is looked for is in few files.
    for file in table.files("addresses"):
        rows = table.read("addresses", [file], ("address",))["address"].to_pylist()
        assert rows == sorted(rows)
    assert len(table.files("addresses")) == (2 if rows_a_file == 7 else 5)


def test_a_pass_without_files_adds_nothing(spark: SparkSession, tmp_path: Path) -> None:
    table = FlowTable(str(tmp_path / "table"))

    index_files(spark, table, Written([], []), "r1")

    assert not table.has("files")
    assert not table.has("addresses")
