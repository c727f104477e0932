"""Add names to the ids of many records at once: never a row more or less.

Columns become codes of their distinct values, codes are looked up in sorted arrays, and what each
combination of finds means is worked out once. The cost of a record does not grow with the labels.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.coded import (
    Coded,
    Flags,
    Numbers,
    coded,
    combined,
    flags,
    flat,
    numbers,
    recoded,
    take,
    take_coded,
    taken,
)
from transforms.label.answers import Known, Recorder, answer_of, is_owner, own_answer
from transforms.label.attribution import Answer
from transforms.label.lookups import Lookups
from transforms.label.places import Places, places_of
from transforms.label.rings import Home, Range, ring_of
from transforms.schemas import LABEL_COLUMNS

ENDS = ("src", "dst", "pkt_src", "pkt_dst")
RECORD_VPC_ID = "record_vpc_id"
_OWN_DIRECTION = {"src": "egress", "dst": "ingress"}
_CANDIDATES = pa.list_(pa.string())
LABELLED = tuple(
    pa.field(name, _CANDIDATES if name.endswith("_candidates") else pa.string())
    for name in (RECORD_VPC_ID, *LABEL_COLUMNS)
)


class _Ids(NamedTuple):
    """One kind of id of every record, and the row of the labels that names it then (-1: none)."""

    ids: Coded
    rows: Numbers


class _Recorders(NamedTuple):
    """The interface that recorded, of each record; numbers tell apart what differs."""

    interface: _Ids
    vpc: _Ids
    subnet: _Ids
    instance: _Ids
    numbers: Numbers  # everything of it
    vpc_numbers: Numbers  # its VPC alone


class _Moments(NamedTuple):
    at: Numbers
    has_time: Flags


def labels_of(records: pa.Table, lookups: Lookups, home: Home) -> list[pa.Array]:
    """A column for each of LABELLED, with a value for each record (columns of a flow record).

    `record_vpc_id` is the VPC of the interface: the record's own word, else the label's. A label
    counts for a record when it was valid at its start. Rings are as seen from `home`. Texts may be
    coded.
    """
    moments = _moments_of(records)
    recorders = _recorders_of(records, lookups, moments)
    columns: dict[str, pa.Array] = {RECORD_VPC_ID: recorders.vpc.ids.column()}
    for name in ("interface", "vpc", "subnet", "instance"):
        columns[f"{name}_name"] = take_coded(lookups.names.name, getattr(recorders, name).rows)
    for end in ENDS:
        columns |= _End(records, lookups, home, end).columns(recorders, moments)
    return [columns[field.name] for field in LABELLED]


def _moments_of(records: pa.Table) -> _Moments:
    return _Moments(*numbers(pc.coalesce(records["start"], records["end"])))


def _recorders_of(records: pa.Table, lookups: Lookups, moments: _Moments) -> _Recorders:
    names = lookups.names

    def ids(values: pa.ChunkedArray | pa.Array) -> _Ids:
        found = coded(values)
        codes = taken([names.codes.get(value, -1) for value in found.values], found.codes)
        return _Ids(found, names.rows.find(codes, *moments))

    interface = ids(records["interface_id"])

    def of_interface(name: str) -> pa.Array:
        told = flat(records[name])
        if not told.null_count:
            return told
        return pc.coalesce(told, take(getattr(names, name), interface.rows))

    vpc, subnet, instance = map(ids, map(of_interface, ("vpc_id", "subnet_id", "instance_id")))
    kinds = (interface, vpc, subnet, instance)
    everything, _ = combined(*(kind.ids.codes for kind in kinds), *(kind.rows for kind in kinds))
    vpc_numbers, _ = combined(vpc.ids.codes, vpc.rows)
    return _Recorders(*kinds, everything, vpc_numbers)


class _End:
    """One end of each record: its address, what was looked up of it, and the answers."""

    def __init__(self, records: pa.Table, lookups: Lookups, home: Home, end: str) -> None:
        self._end, self._lookups, self._home = end, lookups, home
        outer = flat(records[f"{end.removeprefix('pkt_')}addr"])
        packet = flat(records[f"pkt_{end.removeprefix('pkt_')}addr"])
        service = flat(records[f"pkt_{end.removeprefix('pkt_')}_aws_service"])
        nothing = pa.scalar(None, pa.string())
        is_same = pc.fill_null(pc.equal(pc.coalesce(packet, outer), outer), False)
        if end.startswith("pkt_"):  # the packet's own address is labelled where it differs
            address = pc.if_else(pc.fill_null(pc.equal(packet, outer), False), nothing, packet)
        else:  # the record names the service of the packet's address
            address, service = outer, pc.if_else(is_same, service, nothing)
        self._addresses, self._services = coded(address), coded(service)
        direction = _OWN_DIRECTION.get(end)
        is_own = flags(pc.equal(records["flow_direction"], direction or ""))
        self._is_own_side = is_own if direction else None

    def columns(self, recorders: _Recorders, moments: _Moments) -> dict[str, pa.Array]:
        """The label columns of this end."""
        wanted = [name for name in LABEL_COLUMNS if _is_of(name, self._end)]
        if not self._addresses.values:
            size = len(self._addresses.codes)
            kinds = {field.name: field.type for field in LABELLED}
            return {name: pa.nulls(size, kinds[name]) for name in wanted}
        places = places_of(self._addresses.values, self._lookups.networks, self._home)
        owners = self._owners(recorders, moments)
        cells = taken(places.cells, self._addresses.codes)
        found = self._lookups.networks.rows.find(cells, *moments)
        pieces = taken(self._lookups.networks.piece_of_row, found)
        is_own = self._is_own(owners, recorders)
        has_address = self._addresses.codes >= 0
        ranges = taken(places.ranges, self._addresses.codes)
        of_vpc = recorders.vpc_numbers + recorders.numbers.max() + 1
        combination, firsts = combined(
            np.where(has_address, np.where(is_own, recorders.numbers, of_vpc), -1),
            owners,
            np.where(has_address, pieces, -1),
            np.where(is_own | ~has_address, -1, self._services.codes),
            ranges,
        )
        answers = [
            self._answer(row, recorders, owners, pieces, places, bool(is_own[row]))
            for row in firsts.tolist()
        ]
        rings = [
            None if answer is None else ring_of(answer, Range(int(ranges[row])), self._home).value
            for answer, row in zip(answers, firsts.tolist(), strict=True)
        ]
        return {name: self._column(name, answers, rings, combination) for name in wanted}

    def _owners(self, recorders: _Recorders, moments: _Moments) -> Numbers:
        """The row of the owners that holds: for the record's VPC, else for all others."""
        owners = self._lookups.owners
        codes = taken(
            [owners.codes.get(value, -1) for value in self._addresses.values],
            self._addresses.codes,
        )
        vpcs = recorders.vpc.ids
        of_vpc = taken([owners.vpc_codes.get(v, -1) for v in vpcs.values], vpcs.codes)
        rows = np.full(len(codes), -1, np.int64)
        held = np.flatnonzero(codes >= 0)
        at = _Moments(moments.at[held], moments.has_time[held])
        here = owners.rows.find(owners.key(codes[held], of_vpc[held]), *at)
        others = owners.rows.find(owners.key(codes[held], -1), *at)
        rows[held] = np.where((of_vpc[held] >= 0) & (here >= 0), here, others)
        return rows

    def _is_own(self, owners: Numbers, recorders: _Recorders) -> Flags:
        """Whether this end is the interface that recorded."""
        interfaces = recorders.interface.ids
        is_own = np.zeros(len(owners), dtype=bool)
        held = np.flatnonzero((owners >= 0) & (interfaces.codes >= 0))
        if len(held):
            owned, firsts = combined(owners[held], interfaces.codes[held])
            is_owned = [
                is_owner(self._lookups.owners.answers[owners[row]], interfaces.at(row))
                for row in held[firsts].tolist()
            ]
            is_own[held] = np.array(is_owned, dtype=bool)[owned]
        if self._is_own_side is not None:
            is_own |= self._is_own_side & (interfaces.codes >= 0)
        return is_own & (self._addresses.codes >= 0)

    def _answer(
        self,
        row: int,
        recorders: _Recorders,
        owners: Numbers,
        pieces: Numbers,
        places: Places,
        is_own: bool,
    ) -> Answer | None:
        address = int(self._addresses.codes[row])
        if address < 0:
            return None
        owner, piece = int(owners[row]), int(pieces[row])
        known = Known(
            owner=self._lookups.owners.answers[owner] if owner >= 0 else None,
            is_for_vpc=owner >= 0 and bool(self._lookups.owners.is_for_vpc[owner]),
            found=self._lookups.networks.found[piece] if piece >= 0 else None,
            recorded=self._services.at(row),
            by_range=Range(int(places.ranges[address])),
        )
        recorder = _recorder(self._lookups, recorders, row)
        if is_own:
            return own_answer(known, recorder)
        return answer_of(known, recorder.vpc_id, recorder.is_mapped)

    def _column(
        self, name: str, answers: list[Answer | None], rings: list[str | None], places: Numbers
    ) -> pa.Array:
        field = name.removeprefix(f"{self._end}_")
        values: Iterable[object] = (
            rings
            if field == "ring"
            else (None if answer is None else getattr(answer, field) for answer in answers)
        )
        if field == "candidates":
            return take(pa.array(list(values), _CANDIDATES), places)
        return recoded(pa.array(list(values), pa.string()), pa.array(places))


def _recorder(lookups: Lookups, recorders: _Recorders, row: int) -> Recorder:
    names = lookups.names

    def name(kind: _Ids) -> str | None:
        at = int(kind.rows[row])
        return names.name[at].as_py() if at >= 0 else None

    interface, vpc, subnet, instance = recorders[:4]
    mapped = int(vpc.rows[row])
    return Recorder(
        interface_id=interface.ids.at(row),
        interface_name=name(interface),
        instance_id=instance.ids.at(row),
        instance_name=name(instance),
        vpc_id=vpc.ids.at(row),
        vpc_name=name(vpc),
        is_mapped=mapped >= 0 and bool(names.is_mapped[mapped]),
        subnet_id=subnet.ids.at(row),
        subnet_name=name(subnet),
    )


def _is_of(column: str, end: str) -> bool:
    return column.startswith(f"{end}_")
