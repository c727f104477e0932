"""A watch tells what is new and suspicious of listed instances once, whatever kills a run."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs import ingest_flows
from jobs.errors import ExitCode
from tests.support.flow_tables import MONTH, ingest, write
from tests.support.launched import kill, start, wait_for
from tests.support.watched import CALM, DB_AT, WEB, Watching, calm, tried


def told(lines: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [
        (line["instance_id"], line["peer"], line["service_port"])
        for line in lines
        if line["watch"] == "suspicious"
    ]


def test_a_suspicious_peer_is_told_in_the_run_that_sees_it_and_never_again(
    spark: SparkSession, tmp_path: Path
) -> None:
    watching = Watching(tmp_path, WEB, "calm", "i-0cccccccccccccccc")
    write(watching.logs, 0, tried("10.0.0.4", 0, day=-1), day=22)
    ingest(watching.logs, watching.table)
    write(watching.logs, 0, *calm(0))
    watching.flags += ["--watch_exit", "true"]
    first, printed = watching.run()

    assert told(first) == []  # what came before it was listed is not looked at
    assert [line["instance"] for line in first] == ["i-0cccccccccccccccc"]
    assert "which the labels do not know" in first[0]["why"]
    assert f"no record {WEB} (web): the flow table has nothing of it" in printed
    assert f"judged    {CALM} (calm): nothing new" in printed
    assert watching.notice()["new"] == 0

    watching.now(WEB, "i-0cccccccccccccccc")
    write(watching.logs, 5, tried(DB_AT, 5))
    second, printed = watching.run(ExitCode.WATCH_TOLD)

    assert told(second) == [(WEB, DB_AT, 22)]
    line = second[0]
    assert (line["instance_name"], line["peer_name"]) == ("web", "db[31m<b>http://evil.example/")
    assert (line["initiator"], line["outcome"]) == ("subject", "BLOCKED_SRC")
    assert line["first_at"] == "2026-11-23T12:05:00Z"
    assert "manner: its first try failed" in line["reasons"]
    assert f"judged    {WEB} (web): 1 new row" in printed
    notice = watching.notice()
    assert (notice["new"], notice["not_judged"]) == (1, 1)
    assert "http[:]//evil[.]example/" in str(notice["message"])

    write(watching.logs, 10, tried(DB_AT, 10))
    third, printed = watching.run()

    assert told(third) == []
    assert f"judged    {WEB} (web): nothing new" in printed
    assert watching.notice()["new"] == 0
    rows = spark.read.format("delta").load(str(watching.table / "watched")).collect()
    assert [(row.instance_id, row.peer, row.service_port) for row in rows] == [(WEB, DB_AT, 22)]
    assert not (watching.table / "watch").exists()


@pytest.mark.launched
def test_what_a_killed_run_has_not_told_is_told_by_the_next(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Killed once its objects count, before the watch; the first run of all is such a one."""
    watching, log = Watching(tmp_path, WEB), tmp_path / "log"
    write(watching.logs, 0, tried(DB_AT, 0))
    where = ["--flow_logs", str(watching.logs), "--flow_table", str(watching.table)]
    run = start("jobs/ingest_flows.py", [*where, *MONTH, *watching.flags], log)
    try:
        wait_for(lambda: list((watching.table / "runs/_delta_log").glob("*.json")), run, log)
    finally:
        kill(run)
    assert not (watching.table / "watched").exists()

    write(watching.logs, 5, tried("10.0.0.5", 5, port=23))
    lines, _ = watching.run()

    assert sorted(told(lines)) == [(WEB, "10.0.0.5", 23), (WEB, DB_AT, 22)]


def test_a_list_that_nobody_can_read_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs", 0, *calm(0))
    (tmp_path / "empty.txt").write_text("# nobody\n")
    where = ["--flow_logs", str(tmp_path / "logs"), "--flow_table", str(tmp_path / "table")]

    for path, problem in (
        ("empty.txt", "it lists nobody; expected an instance per line, by id or name"),
        ("missing.txt", "expected a text file"),
    ):
        flags = [*where, *MONTH, "--watch_list", str(tmp_path / path)]
        assert ingest_flows.main(flags) == ExitCode.BAD_INPUT
        assert problem in capsys.readouterr().err

    assert not (tmp_path / "table").exists()
