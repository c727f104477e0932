"""Label tables → what records are looked up in: at most one row answers a question.

Three questions are asked: what an id was called then (names), who had an address then (owners), and
which network holds it (pieces). What several rows of the labels say of one thing at one time in one
place is made one answer here: the most certain, or `ambiguous`.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from transforms.coded import Flags, Numbers
from transforms.label.attribution import Answer
from transforms.label.networks import Found, network_pieces, pieces_by_vpc
from transforms.label.owners import OwnerRow, owner_rows
from transforms.label.tables import LabelTables, Version
from transforms.label.timed import Timed
from transforms.network.addresses import KEY_DIGITS
from transforms.network.ranges import ALWAYS, Area, Span

_NO_VERSION = Version(None, None, None, None, None, None)


@dataclass(frozen=True)
class Names:
    """What an id was called, and to what it belonged; the columns have a value for each row."""

    codes: Mapping[str, int]
    rows: Timed
    name: pa.StringArray
    vpc_id: pa.StringArray
    subnet_id: pa.StringArray
    instance_id: pa.StringArray
    is_mapped: Flags  # of a VPC: some network of it is known


@dataclass(frozen=True)
class Owners:
    """Who had an address: answers for records of one VPC, and for those of all others."""

    codes: Mapping[str, int]
    vpc_codes: Mapping[str, int]
    rows: Timed
    answers: Sequence[Answer]
    is_for_vpc: Flags

    def key(self, addresses: Numbers, vpcs: Numbers | int) -> Numbers:
        """The key of an owner for records of a VPC; of those without one (-1), for all others."""
        return addresses * (len(self.vpc_codes) + 1) + vpcs + 1


@dataclass(frozen=True)
class Networks:
    """What is known of the pieces of the address space, cut where any of them begins or ends.

    `of_four` and `of_six` are the first addresses of the cells; those of IPv6 are numbered behind
    those of IPv4.
    """

    of_four: Numbers
    of_six: Sequence[int]
    rows: Timed
    piece_of_row: Numbers
    found: Sequence[Found]


@dataclass(frozen=True)
class Lookups:
    """Everything that the labels say, in the shape in which records are looked up."""

    names: Names
    owners: Owners
    networks: Networks


def lookups_of(tables: LabelTables) -> Lookups:
    """The lookups of the labels."""
    here = pieces_by_vpc(tables)
    return Lookups(
        names=_names_of(tables, here),
        owners=_owners_of(list(owner_rows(tables, here))),
        networks=_networks_of(network_pieces(tables)),
    )


def _names_of(tables: LabelTables, mapped: Mapping[str, object]) -> Names:
    rows = list(_versions(tables, mapped))
    codes = {key: code for code, key in enumerate(dict.fromkeys(key for key, _, _ in rows))}
    versions = [version for _, _, version in rows]
    return Names(
        codes,
        Timed([(codes[key], span) for key, span, _ in rows]),
        name=pa.array([version.name for version in versions], pa.string()),
        vpc_id=pa.array([version.vpc_id for version in versions], pa.string()),
        subnet_id=pa.array([version.subnet_id for version in versions], pa.string()),
        instance_id=pa.array([version.instance_id for version in versions], pa.string()),
        is_mapped=np.array([key in mapped for key, _, _ in rows], dtype=bool),
    )


def _versions(
    tables: LabelTables, mapped: Mapping[str, object]
) -> Iterator[tuple[str, Span, Version]]:
    for key, versions in tables.names.items():
        for version in versions:
            yield key, Span(version.valid_from, version.valid_to), version
    for vpc_id in sorted(set(mapped) - set(tables.names)):
        yield vpc_id, ALWAYS, _NO_VERSION


def _owners_of(rows: Sequence[OwnerRow]) -> Owners:
    codes = {key: code for code, key in enumerate(dict.fromkeys(row.address for row in rows))}
    vpcs = dict.fromkeys(row.only_vpc for row in rows if row.only_vpc is not None)
    vpc_codes = {vpc_id: code for code, vpc_id in enumerate(vpcs)}
    width = len(vpc_codes) + 1
    keys = [
        codes[row.address] * width + (-1 if row.only_vpc is None else vpc_codes[row.only_vpc]) + 1
        for row in rows
    ]
    return Owners(
        codes,
        vpc_codes,
        Timed([(key, row.span) for key, row in zip(keys, rows, strict=True)]),
        [row.answer for row in rows],
        np.array([row.only_vpc is not None for row in rows], dtype=bool),
    )


def _networks_of(pieces: Mapping[int, Sequence[Area[Found]]]) -> Networks:
    firsts: list[list[int]] = []
    rows: list[tuple[int, Span]] = []
    piece_of_row: list[int] = []
    found: list[Found] = []
    before = 0
    for digits in KEY_DIGITS:
        cuts = sorted({cut for piece in pieces[digits] for cut in (piece.first, piece.last + 1)})
        for piece in pieces[digits]:
            cells = range(bisect_left(cuts, piece.first), bisect_left(cuts, piece.last + 1))
            rows += ((before + cell, piece.span) for cell in cells)
            piece_of_row += [len(found)] * len(cells)
            found.append(piece.value)
        firsts.append(cuts)
        before += len(cuts)
    of_four, of_six = np.array(firsts[0], dtype=np.int64), firsts[1]
    return Networks(of_four, of_six, Timed(rows), np.array(piece_of_row, dtype=np.int64), found)
