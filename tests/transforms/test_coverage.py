"""Slots of the subject's interfaces: what was seen of each, and what the sum of them is worth."""

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import DataFrame

from tests.conftest import Table
from transforms.coverage import (
    Life,
    coverage_by_interface,
    coverage_table,
    judge_coverage,
    unlogged_peers,
)
from transforms.window import Window

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
HALF_HOUR = Window(NOON, NOON + timedelta(minutes=30))
FLOWS = """object_uri STRING, interface_id STRING, role STRING, start BIGINT, end BIGINT,
    action STRING, log_status STRING, bytes BIGINT"""
OBJECTS = """uri STRING, flow_log_id STRING, account_id STRING, region STRING, slot_at TIMESTAMP,
    outcome STRING, header STRING"""


def flow(
    second: int, status: str = "OK", action: str | None = "ACCEPT", interface: str = "eni-1",
    log: str = "fl-a", seconds: int = 59, role: str = "own_interface",
) -> tuple[object, ...]:  # fmt: skip
    """A record that ends so many seconds after noon, in the object of that slot."""
    end = NOON_S + second
    uri = f"{log}/{(second // 300) * 5}"
    return (uri, interface, role, end - seconds, end, action, status, 10)


def log_object(
    minute: int, log: str = "fl-a", outcome: str = "read", header: str = "a b"
) -> tuple[object, ...]:
    slot = NOON + timedelta(minutes=minute)
    return (f"{log}/{minute}", log, "111122223333", "eu-west-1", slot, outcome, header)


def slots_of(coverage: DataFrame, interface: str | None = "eni-1") -> list[tuple[int, str]]:
    """Minute after noon and status."""
    rows = coverage.where(f"interface_id <=> {f'{interface!r}' if interface else 'null'}")
    return sorted(((row["slot"] - NOON_S) // 60, row["status"]) for row in rows.collect())


def judged(coverage: DataFrame, refused_lines: int = 0) -> tuple[str, tuple[str, ...]]:
    rows = [row.asDict() for row in coverage_by_interface(coverage).collect()]
    found = judge_coverage(rows, refused_lines)
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
    objects = table(
        OBJECTS,
        log_object(0), log_object(5), log_object(10), log_object(15, outcome="refused"),
        log_object(20), log_object(25, outcome="skipped"),
    )  # fmt: skip

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)

    assert slots_of(coverage) == [
        (0, "ok"),
        (5, "nodata"),
        (10, "skipdata"),
        (15, "refused"),
        (20, "nothing recorded"),
        (25, "missing"),
    ]
    assert slots_of(coverage, None) == [(15, "refused"), (25, "missing")]
    assert judged(coverage, refused_lines=2) == (
        "PARTIAL",
        (
            "1 slot without an object",
            "1 slot with a refused object",
            "1 slot in which AWS lost records (SKIPDATA, 1 records)",
            "1 slot with nothing recorded (1 after its last: late, or ended)",
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
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)

    assert judged(coverage) == ("FULL", ())


def test_ten_minute_intervals_reach_into_the_slot_beside_them(table: Table) -> None:
    """A record of 12:11:00 to 12:20:30 shows that intervals last ten minutes."""
    flows = table(FLOWS, flow(30, action="REJECT"), flow(1230, seconds=570))
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)

    assert [status for _, status in slots_of(coverage)] == ["ok"] * 6


def test_minute_intervals_do_not(table: Table) -> None:
    flows = table(FLOWS, flow(30, action="REJECT"), flow(900))
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)

    nothing = "nothing recorded"
    assert [status for _, status in slots_of(coverage)] == [
        "ok", nothing, "ok", "ok", nothing, nothing,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("only", "other"), [("ACCEPT", "REJECT"), ("REJECT", "ACCEPT")], ids=["accepts", "rejects"]
)
def test_a_flow_log_of_one_action_is_no_full_coverage(table: Table, only: str, other: str) -> None:
    flows = table(FLOWS, *(flow(60 + 300 * slot, action=only) for slot in range(6)))
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    verdict, reasons = judged(coverage_table(flows, objects, ["eni-1"], HALF_HOUR))

    assert verdict == "PARTIAL"
    assert reasons == (
        f"eni-1: no {other} among the flows of its flow logs: there was none, "
        f"or they keep {only} only",
    )


