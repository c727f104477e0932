"""A flow table is filled once: each object counts once, whatever kills a run or runs beside it."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import ingest_flows
from jobs.errors import ExitCode
from jobs.evidence.case_lock import locked_case
from jobs.flow_table.additions import RunLost, complete_run
from jobs.flow_table.tables import FlowTable, IngestRun
from tests.support.flow_tables import HEADER, MONTH, START, ingest, record, write
from tests.support.launched import kill, start, wait_for


def stored(spark: SparkSession, table: Path, name: str) -> list[Any]:
    """Rows of complete runs."""
    runs = {row.run_id for row in spark.read.format("delta").load(str(table / "runs")).collect()}
    rows = spark.read.format("delta").load(str(table / name)).collect()
    return [row for row in rows if row.run_id in runs]


def lines_of(spark: SparkSession, table: Path) -> Counter[tuple[str, int]]:
    return Counter(
        (Path(row.object_uri).name, row.object_line) for row in stored(spark, table, "flows")
    )


def test_each_object_is_read_once_however_late_it_comes(
    spark: SparkSession, tmp_path: Path
) -> None:
    logs, table = tmp_path / "logs", tmp_path / "table"
    early = write(logs, 5, record("10.0.0.7", "10.0.0.9"), "no record")
    ingest(logs, table)
    assert "Nothing new" in ingest(logs, table)
    late = write(logs, 0, record("10.0.0.7", "10.0.0.8"), record("10.0.0.8", "10.0.0.7"))
    printed = ingest(logs, table)

    assert "2 listed, 0 left out, 1 stored before, 1 new" in printed
    assert "Books       balanced: all 5 identities hold" in printed
    assert lines_of(spark, table) == {
        (early.name, 2): 1, (late.name, 2): 1, (late.name, 3): 1,
    }  # fmt: skip
    (refused,) = stored(spark, table, "refused")
    assert (Path(refused.object_uri).name, refused.object_line) == (early.name, 3)
    runs = spark.read.format("delta").load(str(table / "runs")).orderBy("number").collect()
    assert [(row.number, row.objects, row.flows) for row in runs] == [(1, 1, 1), (2, 1, 2)]
    second = json.loads((table / f"manifests/{runs[1].run_id}.json").read_text())
    assert second["previous"] == {"run_id": runs[0].run_id, "sha256": runs[0].manifest_sha256}


def test_an_hour_in_which_nobody_spoke_is_added_too(spark: SparkSession, tmp_path: Path) -> None:
    """Records of NODATA have no addresses: there is nothing to sort them by."""
    logs, table = tmp_path / "logs", tmp_path / "table"
    quiet = f"2 111122223333 eni-0aaaaaaa - - - - - - - {START} {START + 50} - NODATA"
    path = write(logs, 5, quiet, quiet)

    printed = ingest(logs, table)

    assert "Books       balanced: all 5 identities hold" in printed
    assert lines_of(spark, table) == {(path.name, 2): 1, (path.name, 3): 1}
    assert {(row.srcaddr, row.log_status) for row in stored(spark, table, "flows")} == {
        (None, "NODATA"),
    }  # fmt: skip


def test_a_damaged_copy_of_a_name_takes_nothing_away_and_no_time_is_lost(
    spark: SparkSession, tmp_path: Path
) -> None:
    """A record of the year 5000, and an object that is written anew and breaks late."""
    logs, table = tmp_path / "logs", tmp_path / "table"
    path = write(logs, 5, record("10.0.0.7", "10.0.0.9"), record("10.0.0.7", "::1", start=10**11))
    ingest(logs, table)
    many = "\n".join([HEADER, *(record("10.0.0.7", f"10.{n % 250}.0.1") for n in range(200_000))])
    path.write_bytes(gzip.compress(many.encode())[:-20])
    ingest(logs, table)

    assert lines_of(spark, table) == {(path.name, 2): 1, (path.name, 3): 1}
    objects = {(row.outcome, row.parsed_lines) for row in stored(spark, table, "objects")}
    assert objects == {("read", 2), ("refused", 0)}


def test_two_runs_at_once_do_not_both_write(spark: SparkSession, tmp_path: Path) -> None:
    logs, table = tmp_path / "logs", tmp_path / "table"
    write(logs, 5, record("10.0.0.7", "10.0.0.9"))
    flags = ["--flow_logs", str(logs), "--flow_table", str(table), *MONTH]

    with locked_case(f"{table}/run.lock", "20261123t120000z-0000", None):
        assert ingest_flows.main(flags) == ExitCode.HELD

    assert not (table / "flows").exists()
    ingest(logs, table)
    assert sum(lines_of(spark, table).values()) == 1


@pytest.mark.launched
def test_a_run_killed_in_any_phase_counts_for_nothing(spark: SparkSession, tmp_path: Path) -> None:
    logs, table, log = tmp_path / "logs", tmp_path / "table", tmp_path / "log"
    first = write(logs, 5, record("10.0.0.7", "10.0.0.9"))
    ingest(logs, table)
    second = write(logs, 10, record("10.0.0.7", "10.0.0.8"), record("10.0.0.7", "10.0.0.6"))
    flags = ["--flow_logs", str(logs), "--flow_table", str(table), *MONTH]

    def committed(name: str) -> Callable[[], object]:
        folder = table / name / "_delta_log"
        known = len(list(folder.glob("*.json")))
        return lambda: len(list(folder.glob("*.json"))) > known

    def manifest() -> Callable[[], object]:
        known = len(list((table / "manifests").iterdir()))
        return lambda: len(list((table / "manifests").iterdir())) > known

    for reached in (committed("flows"), committed("objects"), committed("files"), manifest()):
        run = start("jobs/ingest_flows.py", flags, log)
        try:
            wait_for(reached, run, log)
        finally:
            kill(run)
        assert lines_of(spark, table) == {(first.name, 2): 1}

    ingest(logs, table)

    assert lines_of(spark, table) == {(first.name, 2): 1, (second.name, 2): 1, (second.name, 3): 1}
    runs = {row.run_id for row in spark.read.format("delta").load(str(table / "runs")).collect()}
    for name in ("flows", "objects", "files", "addresses"):
        rows = spark.read.format("delta").load(str(table / name)).collect()
        assert {row.run_id for row in rows} == runs, name  # nothing of the killed ones is left


def test_of_two_runs_with_one_number_one_counts(spark: SparkSession, tmp_path: Path) -> None:
    """As two drivers would commit if the lock had failed them."""
    table = FlowTable(str(tmp_path))

    def run(run_id: str) -> IngestRun:
        return IngestRun(
            run_id=run_id, number=1, began_at=datetime(2026, 11, 23, tzinfo=UTC), objects=1,
            flows=1, manifest_sha256="0",
        )  # fmt: skip

    complete_run(spark, table, run("a"))
    with pytest.raises(RunLost, match="nothing of this one counts"):
        complete_run(spark, table, run("b"))

    assert [each.run_id for each in table.runs()] == ["a"]


def test_something_else_in_the_place_of_a_table_is_refused_first(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs", 5, record("10.0.0.7", "10.0.0.9"))
    for name in ("flows", "published"):
        spark.range(1).write.format("delta").save(str(tmp_path / "table" / name))

    code = ingest_flows.main(
        ["--flow_logs", str(tmp_path / "logs"), "--flow_table", str(tmp_path / "table"), *MONTH]
    )

    assert code == ExitCode.BAD_INPUT
    told = capsys.readouterr().err
    for name in ("flows", "published"):
        assert f"table {name} has id BIGINT, incoming has no such column" in told


def test_a_place_that_cannot_be_written_is_named_by_its_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs", 5, record("10.0.0.7", "10.0.0.9"))
    (tmp_path / "file").write_text("")

    code = ingest_flows.main(
        ["--flow_logs", str(tmp_path / "logs"), "--flow_table", str(tmp_path / "file/t"), *MONTH]
    )

    assert code == ExitCode.BAD_INPUT
    assert capsys.readouterr().err == (
        f"error: --flow_table {tmp_path}/file/t: found that {tmp_path}/file is a file; expected a "
        "folder to write to; choose another\n"
    )
