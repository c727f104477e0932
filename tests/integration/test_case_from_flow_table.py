"""A case that reads a flow table equals one that reads text."""

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import trace_instance
from jobs.cli.arguments import parse_arguments
from jobs.errors import ExitCode
from jobs.evidence.case_lock import locked_case
from jobs.flow_table.source import source_of
from jobs.pipeline.prepare import prepare
from jobs.pipeline.publish import begin_case
from jobs.pipeline.read_flows import read_window
from jobs.sources.listing import list_objects
from jobs.sources.object_scan import ScanSettings
from jobs.spark.phases import Phases
from tests.support import days
from tests.support.flow_tables import START, ingest, record, write
from tests.support.services import DemoDay
from transforms.subject.identity import Subject
from transforms.window import Window


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

    as_text = read(spark, tmp_path, days.flags_of(day, tmp_path, tmp_path, "as-text"))
    from_table = read(
        spark,
        tmp_path,
        [
            *days.flags_of(day, tmp_path, tmp_path, "from-table"),
            "--flow_table",
            str(tmp_path / "table"),
        ],
    )

    assert as_text["flows"]
    assert from_table == as_text

    flags = days.flags_of(day, tmp_path, tmp_path, "table-alone")
    at = flags.index("--flow_logs")
    alone = [*flags[:at], *flags[at + 2 :], "--flow_table", str(tmp_path / "table")]
    assert read(spark, tmp_path, alone) == as_text


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


@pytest.mark.parametrize("seed", [3, 11])
def test_the_rows_of_the_table_are_those_of_a_case_of_everything(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    """Executors write the one as Parquet, and Spark the other; Spark reads both."""
    day = days.draw_day(seed)
    days.store(day, tmp_path)
    labels = ["--labels", str(tmp_path / "labels")] if day.labels else []
    ingest(tmp_path / "logs", tmp_path / "table", "--from", "2020-01-01T00:00:00Z", *labels)
    from_s, to_s = (datetime.fromtimestamp(moment, UTC).isoformat() for moment in day.window)
    code = trace_instance.main([
        "--scope", "everything", "--flow_logs", str(tmp_path / "logs"), "--output", str(tmp_path),
        "--case_id", "all", "--from", from_s, "--to", to_s, *labels,
    ])  # fmt: skip
    assert code == ExitCode.COMPLETE

    case, table = (
        spark.read.format("delta").load(str(tmp_path / place))
        for place in ("all/flows", "table/flows")
    )
    same = [name for name in case.columns if name in table.columns and name != "run_id"]
    found = {(row.object_uri, row.object_line): row for row in table.select(*same).collect()}
    expected = {(row.object_uri, row.object_line): row for row in case.select(*same).collect()}

    assert len(same) > 90
    assert expected
    assert found.items() >= expected.items()


def test_a_day_of_which_next_to_nothing_is_wanted_is_read_as_text(
    spark: SparkSession, tmp_path: Path
) -> None:
    """One object of 36, and then six: the table would open its files of the whole day for it."""
    logs, table = tmp_path / "logs", tmp_path / "table"
    for minute in range(36):
        write(logs, minute, record("10.0.0.7", f"10.0.0.{minute + 8}", start=START + 60 * minute))
    ingest(logs, table)

    def found(first_minute: int, *, has_text: bool) -> tuple[int, list[str]]:
        """Objects from the table, and the targets, for a window that begins ten minutes later."""
        begin = datetime(2026, 11, 23, 12, first_minute + 10, tzinfo=UTC)
        window = Window(begin, begin.replace(hour=13), slack=timedelta())
        objects = list_objects((str(logs),), window).selected
        everything = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
        subject = Subject((), (), ("10.0.0.7",), ())
        settings = ScanSettings(subject.needles(), everything, 65_536, 4)
        scanned = source_of(spark, str(table), objects, has_text=has_text).scan(subject, settings)
        rows = scanned.frame.where("record IS NOT NULL").select("record.dstaddr").collect()
        scanned.release()
        return scanned.stored.objects_from_table, sorted(row.dstaddr for row in rows)

    last = ["10.0.0.43"]
    six = [f"10.0.0.{number}" for number in range(38, 44)]
    assert found(35, has_text=True) == (0, last)
    assert found(30, has_text=True) == (6, six)
    assert found(35, has_text=False) == (1, last)
