"""The timeline: it zooms to the story, names every bar, and shows the whole window below."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.output.report_timeline import MOST_BARS, NARROW, WIDE, Timelines, timelines
from jobs.pipeline.result import RunResult
from tests.support.made_result import made_result
from tests.support.made_stories import HOURS, attack, healthy, peer_row, step


def drawn(result: RunResult) -> Timelines:
    assert result.investigation is not None
    return timelines(result.case, result.investigation)


def test_the_bars_are_the_acts_in_order_of_time_with_their_names() -> None:
    wide, narrow = drawn(attack()).drawings

    assert wide.story is not None
    assert narrow.story is not None
    assert [name.text for name in wide.story.names] == [
        "02:10 420 tries by 198.51.100.23",
        "02:39 SSH session from 198.51.100.23, until 07:39",
        "02:54 scan: SSH at 22 addresses",
        "03:16 web-3 to app-2, SSH",
        "03:20 db-1 stops 12 tries",
        "03:31 app-2 to admin-3, SSH",
        "03:39 2.4 GB to 192.0.2.77",
    ]
    assert [name.text for name in narrow.story.names] == [n.text for n in wide.story.names]
    assert [bar.tone for bar in wide.story.bars] == [
        "data", "data", "silent", "data", "stopped", "data", "data",
    ]  # fmt: skip


def test_it_shows_the_time_of_the_story_and_the_window_below() -> None:
    wide, _ = drawn(attack()).drawings

    assert wide.story is not None
    assert wide.span is not None
    assert [tick.text for tick in wide.story.ticks] == ["02:30", "03:00", "03:30", "04:00"]
    # 02:10 to 04:24 of a day, with a little room: from 9 % to 18.5 % of the strip.
    assert 0.08 < (wide.span.x - wide.strip.x) / wide.strip.width < 0.091
    assert 0.093 < wide.span.width / wide.strip.width < 0.105
    (gap,) = wide.gaps  # the last two hours
    assert round(gap.width / wide.strip.width, 2) == 0.08
    assert round(gap.x + gap.width) == round(wide.strip.x + wide.strip.width)


def test_what_lasts_much_longer_than_the_steps_lie_apart_is_cut_and_says_until_when() -> None:
    found = drawn(attack())

    assert found.drawings[0].story is not None
    assert [bar.text for bar in found.drawings[0].story.bars] == ["", "cut", "", "", "", "", ""]
    assert found.has_cuts


def test_a_story_of_two_days_names_the_days() -> None:
    last = "2026-11-24T03:00:00.000Z"
    late = {
        **peer_row("10.0.0.9", 3306, "BLOCKED_DST", "03:00", service_class="database"),
        "first_at": last,
        "last_at": last,
    }
    early = peer_row("10.0.0.8", 5432, "BLOCKED_DST", "03:00", service_class="database")

    result = made_result({"blocked": ({"stopped": 2}, [late, early])}, to="2026-11-25T00:00:00Z")

    story = drawn(result).drawings[0].story
    assert story is not None
    assert [name.text for name in story.names] == [
        "11-23 03:00 10.0.0.8 stops 1 try",
        "11-24 03:00 10.0.0.9 stops 1 try",
    ]
    assert "11-24" in [tick.text for tick in story.ticks]


def test_a_single_bar_is_shown_whole() -> None:
    call = {"peer": "192.0.2.9", "peer_ring": "internet", "service_port": 443, "calls": 90,
            "first_at": "2026-11-23T01:00:00.000Z", "last_at": "2026-11-23T20:00:00.000Z",
            "hours": 19, "median_s": 2, "longest_s": 9, "basis": "repeated"}  # fmt: skip

    found = drawn(made_result({"channels": ({"services": 1, "calls": 90}, [call])}))

    assert found.drawings[0].story is not None
    (bar,) = found.drawings[0].story.bars
    assert bar.width > 0.9 * WIDE
    assert not found.has_cuts


def test_what_has_no_known_end_is_a_moment_and_said_to_be_one() -> None:
    found = drawn(attack())

    assert found.drawings[0].story is not None
    moments = [number for number, bar in enumerate(found.drawings[0].story.bars) if not bar.width]
    assert moments == [5]  # app-2 to admin-3: the path knows when it began
    assert found.has_moments


def test_the_moment_of_the_finding_is_a_mark() -> None:
    assert [(mark.number, mark.name, f"{mark.at:%H:%M}") for mark in drawn(attack()).marks] == [
        (1, "the finding was first seen", "02:10")
    ]


def test_without_a_story_there_is_the_window_alone() -> None:
    found = drawn(healthy())

    for each in found.drawings:
        assert (each.story, each.span, each.gaps) == (None, None, ())
        assert len(each.hours) == 24
    assert found.marks == ()


def test_a_strip_that_would_end_too_early_shows_no_hours() -> None:
    """The answer holds the first 200 hours of a longer window."""
    found = drawn(made_result({"hours": ({"hours": 300, "conversations": 9}, HOURS)}))

    assert not found.is_active
    assert [each.hours for each in found.drawings] == [(), ()]


def test_of_too_many_acts_the_first_are_drawn_and_the_others_counted() -> None:
    steps = [step(1, "web-3=10.20.1.13", f"m{n}=10.0.0.{n}", f"03:{n:02d}") for n in range(10, 40)]

    found = drawn(made_result({}, steps=steps))

    assert found.drawings[0].story is not None
    assert len(found.drawings[0].story.bars) == MOST_BARS
    assert found.left_out == 30 - MOST_BARS


@given(
    begins=st.lists(st.integers(0, 23 * 60 + 59), min_size=1, max_size=20),
    name=st.text(st.characters(codec="ascii", categories=("Lu", "Ll", "Nd")), min_size=1,
                 max_size=60),
)  # fmt: skip
def test_nothing_is_drawn_outside(begins: list[int], name: str) -> None:
    steps = [
        step(1, "web-3=10.20.1.13", f"{name}=10.0.{n}.1", f"{minute // 60:02d}:{minute % 60:02d}")
        for n, minute in enumerate(begins)
    ]

    for each in drawn(made_result({}, steps=steps)).drawings:
        assert each.story is not None
        assert each.span is not None
        boxes = [*each.story.bars, *each.story.ticks, *each.hours, each.span, *each.ticks]
        for box in boxes:
            assert 0 <= box.x <= box.x + box.width <= each.width
            assert 0 <= box.y <= box.y + box.height <= each.height
        for text in each.story.names:
            width = 5.8 * len(text.text)  # what a usual font needs at this size
            left = text.x - width if text.place == "before" else text.x
            assert left >= 0
            assert left + width <= each.width + 1


def test_containment_is_a_mark_too() -> None:
    result = attack()
    assert result.investigation is not None
    context = result.investigation.context
    first = context.first_sign
    assert first is not None
    contained = replace(context.options, contained_at=first.replace(hour=4))
    investigation = replace(result.investigation, context=replace(context, options=contained))

    assert [mark.name for mark in drawn(replace(result, investigation=investigation)).marks] == [
        "the finding was first seen", "containment",
    ]  # fmt: skip


@pytest.mark.parametrize(("place", "width"), [(0, WIDE), (1, NARROW)])
def test_there_is_a_drawing_for_each_width(place: int, width: int) -> None:
    assert drawn(attack()).drawings[place].width == width
