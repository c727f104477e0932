"""Rows of OWNERS: for each address one answer per VPC that has an owner, and one for others."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from transforms.label.attribution import (
    ADDRESS,
    AMBIGUOUS,
    PUBLIC_ADDRESS,
    Answer,
    capped,
    names_in_time,
)
from transforms.label.networks import Pieces
from transforms.label.tables import LabelTables, Owner
from transforms.network.addresses import number_of
from transforms.network.ranges import Area, Span, slices, within


class OwnerRow(NamedTuple):
    """Who had an address in a span of time.

    With `only_vpc` it is the answer for records of that VPC; without, for those of every VPC that
    has no answer of its own then.
    """

    address: str
    only_vpc: str | None
    span: Span
    answer: Answer


def owner_rows(tables: LabelTables, here: Mapping[str, Pieces]) -> Iterator[OwnerRow]:
    """Of an address at a moment at most one row for a VPC; `here` has a VPC's networks."""
    return _Owners(tables, here).rows()


class _Owners:
    def __init__(self, tables: LabelTables, here: Mapping[str, Pieces]) -> None:
        self._tables = tables
        self._finders = {
            (vpc_id, digits): _Finder(pieces)
            for vpc_id, found in here.items()
            for digits, pieces in found.items()
        }

    def rows(self) -> Iterator[OwnerRow]:
        for address, owners in self._tables.owners.items():
            by_vpc: dict[str, list[Owner]] = defaultdict(list)
            for owner in owners:
                if owner.vpc_id is not None and not owner.is_public:
                    by_vpc[owner.vpc_id].append(owner)
            for vpc_id, own in by_vpc.items():
                for span, held in self._slices(own):
                    for part, answer in self._answers(address, span, held):
                        yield OwnerRow(address, vpc_id, part, answer)
            for span, held in self._slices(owners):
                for part, answer in self._answers(address, span, held):
                    yield OwnerRow(address, None, part, answer)

    def _slices(self, owners: list[Owner]) -> Iterator[tuple[Span, list[Owner]]]:
        for part in slices([(owner.span, owner) for owner in owners]):
            yield part.span, part.values

    def _answers(
        self, address: str, span: Span, owners: list[Owner]
    ) -> Iterator[tuple[Span, Answer]]:
        ids = sorted({owner.interface_id for owner in owners})
        if len(ids) == 1:
            owner = owners[0]
            for part, instance_name in within(span, names_in_time(self._tables, owner.instance_id)):
                for smaller, answer in self._placed(address, part, owner.vpc_id, owner.subnet_id):
                    yield (
                        smaller,
                        answer._replace(
                            name=instance_name or owner.name,
                            interface_id=owner.interface_id,
                            instance_id=owner.instance_id,
                            basis=PUBLIC_ADDRESS if owner.is_public else ADDRESS,
                            candidates=None,
                        ),
                    )
            return
        vpc_ids = {owner.vpc_id for owner in owners}
        vpc_id = vpc_ids.pop() if len(vpc_ids) == 1 else None
        for smaller, answer in self._placed(address, span, vpc_id, None):
            yield smaller, answer._replace(basis=AMBIGUOUS, candidates=capped(ids))

    def _placed(
        self, address: str, span: Span, vpc_id: str | None, subnet_id: str | None
    ) -> Iterator[tuple[Span, Answer]]:
        """VPC and subnet with their names, as they change in the span."""
        if vpc_id is None and subnet_id is None:
            yield span, Answer()
            return
        if subnet_id is None:
            number, digits = number_of(address)
            finder = self._finders.get((str(vpc_id), digits))
            found = finder.find(number) if finder else []
            for part, network in within(span, found):
                named = network or Answer(vpc_id=vpc_id)
                for smaller, vpc_name in within(part, names_in_time(self._tables, vpc_id)):
                    yield smaller, named._replace(vpc_name=vpc_name)
            return
        for part, subnet_name in within(span, names_in_time(self._tables, subnet_id)):
            for smaller, vpc_name in within(part, names_in_time(self._tables, vpc_id)):
                yield (
                    smaller,
                    Answer(
                        vpc_id=vpc_id,
                        vpc_name=vpc_name,
                        subnet_id=subnet_id,
                        subnet_name=subnet_name,
                    ),
                )


class _Finder:
    """The pieces of one VPC that hold an address."""

    def __init__(self, pieces: list[Area[Answer]]) -> None:
        self._pieces = sorted(pieces, key=lambda piece: piece.first)
        self._firsts = [piece.first for piece in self._pieces]
        # Pieces share addresses only where labels change with time.
        self._is_simple = all(a.last < b.first for a, b in pairwise(self._pieces))

    def find(self, number: int) -> list[tuple[Span, Answer]]:
        until = bisect_right(self._firsts, number)
        candidates = self._pieces[max(until - 1, 0) if self._is_simple else 0 : until]
        return [(piece.span, piece.value) for piece in candidates if number <= piece.last]
