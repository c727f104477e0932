"""Networks of the labels and AWS's ranges → disjoint pieces of address space.

A piece says four things of its addresses: which network of each VPC holds them, which network of
any VPC, which service of AWS they belong to, and which prefix list has them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from transforms.label.attribution import ADDRESS, AMBIGUOUS, CIDR, Answer, capped, names_in_time
from transforms.label.tables import LabelTables, NetworkLabel
from transforms.network.addresses import KEY_DIGITS, Network
from transforms.network.ranges import ALWAYS, Area, disjoint, within

Pieces = dict[int, list[Area[Answer]]]  # by the digits of an address key


class Found(NamedTuple):
    """What is known of the addresses of a piece."""

    here: tuple[tuple[str, Answer], ...]  # by VPC
    anywhere: Answer | None
    service: str | None
    listed: str | None  # by a prefix list


class _Named(NamedTuple):
    """A network in a span in which its VPC had one name."""

    label: NetworkLabel
    vpc_name: str | None


class _Held(NamedTuple):
    """A prefix that is delegated to an interface, in a span in which all names are the same."""

    prefix: int
    answer: Answer


class _Range(NamedTuple):
    """A range of AWS's list."""

    prefix: int
    service: str


class _Entry(NamedTuple):
    """An entry of a prefix list."""

    prefix: int
    name: str


def pieces_by_vpc(tables: LabelTables) -> dict[str, Pieces]:
    """For each VPC with a known network: the answer in each piece of its address space."""
    by_vpc: dict[str, list[NetworkLabel]] = defaultdict(list)
    for label in tables.networks:
        if label.vpc_id is not None:
            by_vpc[label.vpc_id].append(label)
    return {
        vpc_id: {
            digits: disjoint(_network_areas(labels, tables, digits), _network_here)
            for digits in KEY_DIGITS
        }
        for vpc_id, labels in by_vpc.items()
    }


def network_pieces(tables: LabelTables) -> dict[int, list[Area[Found]]]:
    """All that is known of each piece of the address space, by the digits of an address key."""
    found = {}
    for digits in KEY_DIGITS:
        areas: list[Area[_Named | _Held | _Range | _Entry]] = [
            *_network_areas(tables.networks, tables, digits),
            *_delegated_areas(tables, digits),
            *_plain_areas(tables.services, _Range, digits),
            *_plain_areas(tables.prefix_lists, _Entry, digits),
        ]
        found[digits] = disjoint(areas, _found)
    return found


def _network_areas(
    labels: Sequence[NetworkLabel], tables: LabelTables, digits: int
) -> Iterator[Area[Any]]:
    for label in labels:
        network = label.network
        if len(network.first) == digits:
            for span, name in within(label.span, names_in_time(tables, label.vpc_id)):
                first, last = int(network.first, 16), int(network.last, 16)
                yield Area(first, last, span, _Named(label, name))


def _delegated_areas(tables: LabelTables, digits: int) -> Iterator[Area[Any]]:
    for (prefix, first, last), owner in tables.delegated:
        if len(first) != digits:
            continue
        for span, instance_name in within(owner.span, names_in_time(tables, owner.instance_id)):
            for part, subnet_name in within(span, names_in_time(tables, owner.subnet_id)):
                for smaller, vpc_name in within(part, names_in_time(tables, owner.vpc_id)):
                    answer = Answer(
                        name=instance_name or owner.name,
                        interface_id=owner.interface_id,
                        instance_id=owner.instance_id,
                        vpc_id=owner.vpc_id,
                        vpc_name=vpc_name,
                        subnet_id=owner.subnet_id,
                        subnet_name=subnet_name,
                        basis=ADDRESS,
                    )
                    held = _Held(prefix, answer)
                    yield Area(int(first, 16), int(last, 16), smaller, held)


def _plain_areas(
    named: Iterable[tuple[Network, str]], kind: Callable[[int, str], Any], digits: int
) -> Iterator[Area[Any]]:
    for network, name in named:
        if len(network.first) == digits:
            first, last = int(network.first, 16), int(network.last, 16)
            yield Area(first, last, ALWAYS, kind(network.prefix, name))


def _found(values: list[_Named | _Held | _Range | _Entry]) -> Found:
    networks = [value for value in values if isinstance(value, _Named)]
    ranges = [value for value in values if isinstance(value, _Range)]
    entries = [value for value in values if isinstance(value, _Entry)]
    by_vpc: dict[str | None, list[_Named]] = defaultdict(list)
    for network in networks:
        by_vpc[network.label.vpc_id].append(network)
    answers = {vpc_id: _network_here(of_vpc) for vpc_id, of_vpc in by_vpc.items()}
    for vpc_id, held in _holders([v for v in values if isinstance(v, _Held)]).items():
        around = answers.get(vpc_id)
        if around is not None and held.subnet_id is None:
            held = held._replace(subnet_id=around.subnet_id, subnet_name=around.subnet_name)
        answers[vpc_id] = held
    return Found(
        here=tuple(sorted((vpc_id, a) for vpc_id, a in answers.items() if vpc_id is not None)),
        anywhere=_network_anywhere(list(answers.values())),
        service=_service(ranges),
        listed=min(((-entry.prefix, entry.name) for entry in entries), default=(0, None))[1],
    )


def _holders(held: list[_Held]) -> dict[str | None, Answer]:
    """The interface that holds the addresses, by VPC; of several, none is believed.

    A delegated prefix is part of one subnet, and so narrower than any network around it.
    """
    by_vpc: dict[str | None, dict[str | None, Answer]] = defaultdict(dict)
    for _, answer in sorted(held, key=lambda each: each.prefix):
        by_vpc[answer.vpc_id][answer.interface_id] = answer
    found = {}
    for vpc_id, of_vpc in by_vpc.items():
        first = next(iter(of_vpc.values()))
        ids = capped(str(interface_id) for interface_id in of_vpc)
        place = Answer(vpc_id=vpc_id, vpc_name=first.vpc_name, basis=AMBIGUOUS, candidates=ids)
        found[vpc_id] = first if len(of_vpc) == 1 else place
    return found


def _network_here(networks: list[_Named]) -> Answer:
    """The narrowest network of one VPC; two equal ones of different subnets are ambiguous."""
    longest = max(label.network.prefix for label, _ in networks)
    narrowest = {label.subnet_id: label for label, _ in networks if label.network.prefix == longest}
    subnets = sorted(subnet_id for subnet_id in narrowest if subnet_id is not None)
    vpc = Answer(vpc_id=networks[0].label.vpc_id, vpc_name=networks[0].vpc_name, basis=CIDR)
    if len(subnets) > 1:
        return vpc._replace(basis=AMBIGUOUS, candidates=capped(subnets))
    if not subnets:
        return vpc
    return vpc._replace(subnet_id=subnets[0], subnet_name=narrowest[subnets[0]].name)


def _network_anywhere(answers: Sequence[Answer]) -> Answer | None:
    """The narrowest network where one VPC holds the address, else the networks that do."""
    if len(answers) <= 1:
        return answers[0] if answers else None
    known = {
        name
        for answer in answers
        for name in (answer.candidates or (answer.subnet_id or answer.vpc_id,))
        if name is not None
    }
    return Answer(basis=AMBIGUOUS, candidates=capped(known))


def _service(ranges: list[_Range]) -> str | None:
    """AMAZON holds every other service; of two others the narrower range, then the name, decides.

    Source: AWS, "AWS IP address ranges JSON": subsets of AMAZON are listed twice.
    """
    if not ranges:
        return None
    _, _, name = min((service == "AMAZON", -prefix, service) for prefix, service in ranges)
    return name
