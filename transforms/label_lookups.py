"""Label tables → rows of the lookups that flows are joined with: at most one answers a question.

Three questions are asked of each address of a flow: who had it then (OWNERS), which network of the
record's VPC holds it, and which network of any VPC (both NETWORKS); a fourth, which service of AWS
it belongs to (SERVICES), when its ranges are known. What several rows of the labels say of one
address at one time in one place is made one answer here: the most certain, or `ambiguous`.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from transforms.address_ranges import ALWAYS, Area, Span, disjoint, slices, within
from transforms.addresses import KEY_DIGITS, Network, buckets_of, number_of
from transforms.label_tables import LabelTables, NetworkLabel, Owner, Version

INTERNAL, AWS_SERVICE = "internal", "aws service"
ADDRESS, PUBLIC_ADDRESS, CIDR, AMBIGUOUS = "address", "public address", "cidr", "ambiguous"
AWS_RANGES = "aws ranges"
_MOST_CANDIDATES = 20
_MOST_BUCKETS = 50_000

ANSWER = """STRUCT<name STRING, interface_id STRING, instance_id STRING, vpc_id STRING,
    vpc_name STRING, subnet_id STRING, subnet_name STRING, scope STRING, basis STRING,
    candidates ARRAY<STRING>>"""
_SPAN = "valid_from BIGINT COMMENT 'Unix seconds', valid_to BIGINT COMMENT 'not part of it'"

NAMES = f"""
    id STRING COMMENT 'interface, subnet, VPC or instance id', {_SPAN},
    label STRUCT<name STRING, vpc_id STRING, subnet_id STRING, instance_id STRING,
                 is_mapped BOOLEAN COMMENT 'of a VPC: some network of it is known'>
"""
OWNERS = f"""
    address STRING COMMENT 'canonical',
    only_vpc STRING COMMENT 'the answer is for records of this VPC; null: for those of others',
    not_vpcs ARRAY<STRING> COMMENT 'VPCs with an answer of their own', {_SPAN}, answer {ANSWER}
"""
NETWORKS = f"""
    place STRING COMMENT 'VPC of the record; empty: any', bucket STRING,
    first STRING COMMENT 'address key', last STRING COMMENT 'address key', {_SPAN}, answer {ANSWER}