def test_without_a_record_or_an_interface_there_is_no_coverage(table: Table) -> None:
    flows = table(FLOWS, flow(60, role="other_end", interface="eni-9"))
    objects = table(OBJECTS, log_object(0))

    assert judged(coverage_table(flows, objects, ["eni-1"], HALF_HOUR)) == (
        "NONE",
        ("no record of eni-1 in any of 6 slots",),
    )
    assert judged(coverage_table(flows, objects, [], HALF_HOUR)) == (
        "NONE",
        ("no interface of the subject is known",),
    )


def test_nothing_is_expected_before_the_interface_was_the_subjects(table: Table) -> None:
    flows = table(FLOWS, flow(1260), flow(1560, action="REJECT"))
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    lives = [Life("eni-1", NOON_S + 1201, None)]
    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR, lives)

    assert slots_of(coverage) == [(20, "ok"), (25, "ok")]
    assert judged(coverage) == ("FULL", ())


def test_of_two_flow_logs_the_one_that_knows_more_counts_in_each_slot(table: Table) -> None:
    flows = table(
        FLOWS,
        *(flow(60 + 300 * slot, log="fl-a") for slot in (0, 1, 2)),
        *(flow(60 + 300 * slot, log="fl-b") for slot in (2, 3, 4, 5)),
        flow(70, log="fl-a", action="REJECT"),
        flow(670, log="fl-b", action="REJECT"),
    )
    objects = table(
        OBJECTS,
        *(log_object(minute, "fl-a") for minute in (0, 5, 10)),
        *(log_object(minute, "fl-b") for minute in (10, 15, 20, 25)),
    )

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)
    by_interface = coverage_by_interface(coverage).collect()

    assert len(slots_of(coverage)) == 12
    assert [(row["ok"], row["overlapping"], row["flow_logs"]) for row in by_interface] == [
        (6, 1, ["fl-a", "fl-b"])
    ]
    assert judged(coverage) == ("FULL", ())


def test_a_complete_log_of_rejects_does_not_hide_the_gap_in_the_log_of_accepts(
    table: Table,
) -> None:
    flows = table(
        FLOWS,
        *(flow(60 + 300 * slot, log="fl-a") for slot in (0, 1, 3, 4, 5)),
        *(flow(60 + 300 * slot, log="fl-r", action="REJECT") for slot in range(6)),
    )
    objects = table(
        OBJECTS,
        *(log_object(minute, "fl-a") for minute in (0, 5, 15, 20, 25)),
        *(log_object(minute, "fl-r") for minute in range(0, 30, 5)),
    )

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)
    by_interface = coverage_by_interface(coverage).collect()

    assert [(row["ok"], row["missing"], row["overlapping"]) for row in by_interface] == [(5, 1, 0)]
    assert judged(coverage) == ("PARTIAL", ("1 slot without an object",))


def test_a_line_that_claims_years_does_not_cover_them(table: Table) -> None:
    flows = table(FLOWS, flow(1560, seconds=10**9), flow(1570, action="REJECT"))
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)

    assert [status for _, status in slots_of(coverage)] == ["nothing recorded"] * 5 + ["ok"]


@pytest.mark.parametrize("seconds", [661, 10**9, -1])
def test_a_line_whose_interval_no_flow_log_can_have_covers_not_even_its_end(
    table: Table, seconds: int
) -> None:
    flows = table(FLOWS, flow(360, seconds=seconds), flow(660), flow(670, action="REJECT"))
    objects = table(OBJECTS, *(log_object(minute) for minute in range(0, 30, 5)))

    coverage = coverage_table(flows, objects, ["eni-1"], HALF_HOUR)

    nothing = "nothing recorded"
    assert [status for _, status in slots_of(coverage)] == [nothing] * 2 + ["ok"] + [nothing] * 3


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
