"""Nothing is denied or counted of an interface without a record; lost minutes are not FULL."""

import gzip
import json
import re
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.trace_instance import main

NOON = 1_795_435_200  # 2026-11-23 12:00:00 UTC
OWN = "eni-0aaaaaaaaaaaaaaaa"
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status"
)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An hour of a web server: a visitor a minute, one rejected knock; ten minutes were lost."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for slot in range(0, 3600, 300):
        lines = [HEADER]
        for at in range(NOON + slot, NOON + slot + 300, 60):
            if 1200 <= at - NOON < 1800:
                continue
            there, back = "198.51.100.9 10.0.1.13 50000 443", "10.0.1.13 198.51.100.9 443 50000"
            lines += [
                f"2 1 {OWN} {ends} 6 5 900 {at} {at + 59} ACCEPT OK" for ends in (there, back)
            ]
        knock = NOON + slot + 7
        if slot == 0:
            lines.append(
                f"2 1 {OWN} 198.51.100.8 10.0.1.13 5 23 6 1 40 {knock} {knock} REJECT OK"
            )  # fmt: skip
        stamp = f"20261123T12{slot // 60:02}Z"
        name = f"111122223333_vpcflowlogs_eu-west-1_fl-0aaaaaaaaaaaaaaaa_{stamp}_0a.log.gz"
        (folder / name).write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    return folder


def traced(logs: Path, interface_id: str, address: str) -> Path:
    flags = ["--flow_logs", str(logs), "--instance_id", "i-0aaaaaaaaaaaaaaaa"]
    flags += ["--interface_ids", interface_id, "--addresses", address, "--case_id", "case"]
    flags += ["--from", "2026-11-23T12:00:00Z", "--to", "2026-11-23T13:00:00Z"]
    assert main([*flags, "--output", str(logs.parent)]) == 0
    return logs.parent / "case"


def test_a_mistyped_id_is_never_answered_with_no_or_with_zero(
    spark: SparkSession, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = traced(logs, "eni-0bbbbbbbbbbbbbbbb", "10.0.9.9")

    why = "no record of eni-0bbbbbbbbbbbbbbbb in any of 12 slots"
    said = capsys.readouterr().out
    head = said.split("\nCase case")[0]
    assert head.strip().startswith("CANNOT TELL: ")
    assert f"\nCoverage    NONE: {why}" in head
    assert not re.findall(
        r"(?<![\d.:-])0(?![\d.:-])|\bNo\b|\bno \w+ w|[Nn]othing that|[Nn]obody", head
    )

    answers = spark.read.format("delta").load(str(case / "answers")).collect()
    assert {row["sentence"] for row in answers[1:]} == {f"Not seen: {why}."}
    assert all(not row["figures"] for row in answers)

    manifest = json.loads((case / "manifest.json").read_text())
    assert manifest["coverage"]["verdict"] == "NONE"

    report = (case / "report.html").read_text().split('id="method-title"')[0]
    assert re.findall(r'data-figure="\w+">([^<]*)<', report) == ["not seen"] * 6
    for denial in ("began nothing", "No conversation", "No internal peer", "Nothing to show"):
        assert denial not in report


def test_ten_lost_minutes_are_two_slots_that_were_not_seen(
    spark: SparkSession, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traced(logs, OWN, "10.0.1.13")

    said = capsys.readouterr().out
    assert "Coverage    PARTIAL: 10 of 12 five-minute slots of 1 interface seen whole" in said
    assert (
        "  - 2 slots with nothing recorded: 2026-11-23 12:20 to 2026-11-23 12:30\n"
        f"  - aggregation intervals, from the records: {OWN} in fl-0aaaaaaaaaaaaaaaa: "
        "60 s from second 0 of their cycle on, slack 6 s\n"
    ) in said
    assert "Coverage is PARTIAL: this proves no absence." in said