"""


class Answer(NamedTuple):
    """What is said of one end of a flow."""

    name: str | None = None
    interface_id: str | None = None
    instance_id: str | None = None
    vpc_id: str | None = None
    vpc_name: str | None = None
    subnet_id: str | None = None
    subnet_name: str | None = None
    scope: str | None = INTERNAL
    basis: str | None = None
    candidates: tuple[str, ...] | None = None


class RangeRows(NamedTuple):
    """Rows of NETWORKS; `digits` is how much of an IPv4 and an IPv6 address key is the bucket."""

    digits: tuple[int, int]
    rows: list[tuple[object, ...]]


class LookupRows(NamedTuple):
    """Rows of NAMES, OWNERS and NETWORKS (twice)."""

    names: list[tuple[object, ...]]
    owners: list[tuple[object, ...]]
    networks: RangeRows
    services: RangeRows


def lookup_rows(tables: LabelTables) -> LookupRows:
    """The lookups of the labels."""
    by_vpc: dict[str, list[NetworkLabel]] = defaultdict(list)
    for label in tables.networks:
        if label.vpc_id is not None:
            by_vpc[label.vpc_id].append(label)
    here = {vpc_id: _pieces(labels, tables, _network_here) for vpc_id, labels in by_vpc.items()}
    anywhere = _pieces(tables.networks, tables, _network_anywhere)
    return LookupRows(
        names=list(_name_rows(tables, set(by_vpc))),
        owners=list(_Owners(tables, here).rows()),
        networks=_range_rows({**here, "": anywhere}),
        services=_range_rows({"": _service_pieces(tables)}),
    )


def _name_rows(tables: LabelTables, mapped: set[str]) -> Iterator[tuple[object, ...]]:
    for key, versions in tables.names.items():
        for version in versions:
            span = Span(version.valid_from, version.valid_to)
            ids = version.vpc_id, version.subnet_id, version.instance_id
            yield key, *span, (version.name, *ids, key in mapped)
    for vpc_id in sorted(mapped - set(tables.names)):
        yield vpc_id, *ALWAYS, (None, None, None, None, True)


# ---- networks -------------------------------------------------------------------------------

_Pieces = dict[int, list[Area[Answer]]]  # by the digits of an address key


def _pieces(
    labels: Sequence[NetworkLabel],
    tables: LabelTables,
    answer: Callable[[list[NetworkLabel]], Answer],
) -> _Pieces:
    """Disjoint pieces, for IPv4 and IPv6, with the name that the VPC had in each."""
    found: _Pieces = {}
    for digits in KEY_DIGITS:
        areas = [
            Area(int(label.network.first, 16), int(label.network.last, 16), label.span, label)
            for label in labels
            if len(label.network.first) == digits
        ]
        found[digits] = [
            piece._replace(span=span, value=piece.value._replace(vpc_name=name))
            for piece in disjoint(areas, answer)
            for span, name in within(piece.span, _names(tables, piece.value.vpc_id))
        ]
    return found


def _network_here(labels: list[NetworkLabel]) -> Answer:
    """The narrowest network of one VPC; two equal ones of different subnets are ambiguous."""
    longest = max(label.network.prefix for label in labels)
    narrowest = {label.subnet_id: label for label in labels if label.network.prefix == longest}
    subnets = sorted(subnet_id for subnet_id in narrowest if subnet_id is not None)
    vpc_id = labels[0].vpc_id
    if len(subnets) > 1:
        return Answer(vpc_id=vpc_id, basis=AMBIGUOUS, candidates=_capped(subnets))
    if not subnets:
        return Answer(vpc_id=vpc_id, basis=CIDR)
    return Answer(
        vpc_id=vpc_id, subnet_id=subnets[0], subnet_name=narrowest[subnets[0]].name, basis=CIDR
    )


def _network_anywhere(labels: list[NetworkLabel]) -> Answer:
    """The narrowest network where one VPC holds the address, else the networks that do."""
    by_vpc: dict[str, list[NetworkLabel]] = defaultdict(list)
    for label in labels:
        by_vpc[label.vpc_id or ""].append(label)
    answers = [_network_here(of_vpc) for of_vpc in by_vpc.values()]
    if len(answers) == 1:
        return answers[0]
    known = {
        name
        for answer in answers
        for name in (answer.candidates or (answer.subnet_id or answer.vpc_id,))
        if name is not None
    }
    return Answer(basis=AMBIGUOUS, candidates=_capped(known))


def _service_pieces(tables: LabelTables) -> _Pieces:
    found: _Pieces = {}
    for digits in KEY_DIGITS:
        areas = [
            Area(int(network.first, 16), int(network.last, 16), ALWAYS, (network.prefix, service))
            for network, service in tables.services
            if len(network.first) == digits
        ]
        found[digits] = disjoint(areas, _service)
    return found


def _service(ranges: list[tuple[int, str]]) -> Answer:
    """AMAZON holds every other service; of two others the narrower range, then the name, decides.

    Source: AWS, "AWS IP address ranges JSON": subsets of AMAZON are listed twice.
    """
    _, _, name = min((service == "AMAZON", -prefix, service) for prefix, service in ranges)
    return Answer(name=name, scope=AWS_SERVICE, basis=AWS_RANGES)


def _range_rows(places: Mapping[str, _Pieces]) -> RangeRows:
    """Each piece once per bucket that it touches; buckets as fine as their number allows."""
    chosen: list[int] = []
    rows: list[tuple[object, ...]] = []
    for digits in KEY_DIGITS:
        pieces = [(place, piece) for place, found in places.items() for piece in found[digits]]
        finest = next(
            (
                kept
                for kept in range(digits - 2, 1, -1)
                if sum(_buckets(piece, digits - kept) for _, piece in pieces) <= _MOST_BUCKETS
            ),
            1,
        )
        chosen.append(finest)
        for place, piece in pieces:
            first, last = f"{piece.first:0{digits}x}", f"{piece.last:0{digits}x}"
            for bucket in buckets_of(Network(0, first, last), finest):
                rows.append((place, bucket, first, last, *piece.span, piece.value))
    return RangeRows((chosen[0], chosen[1]), rows)


def _buckets(piece: Area[Answer], digits_left: int) -> int:
    bits = 4 * digits_left
    return (piece.last >> bits) - (piece.first >> bits) + 1


# ---- owners ---------------------------------------------------------------------------------


class _Owners:
    """Rows of OWNERS: for each address one answer per VPC that has an owner, and one for others."""

    def __init__(self, tables: LabelTables, here: Mapping[str, _Pieces]) -> None:
        self._tables = tables
        self._finders = {
            (vpc_id, digits): _Finder(pieces)
            for vpc_id, found in here.items()
            for digits, pieces in found.items()
        }

    def rows(self) -> Iterator[tuple[object, ...]]:
        for address, owners in self._tables.owners.items():
            by_vpc: dict[str, list[Owner]] = defaultdict(list)
            for owner in owners:
                if owner.vpc_id is not None and not owner.is_public:
                    by_vpc[owner.vpc_id].append(owner)
            for vpc_id, own in by_vpc.items():
                for span, held in self._slices(own):
                    for part, answer in self._answers(address, span, held):
                        yield (address, vpc_id, None, *part, answer)
            for span, held in self._slices(owners):
                vpcs = sorted({o.vpc_id for o in held if o.vpc_id and not o.is_public})
                for part, answer in self._answers(address, span, held):
                    yield (address, None, vpcs, *part, answer)

    def _slices(self, owners: list[Owner]) -> Iterator[tuple[Span, list[Owner]]]:
        for part in slices([(owner.span, owner) for owner in owners]):
            yield part.span, part.values

    def _answers(
        self, address: str, span: Span, owners: list[Owner]
    ) -> Iterator[tuple[Span, Answer]]:
        ids = sorted({owner.interface_id for owner in owners})
        if len(ids) == 1:
            owner = owners[0]
            for part, instance_name in within(span, _names(self._tables, owner.instance_id)):
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
            yield smaller, answer._replace(basis=AMBIGUOUS, candidates=_capped(ids))

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
                for smaller, vpc_name in within(part, _names(self._tables, vpc_id)):
                    yield smaller, named._replace(vpc_name=vpc_name)
            return
        for part, subnet_name in within(span, _names(self._tables, subnet_id)):
            for smaller, vpc_name in within(part, _names(self._tables, vpc_id)):
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


def _names(tables: LabelTables, key: str | None) -> list[tuple[Span, str | None]]:
    if key is None:
        return []
    versions: list[Version] = tables.names.get(key, [])
    return [(Span(version.valid_from, version.valid_to), version.name) for version in versions]


def _capped(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids)[:_MOST_CANDIDATES])
