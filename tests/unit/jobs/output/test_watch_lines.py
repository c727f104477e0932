"""What a watch tells, when names are hostile and rows are many."""

import json
from datetime import UTC, datetime
from typing import Any

from jobs.output.watch_lines import (
    JudgedInstance,
    Watched,
    json_lines,
    notice_of,
    summary_lines,
)
from transforms.window import Window

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON.replace(hour=13))
HOSTILE = "\x1b]0;owned\x07\u202e<script>@all http://evil.example/\n{}"


def row(**differs: Any) -> dict[str, Any]:
    """A row of peers; a test states only what differs from it."""
    usual = {
        "peer": "10.0.0.9", "peer_name": None, "peer_ring": "own vpc", "service_port": 22,
        "protocol": 6, "initiator": "subject", "outcome": "DATA", "attempts": 1,
        "reasons": ["manner: one of a scan"], "first_at": NOON, "last_at": NOON,
    }  # fmt: skip
    return usual | differs


def watched(*rows: dict[str, Any], name: str | None = None, left_out: int = 0) -> Watched:
    judged = JudgedInstance(
        instance_id="i-0aaaaaaaaaaaaaaaa", name=name, window=WINDOW, coverage="FULL", rows=rows,
        left_out=left_out,
    )  # fmt: skip
    return Watched(
        run_id="20261123t120000z-0000", flow_table="s3://tables/flows", judged=(judged,),
        not_judged=((HOSTILE, HOSTILE),),
    )  # fmt: skip


def test_hostile_text_is_one_line_of_ascii_and_no_link_in_a_message() -> None:
    found = watched(row(peer_name=HOSTILE, reasons=[HOSTILE]), name=HOSTILE)

    lines = list(json_lines(found))
    summary = list(summary_lines(found))
    notice = notice_of(found)

    assert len(lines) == 2
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert all(line.isprintable() for line in summary)
    message = str(notice["message"])
    assert all(line.isprintable() for line in message.splitlines())
    for alive in ("http://", "evil.example", "@", "<script>"):
        assert alive not in message
    assert notice["subject"] == "VPC Flow Trace: 1 new suspicious row of a watch-list"


def test_a_line_has_the_documented_fields() -> None:
    line = json.loads(next(json_lines(watched(row(peer_name="db-1"), name="web-3"))))

    assert line == {
        "watch": "suspicious", "instance_id": "i-0aaaaaaaaaaaaaaaa", "instance_name": "web-3",
        "peer": "10.0.0.9", "peer_name": "db-1", "peer_ring": "own vpc", "service_port": 22,
        "protocol": 6, "initiator": "subject", "outcome": "DATA", "attempts": 1,
        "first_at": "2026-11-23T12:00:00Z", "last_at": "2026-11-23T12:00:00Z",
        "reasons": ["manner: one of a scan"], "run_id": "20261123t120000z-0000",
    }  # fmt: skip


def test_a_message_names_twenty_rows_and_counts_the_rest() -> None:
    many = [row(peer=f"10.0.{number // 256}.{number % 256}") for number in range(500)]
    notice = notice_of(watched(*many, left_out=7))

    assert notice["new"] == 507
    message = str(notice["message"])
    assert message.count("\n- 2026-11-23T12:00:00Z ") == 20
    assert "and 487 more, in the table watched" in message
    assert len(message.encode()) < 32_768
