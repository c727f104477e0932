"""How fast a flow log reports one interface, and which seconds no record of it accounts for.

AWS, "Flow log records": an aggregation interval lasts at most 600 s (60 s on Nitro instances), an
interval without traffic leaves a NODATA record, and a record's start and end are its first and last
packet. AWS does not say that intervals are equally long or begin together. So both are learnt from
the interface's own records:

- A record from `start` to `end` belongs to an interval that begins no earlier than `end - interval`
  and ends no later than `start + interval`. A second that no record's interval can hold was not
  seen. Slack is the length of such a hole that means nothing.
- Where (almost) no record crosses one moment of the minute, intervals begin there. Then every
  interval must be touched as well, by however little.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

SHORT_INTERVAL_S, LONG_INTERVAL_S = 60, 600
# Records of short intervals last a minute; a longer one shows that intervals last ten.
SHORT_RECORD_S = 120
# Moments at which an interval may begin, per interval: one bit of a 64-bit number each.
MOMENTS = 60
# So few records may contradict what the others show: in percent.
_STRAY_PERCENT = 1
_LONG_RECORDS = 3
# Fewer minutes with a record that lasts may fit one rhythm by chance.
_LEAST_MINUTES = 5
# A hole of a tenth of an interval is jitter, and so are larger ones up to half an interval where an
# interface has them regularly: at least three, and in this share of the minutes with records.
_REGULAR_HOLES, _REGULAR_PERCENT = 3, 5

Stretch = tuple[int, int]  # first second, first second after it


class Touch(NamedTuple):
    """The records of one interface in one flow log that start within one minute.

    Nothing is lost by taking them together: their starts are less than an interval apart, so no
    missing interval fits between them. Bit `n` of `crossed_short` is set when a record has packets
    before and after the moment `n` of the short interval; `crossed_long` likewise.
    """

    first_start: int
    last_start: int
    first_end: int
    last_end: int
    crossed_short: int = 0
    crossed_long: int = 0
    long_records: int = 0
    records: int = 1


class Pace(NamedTuple):
    """Intervals of an interface in a flow log: how long, and how exact.

    `begins` are the first and the last second of the interval's cycle at which one may begin; None
    where intervals do not begin together, or too few records show when.
    """

    interval_s: int
    slack_s: int
    begins: tuple[int, int] | None = None

    def described(self) -> str:
        """In words, for a summary."""
        if self.begins is None:
            return f"{self.interval_s} s at most, slack {self.slack_s} s"
        first, last = self.begins
        at = f"second {first}" if first == last else f"seconds {first} to {last}"
        return f"{self.interval_s} s from {at} of their cycle on, slack {self.slack_s} s"


def pace_of(touches: Sequence[Touch]) -> Pace:
    """The interval and the slack that these records show."""
    interval_s = _interval_of(touches)
    jitter_s = interval_s // 10
    joints = list(pairwise(_accounted(touches, interval_s)))
    holes = [
        after - before
        for (_, before), (after, _) in joints
        if jitter_s < after - before <= interval_s // 2
    ]
    buckets = max(len(touches), 1)
    is_regular = len(holes) >= _REGULAR_HOLES and 100 * len(holes) >= _REGULAR_PERCENT * buckets
    slack_s = max(holes) if is_regular else jitter_s
    return Pace(interval_s, slack_s, _beginning_of(touches, interval_s))


def _interval_of(touches: Sequence[Touch]) -> int:
    """A single long record among many is a broken one."""
    longer = sum(touch.long_records for touch in touches)
    records = sum(touch.records for touch in touches)
    is_long = longer >= _LONG_RECORDS or (longer > 0 and 100 * longer >= _STRAY_PERCENT * records)
    return LONG_INTERVAL_S if is_long else SHORT_INTERVAL_S


def _beginning_of(touches: Sequence[Touch], interval_s: int) -> tuple[int, int] | None:
    """The moment at which intervals begin, where it is known to a sixth of an interval."""
    is_short = interval_s == SHORT_INTERVAL_S
    masks = [touch.crossed_short if is_short else touch.crossed_long for touch in touches]
    if sum(mask != 0 for mask in masks) < _LEAST_MINUTES:
        return None
    most = len(masks) * _STRAY_PERCENT // 100
    free = [
        moment
        for moment in range(MOMENTS)
        if sum(mask >> moment & 1 for mask in masks) <= most
    ]  # fmt: skip
    if not free:
        return None
    first, steps = _shortest_arc(free)
    unit = interval_s // MOMENTS
    slack = steps * unit + unit - 1
    return (first * unit, first * unit + slack) if slack <= interval_s // 6 else None


def _shortest_arc(moments: Sequence[int]) -> tuple[int, int]:
    """The shortest arc of the circle that holds all moments: where it begins, and its steps."""
    following = [*moments[1:], moments[0] + MOMENTS]
    gap, at = max((after - moment, after) for moment, after in zip(moments, following, strict=True))
    return at % MOMENTS, MOMENTS - gap


def unseen(touches: Sequence[Touch], pace: Pace, span: Stretch) -> list[Stretch]:
    """The stretches of the span that no record accounts for, in order.

    Records outside the span are not known, so less than an interval at its edges proves nothing.
    """
    if not touches:
        return [span]
    untouched = () if pace.begins is None else _untouched(touches, pace, *pace.begins, span)
    return merged((*_holes(touches, pace, span), *untouched))


def _untouched(
    touches: Sequence[Touch], pace: Pace, begins_s: int, latest_s: int, span: Stretch
) -> Iterator[Stretch]:
    """Of each interval that no record touches: what belongs to it wherever it begins."""
    for first, until in _between(
        merged((touch.first_start, touch.last_end + 1) for touch in touches), span
    ):
        nth = -(-(first - begins_s) // pace.interval_s)
        last = (until - latest_s) // pace.interval_s - 1
        if nth <= last:
            yield latest_s + nth * pace.interval_s, begins_s + (last + 1) * pace.interval_s


def _holes(touches: Sequence[Touch], pace: Pace, span: Stretch) -> Iterator[Stretch]:
    reach = pace.interval_s - 1
    for first, until in _between(
        _accounted(touches, pace.interval_s), (span[0] + reach, span[1] - reach)
    ):
        if until - first > pace.slack_s:
            yield first, until


def _accounted(touches: Sequence[Touch], interval_s: int) -> list[Stretch]:
    """The seconds that the interval of a record may hold, as stretches in order."""
    return merged(
        (
            min(touch.first_end - interval_s + 1, touch.first_start),
            max(touch.last_start + interval_s, touch.last_end + 1),
        )
        for touch in touches
    )


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The stretches in order, those joined that touch or overlap."""
    joined: list[Stretch] = []
    for first, until in sorted(stretches):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((first, until))
    return joined


def _between(stretches: Sequence[Stretch], span: Stretch) -> Iterator[Stretch]:
    """What of the span lies in none of the stretches."""
    at = span[0]
    for first, until in stretches:
        if first > at and at < span[1]:
            yield at, min(first, span[1])
        at = max(at, until)
    if at < span[1]:
        yield at, span[1]
