"""Delta tables: replaced whole, kept for years, never at the expense of another tool's."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.errors import BadInput
from jobs.storage.delta_log import DeltaLog
from jobs.storage.delta_read import read_table
from jobs.storage.delta_sink import (
    append_rows,
    check_tables,
    compact,
    in_few_files,
    name_commits,
    remove_leftovers,
    write_table,
)
from tests.support.spark import Table
from transforms.schemas import QUARANTINE

NAMES = "object_uri STRING, object_line BIGINT, record_id STRING, stage STRING, text STRING, "
NAMES += "reason STRING, run_id STRING"


def refused(number: int) -> tuple[object, ...]:
    return ("s3://logs/a", number, None, "line", "x", "too few columns", "run")


def properties_of(table: Path) -> dict[str, str]:
    """What the last description in the log says; read by hand, not by the code under test."""
    found: dict[str, str] = {}
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            found = json.loads(line).get("metaData", {}).get("configuration", found)
    return found


def test_a_table_says_what_its_columns_mean_and_is_kept_for_years(
    table: Table, spark: SparkSession, tmp_path: Path
) -> None:
    uri = tmp_path / "quarantine"
    for line in (1, 2):
        write_table(table(NAMES, refused(line)), str(uri), QUARANTINE)

    described = {
        r["col_name"]: r["comment"] for r in spark.sql(f"DESCRIBE delta.`{uri}`").collect()
    }
    assert described["object_line"] == "first line is 1; null when the whole object is refused"
    assert properties_of(uri) == {
        "delta.logRetentionDuration": "interval 3650 days",
        "delta.deletedFileRetentionDuration": "interval 3650 days",
        "delta.dataSkippingStatsColumns": "object_uri,stage",
    }


def test_a_second_write_replaces_and_the_first_can_still_be_read(
    table: Table, spark: SparkSession, tmp_path: Path
) -> None:
    uri = str(tmp_path / "quarantine")
    write_table(table(NAMES, refused(1)), uri, QUARANTINE)
    name_commits(spark, "the-second-run")
    write_table(table(NAMES, refused(2)), uri, QUARANTINE)
    append_rows(table(NAMES, refused(3)), uri, QUARANTINE)

    assert [row.object_line for row in read_table(spark, uri, 0).collect()] == [1]
    assert sorted(row.object_line for row in read_table(spark, uri).collect()) == [2, 3]
    log = DeltaLog(uri)
    assert log.versions == [0, 1, 2]
    assert log.written_by(2)["userMetadata"] == "the-second-run"
    assert log.files(2).rows == 2
    assert log.files(0).rows == 1


def test_a_run_that_finds_nothing_twice_makes_a_version_each_time(
    table: Table, spark: SparkSession, tmp_path: Path
) -> None:
    uri = str(tmp_path / "quarantine")
    for run in ("first", "second"):
        name_commits(spark, run)
        write_table(table(NAMES), uri, QUARANTINE)

    log = DeltaLog(uri)
    assert [log.written_by(version)["userMetadata"] for version in log.versions] == [
        "first",
        "second",
    ]
    assert read_table(spark, uri).count() == 0


def test_a_table_of_an_older_version_gets_the_columns_and_settings_that_it_lacks(
    table: Table, spark: SparkSession, tmp_path: Path
) -> None:
    uri = tmp_path / "quarantine"
    older = "object_uri STRING, reason STRING"
    table(older, ("s3://logs/a", "cut off")).write.format("delta").save(str(uri))

    check_tables(str(tmp_path))
    write_table(table(NAMES, refused(7)), str(uri), QUARANTINE)

    assert (
        read_table(spark, str(uri)).columns
        == NAMES.replace("STRING", "").replace("BIGINT", "").replace(",", "").split()
    )
    assert properties_of(uri)["delta.logRetentionDuration"] == "interval 3650 days"
    assert [row.reason for row in read_table(spark, str(uri), 0).collect()] == ["cut off"]


def test_a_table_of_another_tool_is_refused_with_both_shapes_and_the_way_out(
    table: Table, tmp_path: Path
) -> None:
    foreign = "object_uri STRING, object_line STRING, stage STRING, verdict STRUCT<a: INT>"
    rows = table(foreign, ("s3://logs/a", "1", "line", (1,)))
    rows.write.format("delta").partitionBy("stage").save(str(tmp_path / "quarantine"))
    (tmp_path / "flows/_delta_log").mkdir(parents=True)
    (tmp_path / "flows/_delta_log/00000000000000000000.json").write_text("no json\n")

    with pytest.raises(BadInput) as caught:
        check_tables(str(tmp_path))

    way_out = "expected what an earlier run of this job wrote; move the table away or choose "
    way_out += "another --case_id"
    assert list(caught.value.problems) == [
        f"table {tmp_path}/flows: existing a log that cannot be read (Expecting value: line 1 "
        f"column 1 (char 0)); {way_out}",
        f"table {tmp_path}/quarantine: existing object_line STRING, incoming BIGINT; "
        "verdict STRUCT<a:INT>, incoming has no such column; partitions by stage, incoming none; "
        f"{way_out}",
    ]


def test_the_shape_is_found_in_a_checkpoint_when_the_first_versions_are_gone(
    table: Table, tmp_path: Path
) -> None:
    uri = tmp_path / "quarantine"
    table("object_uri BIGINT", (1,)).write.format("delta").option(
        "delta.checkpointInterval", "2"
    ).save(str(uri))
    for _ in range(3):
        table("object_uri BIGINT", (1,)).write.format("delta").mode("append").save(str(uri))
    assert list((uri / "_delta_log").glob("*2.checkpoint.parquet"))
    for version in (0, 1):
        (uri / f"_delta_log/{version:020}.json").unlink()

    with pytest.raises(BadInput, match="existing object_uri BIGINT, incoming STRING"):
        check_tables(str(tmp_path))


def test_only_many_small_files_are_rewritten(
    table: Table, spark: SparkSession, tmp_path: Path
) -> None:
    few, many = str(tmp_path / "few/quarantine"), str(tmp_path / "many/quarantine")
    rows = table(NAMES, *(refused(n) for n in range(80)))
    write_table(in_few_files(rows.repartition(8), 80), few, QUARANTINE)
    write_table(rows.repartition(40), many, QUARANTINE)

    for uri in (few, many):
        compact(spark, uri)

    assert DeltaLog(few).version == 0
    assert DeltaLog(few).files(0).number == 1
    assert DeltaLog(many).version == 1
    assert DeltaLog(many).files(1).number == 1
    assert sorted(row.object_line for row in read_table(spark, many).collect()) == list(range(80))


def test_only_files_that_no_version_names_are_leftovers(
    table: Table, spark: SparkSession, tmp_path: Path
) -> None:
    uri = tmp_path / "quarantine"
    for line in (1, 2):
        write_table(table(NAMES, refused(line)).coalesce(1), str(uri), QUARANTINE)
    orphan = uri / "part-00000-5f0c9a3e-0000-0000-0000-000000000000-c000.snappy.parquet"
    orphan.write_bytes(b"PAR1 half a file")
    note = uri / "note.txt"
    note.write_text("a person put this here")

    assert remove_leftovers(str(tmp_path)) == 1

    assert not orphan.exists()
    assert note.exists()
    for version, line in ((0, 1), (1, 2)):
        assert [row.object_line for row in read_table(spark, str(uri), version).collect()] == [line]
