"""A flow table stays quick and small: days in pieces are merged, old days leave it."""

from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import trace_instance
from jobs.errors import ExitCode
from jobs.storage.delta_sink import delete_rows
from tests.support.flow_tables import ingest, record, write

_LATER = ["--from", "2026-11-24T00:00:00Z", "--to", "2026-11-26T00:00:00Z"]
_ENIS = ("eni-0aaaaaaa", "eni-0bbbbbbb")
_OF_8 = [("10.0.0.200", "10.0.0.8"), ("10.0.0.8", "10.0.0.200")]


def fill(folder: Path) -> None:
    """Four runs of an object each on one day, and an object of a later day that no run has read."""
    for number, minute in enumerate((0, 5, 10, 15)):
        one, other = f"10.0.0.{number + 7}", "10.0.0.200"
        write(folder / "logs", minute, record(one, other), record(other, one, _ENIS[number % 2]))
        ingest(folder / "logs", folder / "table")
    write(folder / "logs", 0, record("10.0.0.7", "10.0.0.9"), day=25)


def data_files(spark: SparkSession, folder: Path, day: str) -> set[str]:
    rows = spark.read.format("delta").load(str(folder / "table/flows")).where(F.col("day") == day)
    return {path.rsplit("/", 1)[-1] for path in rows.inputFiles()}


def indexed(spark: SparkSession, folder: Path, day: str) -> set[str]:
    rows = spark.read.format("delta").load(str(folder / "table/files")).where(F.col("day") == day)
    return {row.file for row in rows.collect()}


def lines(spark: SparkSession, folder: Path) -> Counter[tuple[str, int, str]]:
    rows = spark.read.format("delta").load(str(folder / "table/flows")).collect()
    return Counter((Path(r.object_uri).name, r.object_line, r.run_id) for r in rows)


def traced(spark: SparkSession, folder: Path, case_id: str) -> list[tuple[str, str]]:
    """The flows of 10.0.0.8 at noon, by a case that reads the table alone."""
    code = trace_instance.main([
        "--flow_table", str(folder / "table"), "--output", str(folder), "--case_id", case_id,
        "--addresses", "10.0.0.8", "--baseline_days", "0", "--max_hops", "1", "--derive", "false",
        "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z",
    ])  # fmt: skip
    assert code == ExitCode.COMPLETE
    rows = spark.read.format("delta").load(str(folder / case_id / "flows")).collect()
    return sorted((row.srcaddr, row.dstaddr) for row in rows)


def test_a_day_in_pieces_is_merged_once_and_cases_read_the_same(
    spark: SparkSession, tmp_path: Path
) -> None:
    fill(tmp_path)
    before, pieces = lines(spark, tmp_path), data_files(spark, tmp_path, "2026-11-23")
    assert traced(spark, tmp_path, "before") == _OF_8

    printed = ingest(tmp_path / "logs", tmp_path / "table", *_LATER)

    assert f"upkeep    1 day merged: {len(pieces)} files became 1" in printed
    (merged,) = data_files(spark, tmp_path, "2026-11-23")
    assert merged not in pieces
    assert indexed(spark, tmp_path, "2026-11-23") == {merged}
    (new,) = (lines(spark, tmp_path) - before).items()  # the later object, and nothing else
    assert (new[0][1], new[1]) == (2, 1)
    assert before - lines(spark, tmp_path) == Counter()
    assert traced(spark, tmp_path, "after") == _OF_8
    # What was replaced is there for whoever still reads it.
    on_disk = {path.name for path in (tmp_path / "table/flows/day=2026-11-23").glob("*.parquet")}
    assert pieces < on_disk
    write(tmp_path / "logs", 5, record("10.0.0.7", "10.0.0.9"), day=25)
    assert "day merged" not in ingest(tmp_path / "logs", tmp_path / "table", *_LATER)


def test_a_day_whose_index_was_lost_is_read_whole_and_merged_again(
    spark: SparkSession, tmp_path: Path
) -> None:
    """As a run leaves it that was killed between the files of a day and their index."""
    fill(tmp_path)
    for name in ("files", "addresses"):
        delete_rows(spark, str(tmp_path / "table" / name), F.col("day") == "2026-11-23")

    assert traced(spark, tmp_path, "unindexed") == _OF_8
    assert "upkeep    1 day merged" in ingest(tmp_path / "logs", tmp_path / "table", *_LATER)
    assert indexed(spark, tmp_path, "2026-11-23") == data_files(spark, tmp_path, "2026-11-23")


def test_old_days_leave_the_table_and_a_case_of_them_stays(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path)
    assert traced(spark, tmp_path, "case") == _OF_8
    keep = [*_LATER, "--keep_days", "2"]
    kept_files = data_files(spark, tmp_path, "2026-11-23")

    assert "upkeep    1 day deleted" in ingest(tmp_path / "logs", tmp_path / "table", *keep)

    for name in ("flows", "objects", "files", "addresses"):
        rows = spark.read.format("delta").load(str(tmp_path / "table" / name))
        assert {str(row.day) for row in rows.select("day").collect()} == {"2026-11-25"}, name
    on_disk = {path.name for path in (tmp_path / "table/flows/day=2026-11-23").glob("*.parquet")}
    assert on_disk == kept_files  # for a week, for whoever still reads them
    flows = spark.read.format("delta").load(str(tmp_path / "case/flows")).collect()
    assert sorted((row.srcaddr, row.dstaddr) for row in flows) == _OF_8
    capsys.readouterr()
    code = trace_instance.main([
        "--flow_table", str(tmp_path / "table"), "--output", str(tmp_path), "--case_id", "gone",
        "--addresses", "10.0.0.8", "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z",
    ])  # fmt: skip
    assert code == ExitCode.BAD_INPUT
    assert "found no object that may hold records of 2026-11-23 12:00:00" in capsys.readouterr().err
