"""The timeline of the report: the story from its first to its last minute, the window below it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from jobs.output.report_units import clock, day_and_clock, second_of, time_at
from jobs.pipeline.case import Case
from jobs.pipeline.result import Investigation
from transforms.acts import name_of
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.question import Place
from transforms.story import entry_row
from transforms.text import sanitise
from transforms.window import Window
from transforms.wording import count_of, number_of

MOST_BARS = 14
WIDE, NARROW = 580, 350
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
          604_800)  # fmt: skip
_TOP, _STRIP, _LEFT, _BELOW = 18.0, 26, 8.0, 30.0
_CHARACTER = 6.3


class Bar(NamedTuple):
    """Something that lasted, or (without an end) began at a moment."""

    name: str
    from_s: float
    to_s: float | None
    tone: str = "data"  # or stopped, silent


class Mark(NamedTuple):
    """A moment that the whole timeline shows, by its number."""

    number: int
    name: str
    at: datetime


class Box(NamedTuple):
    """A rectangle with a text; a width of 0 is a moment."""

    x: float
    y: float
    width: float
    height: float
    text: str = ""
    tone: str = ""


class Name(NamedTuple):
    """The name of a bar: before it, in it, behind it or above it."""

    x: float
    y: float
    text: str
    place: str  # before, inside or after


class Story(NamedTuple):
    """The upper part of the drawing: bars with their names, and the time that it shows."""

    bars: tuple[Box, ...]
    names: tuple[Name, ...]
    ticks: tuple[Box, ...]  # lines with their time
    marks: tuple[Box, ...]
    floor: float  # where the ticks stand
    span: tuple[float, float]


class Timeline(NamedTuple):
    """The drawing in one width: the story, then the strip of the whole window."""

    width: int
    height: int
    story: Story | None
    strip: Box
    hours: tuple[Box, ...]
    gaps: tuple[Box, ...]
    span: Box | None  # the part of the window that the bars show
    ticks: tuple[Box, ...]


class Timelines(NamedTuple):
    """The drawings for a desktop and for a phone, and what they say in words."""

    drawings: tuple[Timeline, ...]
    marks: tuple[Mark, ...]
    bars: int
    left_out: int
    has_moments: bool
    has_cuts: bool
    hours_source: str
    is_active: bool  # whether the strip shows how much there was in each hour


def timelines(case: Case, investigation: Investigation) -> Timelines:
    """The timeline of a case, in both widths."""
    window = case.arguments.window
    bars = _bars(investigation)
    marks = _marks(case, investigation, window)
    hours = the_one_in(investigation.answers, Place.HOUR_MATRIX)
    drawings = tuple(
        _drawn(bars[:MOST_BARS], marks, window, hours, investigation.coverage.gaps, width)
        for width in (WIDE, NARROW)
    )
    story = drawings[0].story
    return Timelines(
        drawings,
        marks,
        len(bars),
        max(0, len(bars) - MOST_BARS),
        any(bar.to_s is None for bar in bars[:MOST_BARS]),
        story is not None and any(bar.text for bar in story.bars),
        hours.question.id,
        _are_all(hours),
    )


def _bars(investigation: Investigation) -> list[Bar]:
    """The acts of the story, and the tries before the entry."""
    story = investigation.story
    by_slug = {answer.question.slug: answer for answer in investigation.answers}
    tones = {by_slug["blocked"].question.id: "stopped", by_slug["scans"].question.id: "silent"}
    bars = [Bar(act.name, second_of(act.at), second_of(act.until) if act.until else None,
                tones.get(act.source, "data")) for act in story.acts]  # fmt: skip
    row = entry_row(by_slug["entry"])
    if row is not None and (tries := number_of(row, "tries") - 1) > 0:
        name = f"{count_of(tries, 'try', 'tries')} by {name_of(row)}"
        bars.append(Bar(name, second_of(row["first_at"]), second_of(row["longest_at"])))
    return sorted(bars, key=lambda bar: (bar.from_s, bar.name))


def _marks(case: Case, investigation: Investigation, window: Window) -> tuple[Mark, ...]:
    found: dict[str, datetime] = {}
    if case.finding is not None and case.finding.finding.first_seen:
        found["the finding was first seen"] = case.finding.finding.first_seen
    first_sign = the_one_in(investigation.answers, Place.FIRST_SIGN)
    if first_sign.rows:
        at = time_at(second_of(first_sign.rows[0]["first_at"]))
        if at not in found.values():
            found[f"first sign: {sanitise(first_sign.rows[0].get('sign', ''), 80)}"] = at
    if contained_at := investigation.context.options.contained_at:
        found["containment"] = contained_at
    inside = [(at, name) for name, at in found.items() if window.from_at <= at < window.to_at]
    return tuple(Mark(number, name, at) for number, (at, name) in enumerate(sorted(inside), 1))


class _Scale(NamedTuple):
    """Seconds of a stretch of time → places between two margins."""

    from_s: float
    to_s: float
    left: float
    right: float

    def x(self, second: float) -> float:
        inside = min(max(second, self.from_s), self.to_s)
        share = (inside - self.from_s) / (self.to_s - self.from_s)
        return round(self.left + share * (self.right - self.left), 1)

    def ticks(self, most: int) -> Iterator[float]:
        """Round times, at most so many."""
        length = self.to_s - self.from_s
        step = next((each for each in _STEPS if length / each <= most), length)
        second = -(-self.from_s // step) * step
        while second <= self.to_s:
            yield second
            second += step


def _drawn(
    bars: Sequence[Bar], marks: Sequence[Mark], window: Window, hours: Answer,
    gaps: Sequence[tuple[int, int]], width: int,
) -> Timeline:  # fmt: skip
    story = _story(bars, marks, width) if bars else None
    whole = _Scale(window.from_s, window.to_s, _LEFT, width - _LEFT)
    top = story.floor + _BELOW if story else 4.0
    return Timeline(
        width,
        int(top + _STRIP + 20),
        story,
        _box(whole, window.from_s, window.to_s, top),
        tuple(_hour_boxes(hours, whole, top)),
        tuple(_box(whole, *gap, top) for gap in gaps),
        _box(whole, *story.span, top) if story else None,
        tuple(_strip_ticks(whole, top, 6 if width == WIDE else 3)),
    )


def _story(bars: Sequence[Bar], marks: Sequence[Mark], width: int) -> Story:
    scale = _zoomed(bars, marks, _LEFT, width - _LEFT)
    pitch, above = (20.0, 0.0) if width == WIDE else (34.0, 13.0)
    floor = _TOP + len(bars) * pitch
    is_one_day = len({time_at(bar.from_s).date() for bar in bars}) == 1
    drawn, names = [], []
    for number, bar in enumerate(bars):
        y, x = _TOP + number * pitch + 3 + above, scale.x(bar.from_s)
        end = x if bar.to_s is None else max(scale.x(bar.to_s), x + 3)
        is_cut = bar.to_s is not None and bar.to_s > scale.to_s
        drawn.append(Box(x, y, end - x, 15, "cut" if is_cut else "", bar.tone))
        until = f", until {_ending(bar)}" if is_cut else ""
        began = time_at(bar.from_s)
        text = f"{clock(began) if is_one_day else day_and_clock(began)} {bar.name}{until}"
        names.append(
            Name(_LEFT, y - 4, _cut(text, int((width - 2 * _LEFT) / _CHARACTER)), "after")
            if above
            else _named(text, x, end, y + 12, width)
        )
    seen = [mark for mark in marks if scale.from_s <= mark.at.timestamp() <= scale.to_s]
    return Story(
        tuple(drawn),
        tuple(names),
        tuple(
            Box(scale.x(at), _TOP, 0, floor - _TOP, _tick(at))
            for at in scale.ticks(7 if width == WIDE else 4)
        ),
        tuple(
            Box(scale.x(each.at.timestamp()), 4, 0, floor - 4, str(each.number)) for each in seen
        ),
        floor,
        (scale.from_s, scale.to_s),
    )


def _named(text: str, x: float, end: float, y: float, width: float) -> Name:
    """The name where there is room for it: behind the bar, in it, before it; else cut."""
    room = {"after": width - end - 8, "inside": end - x - 8, "before": x - 12}
    needed = len(text) * _CHARACTER
    place = next((place for place, free in room.items() if free >= needed), None)
    if place is None:
        place = max(room, key=lambda each: room[each])
        text = _cut(text, max(int(room[place] / _CHARACTER), 4))
    gap = 9 if end == x else 5  # a moment is drawn as a diamond around it
    at = {"after": end + gap, "inside": x + 5, "before": x - gap}[place]
    return Name(at, y, text, place)


def _zoomed(bars: Sequence[Bar], marks: Sequence[Mark], left: float, right: float) -> _Scale:
    """From the first bar to the last, with a little room, and marks that are near.

    What lasts much longer than the steps lie apart (a channel of days) is cut, or the others would
    be too small to see.
    """
    starts = [bar.from_s for bar in bars]
    first, apart = min(starts), max(starts) - min(starts)
    ends = [bar.to_s or bar.from_s for bar in bars]
    short = [end for bar, end in zip(bars, ends, strict=True) if end - bar.from_s <= 2 * apart]
    last = max([*short, max(starts)]) if apart else max(ends)
    room = max((last - first) * 0.04, 60.0)
    near = [at for mark in marks if first - 4 * room <= (at := mark.at.timestamp()) <= last]
    return _Scale(min([first, *near]) - room, last + room, left, right)


def _box(scale: _Scale, from_s: float, to_s: float, y: float) -> Box:
    x = scale.x(from_s)
    return Box(x, y, max(scale.x(to_s) - x, 2.0), _STRIP)


def _hour_boxes(answer: Answer, whole: _Scale, strip: float) -> Iterator[Box]:
    """How much began in each hour, by height."""
    if not _are_all(answer):
        return
    most = max((number_of(row, "conversations") for row in answer.rows), default=1)
    for row in answer.rows:
        at, number = second_of(row["hour"]), number_of(row, "conversations")
        height = round(max(number / most * (_STRIP - 4), 1.0), 1)
        x = whole.x(at)
        width = max(whole.x(at + 3600) - x - 1, 0.5)
        yield Box(x, strip + _STRIP - height, round(width, 1), height)


def _are_all(answer: Answer) -> bool:
    """Whether the rows are all hours; else a strip of them would end too early."""
    return 0 < len(answer.rows) == answer.figures.get("hours", len(answer.rows))


def _strip_ticks(whole: _Scale, strip: float, most: int) -> Iterator[Box]:
    for at in whole.ticks(most):
        yield Box(whole.x(at), strip, 0, _STRIP, _tick(at))


def _ending(bar: Bar) -> str:
    began, ended = time_at(bar.from_s), time_at(bar.to_s or bar.from_s)
    return clock(ended) if began.date() == ended.date() else day_and_clock(ended)


def _tick(second: float) -> str:
    """The time of day; the day at its beginning."""
    at = time_at(second)
    return f"{at:%m-%d}" if at.hour == at.minute == 0 else clock(at)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
