"""Slots of the subject's interfaces: what was seen of each, and what the sum of them is worth."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from pyspark.sql import DataFrame

from tests.support.spark import Table
from transforms.coverage.facts import records_by_slot, troubled_slots, unlogged_peers
from transforms.coverage.slots import (
    Delivered,
    Life,
    Slot,
    by_interface,
    cover,
    gaps_of_flow_logs,
    judge_coverage,
)
from transforms.window import Window

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
HALF_HOUR = Window(NOON, NOON + timedelta(minutes=30))
FLOWS = """object_uri STRING, interface_id STRING, role STRING, start BIGINT, end BIGINT,
    action STRING, log_status STRING, bytes BIGINT"""


def flow(
    second: int, status: str = "OK", action: str | None = "ACCEPT", interface: str = "eni-1",
    log: str = "fl-a", seconds: int = 59, role: str = "own_interface",
) -> tuple[object, ...]:  # fmt: skip
    """A record that ends so many seconds after noon, in the object of that slot."""
    end = NOON_S + second
    uri = log_object((second // 300) * 5, log).uri
    return (uri, interface, role, end - seconds, end, action, status, 10)


class LogObject(NamedTuple):
    log: str
    minute: int
    outcome: str

    @property
    def uri(self) -> str:
        stamp = f"{NOON + timedelta(minutes=self.minute):%Y%m%dT%H%MZ}"
        return f"s3://b/AWSLogs/111122223333_vpcflowlogs_eu-west-1_{self.log}_{stamp}_0a1b.log.gz"


def log_object(minute: int, log: str = "fl-a", outcome: str = "read") -> LogObject:
    return LogObject(log, minute, outcome)


def delivered(objects: Sequence[LogObject]) -> Delivered:
    slots: dict[tuple[str | None, str | None, str | None], set[int]] = {}
    for found in objects:
        if found.outcome != "skipped":
            flow_log = ("111122223333", "eu-west-1", found.log)
            slots.setdefault(flow_log, set()).add(NOON_S + found.minute * 60)
    refused = {
        (found.log, NOON_S + found.minute * 60) for found in objects if found.outcome == "refused"
    }
    return Delivered(slots, refused)


def covered(
    flows: DataFrame, objects: Sequence[LogObject], interfaces: Sequence[str] = ("eni-1",),
    lives: Sequence[Life] = (),
) -> list[Slot]:  # fmt: skip
    """The slots of the half hour, from a frame of flows and the objects that were listed."""
    rows = [row.asDict() for row in records_by_slot(flows, HALF_HOUR).collect()]
    found = cover(rows, delivered(objects), interfaces, HALF_HOUR, lives)
    return found + gaps_of_flow_logs(delivered(objects), HALF_HOUR)


def minutes_of(slots: Sequence[Slot], interface: str | None = "eni-1") -> list[tuple[int, str]]:
    """Minute after noon and status."""
    return sorted(
        ((found.slot - NOON_S) // 60, found.status)
        for found in slots
        if found.interface_id == interface
    )


def judged(slots: Sequence[Slot], refused_lines: int = 0) -> tuple[str, tuple[str, ...]]:
    found = judge_coverage(by_interface(slots), refused_lines)
    return found.verdict, found.reasons


def test_each_slot_says_what_was_seen_of_it(table: Table) -> None:
    flows = table(
        FLOWS,
        flow(60), flow(70, action="REJECT"),
        flow(360, "NODATA", None),
        flow(660), flow(670, "SKIPDATA", None),
        flow(960),
        flow(1260, interface="eni-9", role="other_end"),
    )  # fmt: skip
    objects = [
        log_object(0), log_object(5), log_object(10), log_object(15, outcome="refused"),
        log_object(20), log_object(25, outcome="skipped"),
    ]  # fmt: skip

    coverage = covered(flows, objects)

    assert minutes_of(coverage) == [
        (0, "ok"),
        (5, "nodata"),
        (10, "skipdata"),
        (15, "refused"),
        (20, "nothing recorded"),
        (25, "missing"),
    ]
    assert minutes_of(coverage, None) == [(15, "refused"), (25, "missing")]
    assert judged(coverage, refused_lines=2) == (
        "PARTIAL",
        (
            "1 slot without an object: 2026-11-23 12:25 to 2026-11-23 12:30",
            "1 slot with a refused object: 2026-11-23 12:15 to 2026-11-23 12:20",
            "1 slot in which AWS lost records (SKIPDATA): 2026-11-23 12:10 to 2026-11-23 12:15",
            "1 slot with nothing recorded: 2026-11-23 12:20 to 2026-11-23 12:25",
            "2 lines of its flow logs refused",
        ),
    )


def test_a_day_with_a_record_in_every_slot_is_full(table: Table) -> None:
    flows = table(
        FLOWS,
        *(flow(60 + 300 * slot) for slot in range(5)),
        flow(1560, "NODATA", None),
        flow(90, action="REJECT"),
    )
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    coverage = covered(flows, objects)

    assert judged(coverage) == ("FULL", ())


def test_ten_minute_intervals_reach_into_the_slot_beside_them(table: Table) -> None:
    """A record of 12:11:00 to 12:20:30 shows that intervals last ten minutes."""
    flows = table(FLOWS, flow(30, action="REJECT"), flow(1230, seconds=570))
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    coverage = covered(flows, objects)

    assert [status for _, status in minutes_of(coverage)] == ["ok"] * 6


def test_minute_intervals_do_not(table: Table) -> None:
    flows = table(FLOWS, flow(30, action="REJECT"), flow(900))
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    coverage = covered(flows, objects)

    nothing = "nothing recorded"
    assert [status for _, status in minutes_of(coverage)] == [
        "ok", nothing, "ok", "ok", nothing, nothing,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("only", "other"), [("ACCEPT", "REJECT"), ("REJECT", "ACCEPT")], ids=["accepts", "rejects"]
)
def test_a_flow_log_of_one_action_is_no_full_coverage(table: Table, only: str, other: str) -> None:
    flows = table(FLOWS, *(flow(60 + 300 * slot, action=only) for slot in range(6)))
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    verdict, reasons = judged(covered(flows, objects))

    assert verdict == "PARTIAL"
    assert reasons == (
        f"eni-1: no {other} among the flows of its flow logs: there was none, "
        f"or they keep {only} only",
    )


def test_without_a_record_or_an_interface_there_is_no_coverage(table: Table) -> None:
    flows = table(FLOWS, flow(60, role="other_end", interface="eni-9"))
    objects = [log_object(0)]

    assert judged(covered(flows, objects)) == (
        "NONE",
        ("no record of eni-1 in any of 6 slots",),
    )
    assert judged(covered(flows, objects, [])) == (
        "NONE",
        ("no interface of the subject is known",),
    )


def test_nothing_is_expected_before_the_interface_was_the_subjects(table: Table) -> None:
    flows = table(FLOWS, flow(1260), flow(1560, action="REJECT"))
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    lives = [Life("eni-1", NOON_S + 1201, None)]
    coverage = covered(flows, objects, lives=lives)

    assert minutes_of(coverage) == [(20, "ok"), (25, "ok")]
    assert judged(coverage) == ("FULL", ())


def test_of_two_flow_logs_the_one_that_knows_more_counts_in_each_slot(table: Table) -> None:
    flows = table(
        FLOWS,
        *(flow(60 + 300 * slot, log="fl-a") for slot in (0, 1, 2)),
        *(flow(60 + 300 * slot, log="fl-b") for slot in (2, 3, 4, 5)),
        flow(70, log="fl-a", action="REJECT"),
        flow(670, log="fl-b", action="REJECT"),
    )
    objects = [
        *(log_object(minute, "fl-a") for minute in (0, 5, 10)),
        *(log_object(minute, "fl-b") for minute in (10, 15, 20, 25)),
    ]

    coverage = covered(flows, objects)
    (interface,) = by_interface(coverage)

    assert len(minutes_of(coverage)) == 12
    assert interface.by_status == {"ok": 6}
    assert (interface.overlapping, interface.flow_logs) == (1, ("fl-a", "fl-b"))
    assert judged(coverage) == ("FULL", ())


def test_a_complete_log_of_rejects_does_not_hide_the_gap_in_the_log_of_accepts(
    table: Table,
) -> None:
    flows = table(
        FLOWS,
        *(flow(60 + 300 * slot, log="fl-a") for slot in (0, 1, 3, 4, 5)),
        *(flow(60 + 300 * slot, log="fl-c", action="REJECT") for slot in range(6)),
    )
    objects = [
        *(log_object(minute, "fl-a") for minute in (0, 5, 15, 20, 25)),
        *(log_object(minute, "fl-c") for minute in range(0, 30, 5)),
    ]

    coverage = covered(flows, objects)
    (interface,) = by_interface(coverage)

    assert interface.by_status == {"ok": 5, "missing": 1}
    assert interface.overlapping == 0
    gap = "2026-11-23 12:10 to 2026-11-23 12:15"
    assert judged(coverage) == ("PARTIAL", (f"1 slot without an object: {gap}",))


def test_a_line_that_claims_years_does_not_cover_them(table: Table) -> None:
    flows = table(FLOWS, flow(1560, seconds=10**9), flow(1570, action="REJECT"))
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    coverage = covered(flows, objects)

    assert [status for _, status in minutes_of(coverage)] == ["nothing recorded"] * 5 + ["ok"]


@pytest.mark.parametrize("seconds", [661, 10**9, -1])
def test_a_line_whose_interval_no_flow_log_can_have_covers_not_even_its_end(
    table: Table, seconds: int
) -> None:
    flows = table(FLOWS, flow(360, seconds=seconds), flow(660), flow(670, action="REJECT"))
    objects = [*(log_object(minute) for minute in range(0, 30, 5))]

    coverage = covered(flows, objects)

    nothing = "nothing recorded"
    assert [status for _, status in minutes_of(coverage)] == [nothing] * 2 + ["ok"] + [nothing] * 3


def test_peers_whose_own_interface_was_not_recorded_are_named(table: Table) -> None:
    schema = """interface_id STRING, src_interface_id STRING, src_name STRING, src_scope STRING,
        dst_interface_id STRING, dst_name STRING, dst_scope STRING"""
    flows = table(
        schema,
        ("eni-1", "eni-1", "web", "internal", "eni-2", "db", "internal"),
        ("eni-2", "eni-1", "web", "internal", "eni-2", "db", "internal"),
        ("eni-1", "eni-1", "web", "internal", "eni-3", "app", "internal"),
        ("eni-1", "eni-1", "web", "internal", None, None, "internal"),
        ("eni-1", "eni-1", "web", "internal", "eni-4", "nat", "internet"),
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
        ("o5", "fl-b", NOON, "other_kind", "transit gateway", 0),
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
        (None, None, "read", 2): [],
    }
