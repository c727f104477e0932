"""A flow table: filled once, each object once; a case that reads it equals one that reads text."""

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import ingest_flows, trace_instance
from jobs.cli.arguments import parse_arguments
from jobs.errors import ExitCode
from jobs.evidence.case_lock import locked_case
from jobs.flow_table.tables import FlowTable, IngestRun, RunLost
from jobs.pipeline.prepare import prepare
from jobs.pipeline.publish import begin_case
from jobs.pipeline.read_flows import read_window
from jobs.spark.phases import Phases
from tests.support import days
from tests.support.launched import kill, start, wait_for
from tests.support.services import DemoDay

MONTH = ["--from", "2026-11-01T00:00:00Z", "--to", "2026-12-01T00:00:00Z"]
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)
START = 1_795_435_200  # 2026-11-23 12:00:00 UTC


def ingest(logs: Path, table: Path, *more: str) -> str:
    """Fill the table; what the job printed."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = ingest_flows.main(
            ["--flow_logs", str(logs), "--flow_table", str(table), *MONTH, *more]
        )
    assert code == ExitCode.COMPLETE, printed.getvalue()
    return printed.getvalue()


def write(folder: Path, minute: int, *records: str) -> Path:
    folder.mkdir(exist_ok=True)
    stamp = f"20261123T12{minute:02}Z"
    path = folder / f"111122223333_vpcflowlogs_eu-west-1_fl-0aaaaaaa_{stamp}_0a.log.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *records, ""]).encode()))
    return path


def record(source: str, target: str, eni: str = "eni-0aaaaaaa", **differs: int) -> str:
    start = differs.get("start", START)
    return f"2 111122223333 {eni} {source} {target} 40000 22 6 3 180 {start} {start + 50} ACCEPT OK"


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


def test_an_object_that_was_written_anew_is_read_anew(spark: SparkSession, tmp_path: Path) -> None:
    logs, table = tmp_path / "logs", tmp_path / "table"
    write(logs, 5, record("10.0.0.7", "10.0.0.9"))
    ingest(logs, table)
    path = write(logs, 5, record("10.0.0.7", "10.0.0.8"), record("10.0.0.7", "10.0.0.6"))
    ingest(logs, table)

    trace_instance.main([
        "--flow_logs", str(logs), "--flow_table", str(table), "--output", str(tmp_path),
        "--case_id", "anew", "--addresses", "10.0.0.7", "--baseline_days", "0", "--max_hops", "1",
        "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z",
    ])  # fmt: skip

    flows = spark.read.format("delta").load(str(tmp_path / "anew/flows")).collect()
    assert sorted((Path(row.object_uri).name, row.dstaddr) for row in flows) == [
        (path.name, "10.0.0.6"), (path.name, "10.0.0.8"),
    ]  # fmt: skip


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

    table.complete(spark, run("a"))
    with pytest.raises(RunLost, match="nothing of this one counts"):
        table.complete(spark, run("b"))

    assert [each.run_id for each in table.runs(spark)] == ["a"]


def flags_of(day: days.Day, folder: Path, case_id: str, *more: str) -> list[str]:
    start, end = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in day.window)
    flags = ["--flow_logs", str(folder / "logs"), "--output", str(folder), "--case_id", case_id]
    flags += ["--from", start, "--to", end, "--derive", "false", *more]
    if day.labels:
        flags += ["--labels", str(folder / "labels")]
    for name, value in day.subject.items():
        if value:
            flags += [f"--{name}", ",".join(value) if isinstance(value, list) else value]
    return flags


def read(spark: SparkSession, folder: Path, flags: Sequence[str]) -> dict[str, list[str]]:
    """What the reading of the window stores, without what names the run."""
    case = prepare(parse_arguments(flags), datetime.now(UTC))
    with locked_case(case.table("run.lock"), case.run_id, None) as lock:
        begin_case(spark, case, lock)
        window = read_window(spark, case, Phases())
        assert window.books.balanced
        window.release()
    found = {}
    for name in ("flows", "quarantine"):
        rows = spark.read.format("delta").load(case.table(name)).drop("run_id").collect()
        found[name] = sorted(map(repr, rows))
    return found


@pytest.mark.parametrize("seed", [3, 11])
def test_a_day_with_everything_reads_the_same_from_the_table(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    day = days.draw_day(seed)
    days.store(day, tmp_path)
    ingest(tmp_path / "logs", tmp_path / "table", "--from", "2020-01-01T00:00:00Z")

    as_text = read(spark, tmp_path, flags_of(day, tmp_path, "as-text"))
    from_table = read(
        spark,
        tmp_path,
        flags_of(day, tmp_path, "from-table", "--flow_table", str(tmp_path / "table")),
    )

    assert as_text["flows"]
    assert from_table == as_text


EVERYTHING = (
    "flows", "objects", "quarantine", "coverage", "conversations", "peers", "path", "answers",
)  # fmt: skip


def test_a_case_is_the_same_whether_text_or_table_is_read(
    spark: SparkSession, demo_day: DemoDay, tmp_path: Path
) -> None:
    """Half of the objects are in the table, the others came since: they are read as text."""
    table = tmp_path / "table"
    ingest(demo_day.folder / "flow-logs", table, "--to", "2026-11-23T12:00:00Z")
    printed, manifests = {}, {}
    for case_id, more in (("as-text", []), ("from-table", ["--flow_table", str(table)])):
        out = io.StringIO()
        with redirect_stdout(out):
            assert trace_instance.main([*demo_day.flags(tmp_path, case_id), *more]) == 0
        printed[case_id] = out.getvalue()
        manifests[case_id] = json.loads((tmp_path / case_id / "manifest.json").read_text())

    for name in EVERYTHING:
        text, again = (
            sorted(
                repr(row)
                for row in spark.read.format("delta")
                .load(str(tmp_path / case_id / name))
                .drop("run_id")
                .collect()
            )
            for case_id in ("as-text", "from-table")
        )
        assert text or name == "quarantine", name
        assert again == text, name
    in_both = {
        name: manifests["as-text"]["books"][name]
        for name in manifests["as-text"]["books"]
        if not name.startswith("octets_") and name != "objects_from_table"
    }
    books = manifests["from-table"]["books"]
    assert {name: books[name] for name in in_both} == in_both
    assert 0 < books["objects_from_table"] < books["objects_read"]
    assert f"{books['objects_from_table']:,} of them from the flow table" in printed["from-table"]
    assert "flow table" not in printed["as-text"]


def test_without_a_complete_run_everything_is_read_as_text_and_said(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs", 5, record("10.0.0.7", "10.0.0.9"))

    code = trace_instance.main([
        "--flow_logs", str(tmp_path / "logs"), "--flow_table", str(tmp_path / "none"),
        "--output", str(tmp_path), "--case_id", "text", "--addresses", "10.0.0.7",
        "--baseline_days", "0", "--max_hops", "1",
        "--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z",
    ])  # fmt: skip

    assert code == ExitCode.COMPLETE
    assert "none of them from the flow table: no complete run" in capsys.readouterr().out
    assert spark.read.format("delta").load(str(tmp_path / "text/flows")).count() == 1


def test_something_else_in_the_place_of_a_table_is_refused_first(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs", 5, record("10.0.0.7", "10.0.0.9"))
    spark.range(1).write.format("delta").save(str(tmp_path / "table/flows"))

    code = ingest_flows.main(
        ["--flow_logs", str(tmp_path / "logs"), "--flow_table", str(tmp_path / "table"), *MONTH]
    )

    assert code == ExitCode.BAD_INPUT
    assert "table flows has id BIGINT, incoming has no such column" in capsys.readouterr().err
