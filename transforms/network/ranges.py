"""Overlapping things in time and space → disjoint pieces, each with one answer.

Lookups are made of such pieces: a key, a moment and an address meet at most one of them, so a join
with them neither multiplies a row nor depends on the order of what they were made from.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

# Stand for an open start and an open end while times are compared.
_EARLIEST, _LATEST = -(2**62), 2**62

V = TypeVar("V")
A = TypeVar("A", bound=Hashable)


class Span(NamedTuple):
    """From a moment until before another, in Unix seconds; None is open."""

    valid_from: int | None
    valid_to: int | None


ALWAYS = Span(None, None)


class Slice(NamedTuple, Generic[V]):
    """What holds in all of a span."""

    span: Span
    values: list[V]


class Area(NamedTuple, Generic[V]):
    """A value for all addresses (as numbers) from `first` to `last`, in a span."""

    first: int
    last: int
    span: Span
    value: V


def overlap(one: Span, other: Span) -> Span | None:
    """The time that two spans share."""
    start = max(_start(one), _start(other))
    end = min(_end(one), _end(other))
    return _span(start, end) if start < end else None


def slices(values: Sequence[tuple[Span, V]]) -> Iterator[Slice[V]]:
    """Cut time where any of the values begins or ends; moments without a value are left out."""
    if all(span == ALWAYS for span, _ in values):
        if values:
            yield Slice(ALWAYS, [value for _, value in values])
        return
    moments = sorted({moment for span, _ in values for moment in (_start(span), _end(span))})
    for start, end in pairwise(moments):
        held = [value for span, value in values if _start(span) <= start and end <= _end(span)]
        if held:
            yield Slice(_span(start, end), held)


def within(span: Span, versions: Sequence[tuple[Span, V]]) -> Iterator[tuple[Span, V | None]]:
    """A span cut where versions change: each part with the version that holds, or None."""
    if not versions:
        yield span, None
        return
    if len(versions) == 1 and versions[0][0] in (span, ALWAYS):
        yield span, versions[0][1]
        return
    marked: list[tuple[Span, V | None]] = [(span, None)]
    for known, value in versions:
        if shared := overlap(span, known):
            marked.append((shared, value))
    for part in slices(marked):
        found = [value for value in part.values if value is not None]
        yield part.span, found[0] if found else None


def disjoint(areas: Iterable[Area[V]], answer: Callable[[list[V]], A]) -> list[Area[A]]:
    """Pieces of address space and time, each with the answer for all the areas that hold it.

    `answer` gets their values in no particular order. Neighbours with one answer become one piece.
    """
    starts, ends = defaultdict(list), defaultdict(list)
    for number, area in enumerate(areas):
        starts[area.first].append((number, area))
        ends[area.last + 1].append(number)
    active: dict[int, Area[V]] = {}
    pieces: dict[tuple[Span, A], list[tuple[int, int]]] = {}
    for first, following in pairwise(sorted({*starts, *ends})):
        for number in ends[first]:
            del active[number]
        active.update(starts[first])
        for part in slices([(area.span, area.value) for area in active.values()]):
            ranges = pieces.setdefault((part.span, answer(part.values)), [])
            if ranges and ranges[-1][1] + 1 == first:
                ranges[-1] = ranges[-1][0], following - 1
            else:
                ranges.append((first, following - 1))
    return [
        Area(first, last, span, value)
        for (span, value), ranges in pieces.items()
        for first, last in ranges
    ]


def _start(span: Span) -> int:
    return _EARLIEST if span.valid_from is None else span.valid_from


def _end(span: Span) -> int:
    return _LATEST if span.valid_to is None else span.valid_to


def _span(start: int, end: int) -> Span:
    return Span(None if start == _EARLIEST else start, None if end == _LATEST else end)
