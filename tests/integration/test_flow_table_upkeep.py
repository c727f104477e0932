"""A flow table stays quick and small: days in pieces are merged, old days leave it."""

import json
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs import trace_instance
from jobs.errors import ExitCode
from jobs.flow_table.listed import listed_by
from jobs.flow_table.stored_scan import stored_part, stored_scan
from jobs.flow_table.tables import FlowTable
from jobs.storage.delta_sink import delete_rows
from tests.support.flow_tables import ingest, record, write
from tests.support.launched import PATIENCE_S, start
from transforms.subject.identity import Subject
from transforms.window import Window

_SAME_DAY = ["--to", "2026-11-23T13:00:00Z"]  # a day is merged when it is over
_LATER = ["--from", "2026-11-24T00:00:00Z", "--to", "2026-11-26T00:00:00Z"]
_DAY = "2026-11-23"
_ENIS = ("eni-0aaaaaaa", "eni-0bbbbbbb")
_OF_8 = [("10.0.0.200", "10.0.0.8"), ("10.0.0.8", "10.0.0.200")]


@pytest.fixture(scope="module")
def filled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs of an object each on one day."""
    folder = tmp_path_factory.mktemp("filled")
    for number, minute in enumerate((0, 5, 10, 15)):
        one, other = f"10.0.0.{number + 7}", "10.0.0.200"
        write(folder / "logs", minute, record(one, other), record(other, one, _ENIS[number % 2]))
        ingest(folder / "logs", folder / "table", *_SAME_DAY)
    return folder


@pytest.fixture
def table(filled: Path, tmp_path: Path) -> Path:
    """The same table, for one test; the records are of 10.0.0.200 and four others."""
    return shutil.copytree(filled / "table", tmp_path / "table")


def later_flags(filled: Path, table: Path, *more: str, minute: int = 0) -> list[str]:
    """A run two days later, with a new object of that day."""
    later = table.parent / "later"
    write(later, minute, record("10.0.0.7", "10.0.0.9"), day=25)
    prefixes = f"{filled / 'logs'},{later}"
    return ["--flow_logs", prefixes, "--flow_table", str(table), *_LATER, *more]


def ingest_later(filled: Path, table: Path, *more: str, minute: int = 0) -> str:
    """The same, run; what it printed."""
    return ingest(filled / "logs", table, *later_flags(filled, table, *more, minute=minute))


def data_files(spark: SparkSession, table: Path, day: str = _DAY) -> set[str]:
    rows = spark.read.format("delta").load(str(table / "flows")).where(F.col("day") == day)
    return {path.rsplit("/", 1)[-1] for path in rows.inputFiles()}


def indexed(spark: SparkSession, table: Path, day: str = _DAY) -> set[str]:
    rows = spark.read.format("delta").load(str(table / "files")).where(F.col("day") == day)
    return {row.file for row in rows.collect()}


def lines(spark: SparkSession, table: Path) -> Counter[tuple[str, int, str]]:
    rows = spark.read.format("delta").load(str(table / "flows")).collect()
    return Counter((Path(r.object_uri).name, r.object_line, r.run_id) for r in rows)


def traced(spark: SparkSession, table: Path, case_id: str) -> list[tuple[str, str]]:
    """The flows of 10.0.0.8 at noon, by a case that reads the table alone."""
    code = trace_instance.main([
        "--flow_table", str(table), "--output", str(table.parent), "--case_id", case_id,
        "--addresses", "10.0.0.8", "--baseline_days", "0", "--max_hops", "1", "--derive", "false",
        "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z",
    ])  # fmt: skip
    assert code == ExitCode.COMPLETE
    rows = spark.read.format("delta").load(str(table.parent / case_id / "flows")).collect()
    return sorted((row.srcaddr, row.dstaddr) for row in rows)


def test_a_day_in_pieces_is_merged_once_and_cases_read_the_same(
    spark: SparkSession, filled: Path, table: Path
) -> None:
    before, pieces = lines(spark, table), data_files(spark, table)
    assert traced(spark, table, "before") == _OF_8

    printed = ingest_later(filled, table)

    assert f"upkeep    1 day merged: {len(pieces)} files became 1" in printed
    (merged,) = data_files(spark, table)
    assert merged not in pieces
    assert indexed(spark, table) == {merged}
    assert not (table / ".side_rows").exists()
    (new,) = (lines(spark, table) - before).items()  # the later object, and nothing else
    assert (new[0][1], new[1]) == (2, 1)
    assert before - lines(spark, table) == Counter()
    assert traced(spark, table, "after") == _OF_8
    # What was replaced is there for whoever still reads it.
    on_disk = {path.name for path in (table / f"flows/day={_DAY}").glob("*.parquet")}
    assert pieces < on_disk
    assert "day merged" not in ingest_later(filled, table, minute=5)


def test_a_day_whose_index_was_lost_is_read_whole_and_merged_again(
    spark: SparkSession, filled: Path, table: Path
) -> None:
    """As a run leaves it that was killed between the files of a day and their index."""
    for name in ("files", "addresses"):
        delete_rows(spark, str(table / name), F.col("day") == _DAY)

    assert traced(spark, table, "unindexed") == _OF_8
    assert "upkeep    1 day merged" in ingest_later(filled, table)
    assert indexed(spark, table) == data_files(spark, table)


def test_old_days_leave_the_table_and_a_case_of_them_stays(
    spark: SparkSession, filled: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert traced(spark, table, "case") == _OF_8
    kept_files = data_files(spark, table)

    assert "upkeep    1 day deleted" in ingest_later(filled, table, "--keep_days", "2")

    for name in ("flows", "objects", "files", "addresses"):
        rows = spark.read.format("delta").load(str(table / name))
        assert {str(row.day) for row in rows.select("day").collect()} == {"2026-11-25"}, name
    on_disk = {path.name for path in (table / f"flows/day={_DAY}").glob("*.parquet")}
    assert on_disk == kept_files  # for a week, for whoever still reads them
    flows = spark.read.format("delta").load(str(table.parent / "case/flows")).collect()
    assert sorted((row.srcaddr, row.dstaddr) for row in flows) == _OF_8
    capsys.readouterr()
    code = trace_instance.main([
        "--flow_table", str(table), "--output", str(table.parent), "--case_id", "gone",
        "--addresses", "10.0.0.8", "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z",
    ])  # fmt: skip
    assert code == ExitCode.BAD_INPUT
    assert "found no object that may hold records of 2026-11-23 12:00:00" in capsys.readouterr().err


def test_objects_leave_the_table_before_their_flows(
    spark: SparkSession, filled: Path, table: Path
) -> None:
    """A run that is killed in between leaves no object in it that seems to have no flows."""
    ingest_later(filled, table, "--keep_days", "2")

    deleted_at = {
        name: row.timestamp
        for name in ("flows", "objects", "files", "addresses")
        for row in spark.sql(f"DESCRIBE HISTORY delta.`{table}/{name}`").collect()
        if row.operation == "DELETE"
    }
    assert len(deleted_at) == 4
    assert min(deleted_at, key=lambda name: deleted_at[name]) == "objects"


@pytest.mark.launched
@pytest.mark.parametrize("more", [[], ["--keep_days", "2"]], ids=["merged", "deleted"])
def test_a_case_under_way_loses_nothing_to_upkeep(
    spark: SparkSession, filled: Path, table: Path, tmp_path: Path, more: list[str]
) -> None:
    """The ingest is a process of its own, as Delta drops what its own session keeps in memory."""
    day = Window(datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 11, 23, 13, tzinfo=UTC))
    (listing,) = listed_by(FlowTable(str(table)), day)
    part = stored_part(spark, FlowTable(str(table)), listing.selected)

    flags, log = later_flags(filled, table, *more), tmp_path / "log"
    run = start("jobs/ingest_flows.py", flags, log)
    assert run.wait(PATIENCE_S) == 0, log.read_text()
    assert "upkeep    1 day" in log.read_text()

    subject = Subject((), (), ("10.0.0.8",), ())
    rows = stored_scan(spark, part, subject, day).rows.where("record IS NOT NULL").collect()
    assert sorted((row.record.srcaddr, row.record.dstaddr) for row in rows) == _OF_8


def test_what_came_after_the_last_run_is_not_seen(
    spark: SparkSession, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has slots until 12:15; of the hour after it nobody knows, whatever happened."""
    code = trace_instance.main([
        "--flow_table", str(table), "--output", str(table.parent), "--case_id", "stale",
        "--interface_ids", "eni-0aaaaaaa", "--baseline_days", "0", "--max_hops", "1",
        "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T14:00:00Z",
    ])  # fmt: skip

    assert code == ExitCode.COMPLETE
    printed = capsys.readouterr().out
    assert "Coverage    PARTIAL" in printed
    assert "the flow table lists what it has; its last run began" in printed
    manifest = json.loads((table.parent / "stale/manifest.json").read_text())
    assert manifest["listing"]["known_until"] is not None
    assert manifest["listing"]["prefixes"] == []
