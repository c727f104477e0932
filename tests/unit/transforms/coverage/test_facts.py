"""The facts of coverage as Spark computes them, against a plain reading of the same records."""

import random
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame

from tests.support.coverage_rows import ACCOUNT, REGION, Rec, slot_rows, touch_rows
from tests.support.spark import Table
from transforms.coverage.facts import (
    peer_only_slots,
    records_by_slot,
    touches_by_minute,
    troubled_slots,
    unlogged_peers,
)
from transforms.window import Window

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
HALF_HOUR = Window(NOON, NOON + timedelta(minutes=30))
FLOWS = """object_uri STRING, interface_id STRING, role STRING, start BIGINT, end BIGINT,
    action STRING, log_status STRING"""


def flow(record: Rec) -> tuple[object, ...]:
    stamp = f"{datetime.fromtimestamp(record.end // 300 * 300, UTC):%Y%m%dT%H%MZ}"
    uri = f"s3://b/AWSLogs/{ACCOUNT}_vpcflowlogs_{REGION}_{record.log}_{stamp}_0a1b.log.gz"
    return (
        uri if record.log else "s3://b/anything.log.gz",
        record.interface_id,
        "own_interface" if record.is_own else "other_end",
        record.start, record.end, record.action, record.status,
    )  # fmt: skip


def some_records(rng: random.Random) -> list[Rec]:
    """Records of every kind that there is, and of lengths that no flow log has."""
    lengths = [0, 1, 9, 10, 59, 60, 61, 119, 120, 121, 599, 600, 660, 661, 10**9, -1]
    made = []
    for _ in range(400):
        end = NOON_S + rng.randrange(-60, 1900)
        status = rng.choice(["OK", "OK", "NODATA", "SKIPDATA"])
        made.append(
            Rec(
                end - rng.choice(lengths), end, status,
                rng.choice(["ACCEPT", "REJECT"]) if status == "OK" else None,
                rng.choice(["eni-1", "eni-2"]), rng.choice(["fl-a", "fl-b", None]),
                rng.random() < 0.8,
            )
        )  # fmt: skip
    return made


def test_slots_and_touches_are_those_of_a_plain_reading(table: Table) -> None:
    records = some_records(random.Random(11))
    flows = table(FLOWS, *map(flow, records))

    slots = [row.asDict() for row in records_by_slot(flows, HALF_HOUR).collect()]
    touches = [row.asDict() for row in touches_by_minute(flows).collect()]

    assert sorted(slots, key=repr) == sorted(slot_rows(records, HALF_HOUR), key=repr)
    assert sorted(touches, key=repr) == sorted(touch_rows(records), key=repr)


CONVERSATIONS = """hop INT, subject_address STRING, initiator STRING, outcome STRING,
    points ARRAY<STRING>, first_at TIMESTAMP, last_at TIMESTAMP"""


def talk(
    minute: int, points: list[str], *, initiator: str = "subject", outcome: str = "DATA",
    lasts: int = 1, address: str = "10.0.0.7", hop: int = 1,
) -> tuple[object, ...]:  # fmt: skip
    first = NOON + timedelta(minutes=minute)
    return hop, address, initiator, outcome, points, first, first + timedelta(minutes=lasts)


def counted(conversations: DataFrame) -> dict[int, int]:
    rows = peer_only_slots(conversations, HALF_HOUR).collect()
    return {(row["slot"] - NOON_S) // 60: row["conversations"] for row in rows}


def test_conversations_that_only_a_peers_interface_recorded_are_counted_by_slot(
    table: Table,
) -> None:
    conversations = table(
        CONVERSATIONS,
        talk(3, ["peer", "subject"]),
        talk(6, ["peer"]),
        talk(9, ["peer"], initiator="peer", outcome="NO_ANSWER", lasts=2),
        talk(16, ["peer"], initiator="peer", outcome="BLOCKED_SRC"),  # never left the peer
        talk(16, ["middle"]),  # a NAT gateway's leg
        talk(16, ["peer"], address="203.0.113.7"),  # a public address, which no record here has
        talk(16, ["peer"], hop=2),
        talk(0, ["peer"]),  # the record at the other end may lie before the window
        talk(28, ["peer"]),
    )

    assert counted(conversations) == {5: 2, 10: 1}


def test_peers_whose_own_interface_was_not_recorded_are_named(table: Table) -> None:
    schema = """interface_id STRING, src_interface_id STRING, src_name STRING, src_ring STRING,
        dst_interface_id STRING, dst_name STRING, dst_ring STRING"""
    flows = table(
        schema,
        ("eni-1", "eni-1", "web", "own vpc", "eni-2", "db", "own vpc"),
        ("eni-2", "eni-1", "web", "own vpc", "eni-2", "db", "own vpc"),
        ("eni-1", "eni-1", "web", "own vpc", "eni-3", "app", "own vpc"),
        ("eni-1", "eni-1", "web", "own vpc", None, None, "own vpc"),
        ("eni-1", "eni-1", "web", "own vpc", "eni-4", "nat", "internet"),
    )

    assert [tuple(row) for row in unlogged_peers(flows).collect()] == [("eni-3", "app")]


def test_trouble_is_told_by_flow_log_and_slot(table: Table) -> None:
    schema = """uri STRING, flow_log_id STRING, slot_at TIMESTAMP, outcome STRING, reason STRING,
        refused_lines BIGINT"""
    five_past = NOON + timedelta(minutes=5)
    objects = table(
        schema,
        ("o1", "fl-a", NOON, "read", None, 0),
        ("o2", "fl-a", NOON, "read", None, 3),
        ("o3", "fl-a", five_past, "refused", "cut", 7),
        ("o4", "fl-a", five_past, "refused", "bomb", 0),
        ("o5", "fl-b", NOON, "other_kind", "core network", 0),
        ("o7", "fl-c", NOON, "transit", None, 0),
        ("o6", None, None, "read", None, 2),
    )

    rows = {
        (row["flow_log_id"], row["slot"], row["outcome"], row["refused_lines"]): [
            tuple(named) for named in row["refused"]
        ]
        for row in troubled_slots(objects, shown=1).collect()
    }

    assert rows == {
        ("fl-a", NOON_S, "read", 3): [],
        ("fl-a", NOON_S + 300, "refused", 0): [("o3", "cut")],
        ("fl-b", NOON_S, "other_kind", 0): [],
        ("fl-c", NOON_S, "transit", 0): [],
        (None, None, "read", 2): [],
    }
