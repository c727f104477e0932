"""Intervals and slack are learnt from the records; what no record accounts for was not seen."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.coverage_rows import Rec, touches_of
from transforms.coverage.pace import Pace, pace_of, unseen

NOON = 1_795_435_200  # 2026-11-23 12:00:00 UTC, a multiple of 600
HOUR = (NOON, NOON + 3600)


def records(*pairs: tuple[int, int]) -> list[Rec]:
    """Records from and to these seconds after noon."""
    return [Rec(NOON + start, NOON + end) for start, end in pairs]


def holes(found: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(first - NOON, until - NOON) for first, until in found]


def unseen_of(made: Sequence[Rec], span: tuple[int, int] = HOUR) -> list[tuple[int, int]]:
    touches = touches_of(made)
    return holes(unseen(touches, pace_of(touches), span))


EVERY_MINUTE = [(at, at + 59) for at in range(0, 3600, 60)]
EVERY_TEN = [(at, at + 599) for at in range(0, 3600, 600)]
# As in AWS's examples: NODATA of 58 seconds, beginning at second 16.
AT_SIXTEEN = [(at, at + 58) for at in range(-44, 3600, 60)]
# A busy server: first packets at second 2, last ones at second 52.
REGULAR = [(at + 2, at + 52) for at in range(0, 3600, 60)]
# One packet in each minute, at either of its ends in turn: 119 seconds apart.
ENDS_IN_TURN = [(at + 59 * (at // 60 % 2),) * 2 for at in range(0, 3600, 60)]


@pytest.mark.parametrize(
    ("made", "pace"),
    [
        (EVERY_MINUTE, Pace(60, 6, (0, 0))),
        (AT_SIXTEEN, Pace(60, 6, (15, 16))),
        (REGULAR, Pace(60, 6, (53, 62))),
        (EVERY_TEN, Pace(600, 60, (0, 9))),
        # A minute long, each at another second: no common beginning.
        ([(61 * n, 61 * n + 59) for n in range(59)], Pace(60, 6)),
        # Single packets show no beginning.
        (ENDS_IN_TURN, Pace(60, 6)),
        # Seven times twenty seconds between intervals: this interface has such holes.
        ([(80 * n, 80 * n + 59) for n in range(8)], Pace(60, 20)),
        # Two are too few to be its habit.
        ([(80 * n, 80 * n + 59) for n in range(3)], Pace(60, 6)),
    ],
    ids=[
        "aligned", "second 16", "first and last packets", "ten minutes", "drifting",
        "single packets", "regular holes", "two holes",
    ],
)  # fmt: skip
def test_interval_and_slack_come_from_the_records(made: list[tuple[int, int]], pace: Pace) -> None:
    assert pace_of(touches_of(records(*made))) == pace


def test_one_broken_record_does_not_make_intervals_long() -> None:
    broken = [*EVERY_MINUTE, *((at + 2, at + 50) for at in range(0, 3600, 60)), (600, 1000)]

    assert pace_of(touches_of(records(*broken))).interval_s == 60


@pytest.mark.parametrize(
    "made", [EVERY_MINUTE, AT_SIXTEEN, REGULAR, EVERY_TEN, ENDS_IN_TURN],
    ids=["aligned", "second 16", "first and last packets", "ten minutes", "single packets"],
)  # fmt: skip
def test_a_whole_hour_has_no_hole(made: list[tuple[int, int]]) -> None:
    assert unseen_of(records(*made)) == []


@pytest.mark.parametrize(
    ("made", "lost", "hole"),
    [
        (EVERY_MINUTE, (600, 659), (600, 660)),
        (AT_SIXTEEN, (616, 674), (616, 675)),
        (REGULAR, (602, 652), (602, 653)),
        (EVERY_TEN, (1200, 1799), (1200, 1800)),
    ],
    ids=["aligned", "second 16", "first and last packets", "ten minutes"],
)
def test_one_lost_interval_is_a_hole(
    made: list[tuple[int, int]], lost: tuple[int, int], hole: tuple[int, int]
) -> None:
    assert unseen_of(records(*(pair for pair in made if pair != lost))) == [hole]


def test_a_lost_minute_of_a_busy_interface_is_a_hole_whatever_single_packets_lie_beside_it() -> (
    None
):
    """Without a common beginning they could belong to longer intervals; here it is known."""
    packets = [(at + n, at + n) for at in range(0, 3600, 60) for n in (0, 17, 59)]
    whole = sorted([*EVERY_MINUTE, *packets])

    assert unseen_of(records(*(pair for pair in whole if not 600 <= pair[0] < 660))) == [(600, 660)]


def test_one_record_in_five_minutes_is_not_the_five_minutes() -> None:
    assert unseen_of(records(*((at, at + 50) for at in range(0, 3600, 300))))[:2] == [
        (60, 291), (360, 591),
    ]  # fmt: skip


def test_the_edges_of_the_window_prove_nothing_within_an_interval() -> None:
    inner = records(*((at, at + 59) for at in range(59, 3500, 59)))

    assert unseen_of(inner, (NOON, NOON + 3600)) == []
    assert unseen_of(inner, (NOON - 300, NOON + 3600)) == [(-241, 59)]


def reference(made: Sequence[Rec], pace: Pace, span: tuple[int, int]) -> set[int]:
    """Second by second: in the interval of no record, or in an interval that none touches."""
    interval_s = pace.interval_s
    touched = {second for r in made for second in range(r.start, r.end + 1)}
    found = set()
    if pace.begins is not None:
        earliest, latest = pace.begins
        for at in range(span[0], span[1]):
            around = range(at, at + latest - earliest + interval_s)
            is_inside = around[-1] < span[1]
            if at % interval_s == earliest % interval_s and is_inside and not touched & {*around}:
                found |= set(around[latest - earliest : interval_s])
    free = {
        second
        for second in range(span[0] + interval_s - 1, span[1] - interval_s + 1)
        if second not in touched
        and not any(r.end - interval_s < second < r.start + interval_s for r in made)
    }
    for second in sorted(free):
        length = next(n for n in range(1, 10**6) if second + n not in free)
        if second - 1 not in free and length > pace.slack_s:
            found |= set(range(second, second + length))
    return found


@st.composite
def a_quarter(draw: st.DrawFn) -> list[Rec]:
    """Some records within fifteen minutes, of any kind, aligned or not."""
    kind = draw(st.sampled_from(["aligned", "drifting", "packets", "long"]))
    rng = random.Random(draw(st.integers(0, 10**6)))
    step = {"aligned": 60, "drifting": 57, "packets": 60, "long": 600}[kind]
    made = []
    at = -draw(st.integers(0, step))
    while at < 900:
        if rng.random() > draw(st.sampled_from([0.0, 0.2, 0.6])):
            first = rng.randrange(step) if kind == "packets" else rng.choice([0, 3])
            last = first if kind == "packets" else step - rng.choice([1, 1, 5])
            made.append(Rec(NOON + at + first, NOON + at + last))
        at += step
    return [r for r in made if r.end >= NOON and r.start < NOON + 900]


@given(a_quarter())
@settings(max_examples=60, deadline=None)
def test_a_second_is_unseen_exactly_when_no_interval_of_a_record_can_hold_it(
    made: list[Rec],
) -> None:
    span = (NOON, NOON + 900)
    touches = touches_of(made)
    if not touches:
        assert unseen(touches, pace_of(touches), span) == [span]
        return
    pace = pace_of(touches)

    found = {s for first, until in unseen(touches, pace, span) for s in range(first, until)}

    # Where intervals are known, lost ones that follow each other have no seam between them.
    expected = reference(made, pace, span)
    seam = 0 if pace.begins is None else pace.begins[1] - pace.begins[0]
    assert expected <= found
    assert all(
        any(s - n in expected for n in range(seam + 1))
        and any(s + n in expected for n in range(seam + 1))
        for s in found - expected
    )


@given(st.integers(0, 10**6), st.sampled_from([60, 600]), st.integers(0, 599))
@settings(max_examples=80, deadline=None)
def test_a_whole_day_is_whole_however_packets_lie_in_its_intervals(
    seed: int, interval_s: int, begins: int
) -> None:
    """Equal intervals, each touched: by NODATA, or by records with random first and last packets.
    """  # fmt: skip
    rng = random.Random(seed)
    made = []
    for at in range(NOON - begins % interval_s, NOON + 7200, interval_s):
        if rng.random() < 0.3:
            made.append(Rec(at, at + interval_s - 1, "NODATA", None))
            continue
        for _ in range(rng.choice([1, 1, 3])):
            first, last = sorted(rng.randrange(interval_s) for _ in range(2))
            made.append(Rec(at + first, at + last))
    inside = [r for r in made if r.end >= NOON and r.start < NOON + 7200]
    touches = touches_of(inside)
    if any(r.end - r.start > 120 for r in inside) == (interval_s == 600):
        assert unseen(touches, pace_of(touches), (NOON, NOON + 7200)) == []


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_two_lost_minutes_together_are_always_a_hole(seed: int) -> None:
    rng = random.Random(seed)
    made = []
    lost = NOON + 60 * rng.randrange(2, 56)
    for at in range(NOON, NOON + 3600, 60):
        if lost <= at < lost + 120:
            continue
        first, last = sorted(rng.randrange(60) for _ in range(2))
        made.append(Rec(at + first, at + last))
    touches = touches_of(made)

    found = unseen(touches, pace_of(touches), HOUR)

    assert found
    assert all(lost - 60 <= first < until <= lost + 180 for first, until in found)
