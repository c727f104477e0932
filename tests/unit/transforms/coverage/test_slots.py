"""Slots of the subject's interfaces: what was seen of each, and what the sum of them is worth."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.coverage_rows import ACCOUNT, REGION, Rec, slot_rows, touch_rows, touches_of
from tests.unit.transforms.coverage.test_pace import reference
from transforms.coverage.judged import judge_coverage
from transforms.coverage.pace import pace_of
from transforms.coverage.slots import (
    Delivered,
    Life,
    Slot,
    by_interface,
    contradicted,
    cover,
    gaps_of_flow_logs,
)
from transforms.window import Window

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
HALF_HOUR = Window(NOON, NOON + timedelta(minutes=30))
SLOTS = (0, 5, 10, 15, 20, 25)
MINUTES = tuple(range(30))
SPAN = "2026-11-23 12:{:02} to 2026-11-23 12:{:02}".format


def minute(
    at: int, status: str = "OK", action: str | None = "ACCEPT", *, log: str | None = "fl-a",
    seconds: int = 59, interface: str = "eni-1", is_own: bool = True,
) -> Rec:  # fmt: skip
    """A record from the beginning of a minute after noon on."""
    start = NOON_S + 60 * at
    action = action if status == "OK" else None
    return Rec(start, start + seconds, status, action, interface, log, is_own)


def minutes(*which: int, log: str | None = "fl-a", action: str = "ACCEPT") -> list[Rec]:
    return [minute(at, log=log, action=action) for at in which]


REJECTED = minute(1, action="REJECT")


def objects(
    *at: int, log: str = "fl-a", refused: Sequence[int] = (), unreadable: Sequence[int] = ()
) -> Delivered:
    """Objects of these slots, refused ones, and some that the store did not give."""
    slots = {NOON_S + 60 * slot for slot in (*at, *refused, *unreadable)}
    unread = dict.fromkeys(unreadable, "unreadable") | dict.fromkeys(refused, "refused")
    return Delivered(
        {(ACCOUNT, REGION, log): slots},
        {(log, NOON_S + 60 * slot): why for slot, why in unread.items()},
    )


def covered(
    records: Sequence[Rec], delivered: Delivered, interfaces: Sequence[str] = ("eni-1",),
    lives: Sequence[Life] = (),
) -> list[Slot]:  # fmt: skip
    rows, touches = slot_rows(records, HALF_HOUR), touch_rows(records)
    found, _ = cover(rows, touches, delivered, interfaces, HALF_HOUR, lives)
    return found + gaps_of_flow_logs(delivered, HALF_HOUR)


def statuses(slots: Sequence[Slot], interface: str | None = "eni-1") -> list[tuple[int, str]]:
    """Minute after noon and status."""
    return sorted(
        ((found.slot - NOON_S) // 60, found.status)
        for found in slots
        if found.interface_id == interface
    )


def judged(slots: Sequence[Slot], refused_lines: int = 0) -> tuple[str, tuple[str, ...]]:
    found = judge_coverage(by_interface(slots), refused_lines)
    return found.verdict, found.reasons


def test_each_slot_says_what_was_seen_of_it() -> None:
    records = [
        *minutes(*range(5)), REJECTED,
        *(minute(at, "NODATA") for at in range(5, 10)),
        *minutes(*range(10, 15)), minute(12, "SKIPDATA"),
        *minutes(15),
        *minutes(21, 22, 23, 24),
        minute(27, interface="eni-9", is_own=False),
    ]  # fmt: skip
    coverage = covered(records, objects(0, 5, 10, 20, refused=[15]))

    assert statuses(coverage) == [
        (0, "ok"), (5, "nodata"), (10, "skipdata"), (15, "refused"), (20, "seen in part"),
        (25, "missing"),
    ]  # fmt: skip
    assert statuses(coverage, None) == [(15, "refused"), (25, "missing")]
    assert judged(coverage, refused_lines=2) == (
        "PARTIAL",
        (
            f"1 slot without an object: {SPAN(25, 30)}",
            f"1 slot with a refused object: {SPAN(15, 20)}",
            f"1 slot in which AWS lost records (SKIPDATA): {SPAN(10, 15)}",
            "1 slot seen in part: an aggregation interval has neither a record nor a NODATA: "
            f"{SPAN(20, 25)}",
            "2 lines of its flow logs refused",
        ),
    )


def test_a_half_hour_with_a_record_in_every_minute_is_full() -> None:
    records = [*minutes(*range(25)), *(minute(at, "NODATA") for at in range(25, 30)), REJECTED]

    assert judged(covered(records, objects(*SLOTS))) == ("FULL", ())


def test_one_record_in_each_slot_is_not_full() -> None:
    coverage = covered([*minutes(*SLOTS), REJECTED], objects(*SLOTS))

    assert statuses(coverage) == [(at, "seen in part") for at in SLOTS]
    assert judged(coverage)[0] == "PARTIAL"


def test_ten_minute_intervals_reach_into_the_slot_beside_them() -> None:
    """Flow logs of one interface deliver an object in every second slot then."""
    records = [minute(at, seconds=599) for at in (0, 10, 20)] + [REJECTED]
    coverage = covered(records, objects(5, 15, 25))

    assert statuses(coverage) == [(at, "ok") for at in SLOTS]
    assert judged(coverage) == ("FULL", ())


def test_what_is_not_delivered_is_missing_even_where_an_interval_reaches_into_it() -> None:
    """Every other slot has an object, so that one was lost, with what ended in it."""
    records = [minute(at, seconds=599) for at in (0, 10, 20)] + [REJECTED]
    coverage = covered(records, objects(0, 10, 15, 20, 25))

    assert judged(coverage) == ("PARTIAL", (f"1 slot without an object: {SPAN(5, 10)}",))


@pytest.mark.parametrize(
    ("only", "other"), [("ACCEPT", "REJECT"), ("REJECT", "ACCEPT")], ids=["accepts", "rejects"]
)
def test_a_flow_log_of_one_action_is_no_full_coverage(only: str, other: str) -> None:
    assert judged(covered(minutes(*MINUTES, action=only), objects(*SLOTS))) == (
        "PARTIAL",
        (
            f"eni-1: no {other} among the flows of its flow logs: there was none, "
            f"or they keep {only} only",
        ),
    )


def test_without_a_record_or_an_interface_there_is_no_coverage() -> None:
    records = [minute(1, interface="eni-9", is_own=False)]

    assert judged(covered(records, objects(0))) == (
        "NONE",
        ("no record of eni-1 in any of 6 slots",),
    )
    assert judged(covered(records, objects(0), [])) == (
        "NONE",
        ("no interface of the subject is known",),
    )


def test_of_two_interfaces_the_one_without_a_record_is_named() -> None:
    coverage = covered([*minutes(*MINUTES), REJECTED], objects(*SLOTS), ["eni-1", "eni-typo"])

    assert judged(coverage) == (
        "PARTIAL",
        ("no record of eni-typo", f"6 slots with nothing recorded: {SPAN(0, 30)}"),
    )


def test_nothing_is_expected_before_the_interface_was_the_subjects() -> None:
    records = [*minutes(*range(20, 30)), minute(22, action="REJECT")]
    coverage = covered(records, objects(*SLOTS), lives=[Life("eni-1", NOON_S + 1201, None)])

    assert statuses(coverage) == [(20, "ok"), (25, "ok")]
    assert judged(coverage) == ("FULL", ())


def both(one: Delivered, other: Delivered) -> Delivered:
    return Delivered({**one.slots, **other.slots})


def test_of_two_flow_logs_the_one_that_knows_more_counts_in_each_slot() -> None:
    records = [
        *minutes(*range(15)), REJECTED,
        *minutes(*range(10, 30), log="fl-b"), minute(12, action="REJECT", log="fl-b"),
    ]  # fmt: skip
    coverage = covered(
        records, both(objects(0, 5, 10), objects(10, 15, 20, 25, log="fl-b"))
    )  # fmt: skip
    (interface,) = by_interface(coverage)

    assert len(statuses(coverage)) == 12
    assert interface.by_status == {"ok": 6}
    assert (interface.overlapping, interface.flow_logs) == (1, ("fl-a", "fl-b"))
    assert judged(coverage) == ("FULL", ())


def test_a_complete_log_of_rejects_does_not_hide_the_gap_in_the_log_of_accepts() -> None:
    records = [
        *minutes(*(at for at in MINUTES if not 10 <= at < 15)),
        *minutes(*MINUTES, log="fl-c", action="REJECT"),
    ]
    coverage = covered(
        records, both(objects(0, 5, 15, 20, 25), objects(*SLOTS, log="fl-c"))
    )  # fmt: skip
    (interface,) = by_interface(coverage)

    assert interface.by_status == {"ok": 5, "missing": 1}
    assert interface.overlapping == 0
    assert judged(coverage) == ("PARTIAL", (f"1 slot without an object: {SPAN(10, 15)}",))


@pytest.mark.parametrize("seconds", [661, 10**9, -1])
def test_a_line_whose_interval_no_flow_log_can_have_covers_not_even_its_end(seconds: int) -> None:
    broken = Rec(NOON_S + 1770 - seconds, NOON_S + 1770)
    coverage = covered([*minutes(*range(25)), REJECTED, broken], objects(*SLOTS))

    assert statuses(coverage)[-2:] == [(20, "ok"), (25, "nothing recorded")]


def test_what_only_a_peer_recorded_contradicts_a_slot_that_counts_as_seen() -> None:
    whole = covered([*minutes(*MINUTES), REJECTED], objects(*SLOTS))

    assert judged(contradicted(whole, {NOON_S + 600})) == (
        "PARTIAL",
        (
            "1 slot in which only a peer's interface recorded a conversation of the subject, so "
            f"that records are lost there or forged: {SPAN(10, 15)}",
        ),
    )


def test_a_gap_that_is_known_is_not_contradicted() -> None:
    partly = covered([*minutes(*range(20)), REJECTED], objects(0, 5, 10, 15))

    assert contradicted(partly, {NOON_S + 1200}) == partly


@st.composite
def half_hours(draw: st.DrawFn) -> list[Rec]:
    """Aggregation intervals of one length, from any second on: each is lost, or has a record.

    A record reaches from its first to its last packet, wherever these lie in the interval.
    """
    interval_s = draw(st.sampled_from([60, 60, 600]))
    begins = draw(st.integers(0, interval_s - 1))
    is_whole = draw(st.booleans())  # all packets at the edges: such intervals show their beginning
    packets = st.just((0, interval_s - 1)) if is_whole else st.tuples(
        st.integers(0, interval_s - 1), st.integers(0, interval_s - 1)
    ).map(lambda pair: (min(pair), max(pair)))  # fmt: skip
    starts = range(NOON_S - begins, NOON_S + 1800, interval_s)
    lost = draw(st.sets(st.sampled_from(starts), max_size=len(starts) // 2))
    made = [
        Rec(at + first, at + last, log=None)
        for at in starts
        if at not in lost
        for first, last in [draw(packets)]
    ]
    return [REJECTED._replace(log=None)] + [
        r for r in made if r.end >= NOON_S and r.start < NOON_S + 1800
    ]


@given(half_hours())
@settings(max_examples=150)
def test_a_slot_is_seen_exactly_when_every_interval_of_it_is(records: list[Rec]) -> None:
    """Without keys of AWS, so that records alone decide; the reference goes second by second."""
    touches = touches_of(records)
    pace = pace_of(touches)
    # Between two lost intervals lies a seam of seconds that may be of either; test_pace covers it.
    assume(pace.begins is None or pace.begins[0] == pace.begins[1])

    seen = {
        (found.slot - NOON_S) // 60
        for found in covered(records, Delivered({}))
        if found.status in ("ok", "nodata")
    }

    unseen = reference(records, pace, (NOON_S, NOON_S + 1800))
    assert seen == set(SLOTS) - {(second - NOON_S) // 300 * 5 for second in unseen}


@given(half_hours(), st.sampled_from(SLOTS))
@settings(max_examples=100)
def test_no_record_outside_a_slot_makes_it_seen(records: list[Rec], slot: int) -> None:
    """Whatever else was recorded: a slot without a record, and intervals of a minute."""
    first, until = NOON_S + 60 * slot, NOON_S + 60 * slot + 300
    records = [r for r in records if r.end < first or r.start >= until]
    assume(all(r.end - r.start < 120 for r in records))

    status = dict(statuses(covered(records, Delivered({})))).get(slot)

    assert status == "nothing recorded"


def test_an_object_that_the_store_did_not_give_is_no_refused_one() -> None:
    delivered = objects(0, 5, 20, 25, refused=(10,), unreadable=(15,))

    coverage = covered([minute(at) for at in MINUTES], delivered)

    assert statuses(coverage, "eni-1") == [
        (0, "ok"), (5, "ok"), (10, "refused"), (15, "unreadable"), (20, "ok"), (25, "ok"),
    ]  # fmt: skip
    assert statuses(coverage, None) == [(10, "refused"), (15, "unreadable")]
    judged = judge_coverage(by_interface(coverage))
    assert judged.verdict == "PARTIAL"
    assert [reason for reason in judged.reasons if "object" in reason] == [
        f"1 slot with a refused object: {SPAN(10, 15)}",
        f"1 slot with an object that the store did not give: {SPAN(15, 20)}",
    ]
    assert (judged.figures["refused"], judged.figures["unreadable"]) == (1, 1)
