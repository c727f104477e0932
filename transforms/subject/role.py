"""Say how the subject takes part in a flow record, by lookup: the number of its names is free."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.coded import Coded, Flags, Numbers, coded, numbers, with_columns
from transforms.subject.identity import Part, Subject

OWN_INTERFACE, OTHER_END, BEHIND = "own_interface", "other_end", "behind"
UNKNOWN_VPC = "unknown_vpc"
ROLE = pa.field("role", pa.string())
_IS_OWN = "is_own"


class _Held(NamedTuple):
    """From when until before when something was the subject's (Unix seconds), and not where."""

    valid_from: int | None
    valid_to: int | None
    foreign_vpc_ids: tuple[str, ...] = ()


class _Times(NamedTuple):
    first: Numbers
    last: Numbers
    has_time: Flags


def with_role(flows: DataFrame, subject: Subject) -> DataFrame:
    """Add `role`, see `roles_of`; keeps every row. Needs `record_vpc_id`, which labels tell."""
    return with_columns(flows, [ROLE], lambda flow: [roles_of(flow, subject)])


def of_subject(flows: DataFrame) -> DataFrame:
    """Keep the flows that have a role."""
    return flows.where(F.col("role").isNotNull())


def at_own_interfaces(flows: DataFrame, subject: Subject) -> DataFrame:
    """Keep the flows that were recorded at an interface of the subject while it was its own."""
    is_own = pa.field(_IS_OWN, pa.bool_())
    marked = with_columns(flows, [is_own], lambda flow: [pa.array(_at_own(flow, subject))])
    return marked.where(_IS_OWN).drop(_IS_OWN)


def roles_of(records: pa.Table, subject: Subject) -> pa.Array:
    """The role of each record, null for records of others. Needs `record_vpc_id`.

    own_interface: recorded at an interface of the subject. other_end: recorded at a peer's or a
    middle interface, with the subject's address as source or destination. behind: only the packet's
    own address (`pkt_*`) is the subject's, as at a NAT gateway. unknown_vpc: as other_end, but the
    VPC of the interface is unknown while the subject's is known: the address may be another
    machine's in another VPC. An interface and an address count
    only while they were the subject's, an address not at interfaces of other VPCs that use the same
    range for themselves. A record that names another instance at an interface is believed, unless
    the interface was asked for.
    """
    vpcs = coded(records["record_vpc_id"])
    outer = _any_end(records, subject, vpcs, ("srcaddr", "dstaddr"))
    packet = _any_end(records, subject, vpcs, ("pkt_srcaddr", "pkt_dstaddr"))
    is_told = np.full(len(records), not subject.vpc_ids) | (vpcs.codes >= 0)
    other_end = np.where(is_told, OTHER_END, UNKNOWN_VPC)
    role = np.where(outer, other_end, np.where(packet, BEHIND, ""))
    role = np.where(_at_own(records, subject), OWN_INTERFACE, role)
    return pa.array(role.tolist(), pa.string(), mask=role == "")


def _at_own(records: pa.Table, subject: Subject) -> Flags:
    instance, interface = coded(records["instance_id"]), coded(records["interface_id"])
    is_own = _is_among(instance, subject.instance_ids)
    is_other = np.full(len(records), bool(subject.instance_ids)) & (instance.codes >= 0) & ~is_own
    known = {part.interface_id for part in subject.parts}
    at_any_time = [id_ for id_ in subject.interface_ids if id_ not in known]
    at_any_time += [p.interface_id for p in subject.parts if p.interface_id and _is_asked(p)]
    held: dict[str, list[_Held]] = {}
    for part in subject.parts:
        if part.interface_id and not part.address and not _is_asked(part):
            held.setdefault(part.interface_id, []).append(_Held(part.valid_from, part.valid_to))
    is_held = _while_held(interface, held, _times(records))
    return is_own | _is_among(interface, at_any_time) | (is_held & ~is_other)


def _is_asked(part: Part) -> bool:
    return part.source == "argument"


def _any_end(records: pa.Table, subject: Subject, vpcs: Coded, columns: Sequence[str]) -> Flags:
    held: dict[str, list[_Held]] = {}
    for address, valid_from, valid_to, foreign in subject.holdings:
        held.setdefault(address, []).append(_Held(valid_from, valid_to, foreign))
    times = _times(records)
    ends = [_while_held(coded(records[column]), held, times, vpcs) for column in columns]
    return np.asarray(np.logical_or.reduce(ends), dtype=bool)


def _is_among(column: Coded, wanted: Sequence[str]) -> Flags:
    known = set(wanted)
    return np.array([value in known for value in column.values] + [False])[column.codes]


def _while_held(
    column: Coded, held: Mapping[str, Sequence[_Held]], times: _Times, vpcs: Coded | None = None
) -> Flags:
    """Where the value was the subject's at the time of the record."""
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


def _holds(span: _Held, rows: Numbers, times: _Times, vpcs: Coded | None) -> Flags:
    holds = np.ones(len(rows), dtype=bool)
    if span.valid_from is not None:
        holds &= times.has_time[rows] & (times.last[rows] >= span.valid_from)
    if span.valid_to is not None:
        holds &= times.has_time[rows] & (times.first[rows] < span.valid_to)
    if vpcs is not None and span.foreign_vpc_ids:
        recorded_in = Coded(vpcs.codes[rows], vpcs.values)
        holds &= ~_is_among(recorded_in, span.foreign_vpc_ids)
    return holds


def _times(records: pa.Table) -> _Times:
    first, has_time = numbers(pc.coalesce(records["start"], records["end"]))
    last, _ = numbers(pc.coalesce(records["end"], records["start"]))
    return _Times(first, last, has_time)
