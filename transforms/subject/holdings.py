"""What was the subject's, and when: looked up for many records at once, however much it is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.coded import Coded, Flags, Numbers, numbers


class Held(NamedTuple):
    """From when until before when something was the subject's (Unix seconds; None is open).

    It counts in none of the foreign VPCs, and where `vpc_ids` are known in no other VPC than those.
    """

    valid_from: int | None
    valid_to: int | None
    foreign_vpc_ids: tuple[str, ...] = ()
    vpc_ids: tuple[str, ...] = ()


class Times(NamedTuple):
    """First and last second of records; without one of them it is the other."""

    first: Numbers
    last: Numbers
    has_time: Flags


def times_of(records: pa.Table) -> Times:
    """The times of flow records."""
    first, has_time = numbers(pc.coalesce(records["start"], records["end"]))
    last, _ = numbers(pc.coalesce(records["end"], records["start"]))
    return Times(first, last, has_time)


def held_by_name(held: Iterable[tuple[str, Held]]) -> dict[str, list[Held]]:
    """When each thing was held, by its name."""
    found: dict[str, list[Held]] = {}
    for name, span in held:
        found.setdefault(name, []).append(span)
    return found


def is_among(column: Coded, wanted: Collection[str]) -> Flags:
    """Where the value is one of the wanted."""
    return np.array([value in wanted for value in column.values] + [False])[column.codes]


def while_held(
    column: Coded, held: Mapping[str, Sequence[Held]], times: Times, vpcs: Coded | None = None
) -> Flags:
    """Where the value was the subject's at the time of the record, in its VPC if that is told."""
    is_held = np.zeros(len(column.codes), dtype=bool)
    met = [code for code, value in enumerate(column.values) if value in held]
    if not met:
        return is_held
    order = np.argsort(column.codes, kind="stable")
    begin = np.searchsorted(column.codes[order], met, side="left")
    end = np.searchsorted(column.codes[order], met, side="right")
    for code, first, last in zip(met, begin.tolist(), end.tolist(), strict=True):
        rows = order[first:last]
        for span in held[column.values[code]]:
            is_held[rows] |= _holds(span, rows, times, vpcs)
    return is_held


def _holds(span: Held, rows: Numbers, times: Times, vpcs: Coded | None) -> Flags:
    holds = np.ones(len(rows), dtype=bool)
    if span.valid_from is not None:
        holds &= times.has_time[rows] & (times.last[rows] >= span.valid_from)
    if span.valid_to is not None:
        holds &= times.has_time[rows] & (times.first[rows] < span.valid_to)
    if vpcs is not None and (span.foreign_vpc_ids or span.vpc_ids):
        recorded_in = Coded(vpcs.codes[rows], vpcs.values)
        holds &= ~is_among(recorded_in, span.foreign_vpc_ids)
        if span.vpc_ids:
            holds &= is_among(recorded_in, span.vpc_ids) | (recorded_in.codes < 0)
    return holds
