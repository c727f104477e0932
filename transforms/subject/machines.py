"""Machines that labels know: who has an interface, and who is the equal of whom."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

from transforms.label.tables import Interface, LabelTables
from transforms.subject.identity import Part, Subject, subject_of

# What tells one machine of a fleet from the next: `web-3`, `web3`, `web-0a1f`, `web-3a`.
_NUMBER = re.compile(r"(?:[-_. ](?=[0-9a-f]*[0-9])[0-9a-f]{1,17}|[0-9]+)[a-z]?$")


class Machine(NamedTuple):
    """A machine beside the subject: a key (one of its addresses), and how to recognise it."""

    key: str
    subject: Subject


def stem(name: str) -> str:
    """The part of a name that machines of one fleet share; the whole name where none is left."""
    lower = name.strip().lower()
    return _NUMBER.sub("", lower) or lower


class Fleet:
    """The machines that labels know in a span of time (Unix seconds), found by what they share."""

    def __init__(self, labels: LabelTables, span: tuple[int, int]) -> None:
        self._labels = labels
        self._by_interface: defaultdict[str, list[Interface]] = defaultdict(list)
        self._by_owner: defaultdict[str, list[Interface]] = defaultdict(list)
        self._by_address: defaultdict[str, list[Interface]] = defaultdict(list)
        self._alike: defaultdict[tuple[str, ...], list[Interface]] = defaultdict(list)
        for each in labels.interfaces:
            if not each.addresses or not _is_valid(each, span):
                continue
            self._by_interface[each.interface_id].append(each)
            self._by_owner[_owner(each)].append(each)
            for address in each.addresses:
                self._by_address[address].append(each)
            for kind in _kinds(each):
                self._alike[kind].append(each)

    def equals_of(
        self, machine: Subject, most: int, preferred: Collection[str] = ()
    ) -> tuple[Machine, ...]:
        """Other machines like this one, at most so many, in order of their ids.

        Those with an address among the `preferred` come first: they are read already.

        The same Auto Scaling or node group, else the same subnet and name stem, else the same VPC
        and name stem.
        """
        own = [each for id_ in machine.instance_ids for each in self._by_owner.get(id_, ())]
        own += [each for id_ in machine.interface_ids for each in self._by_interface.get(id_, ())]
        owners = {_owner(each) for each in own}
        for level in range(_LEVELS):
            alike = {
                _owner(other)
                for each in own
                for kind in _kinds(each)
                if kind[0] == str(level)
                for other in self._alike[kind]
            }
            if others := [self._machine(owner) for owner in sorted(alike - owners)]:
                others.sort(key=lambda each: each.key not in preferred)
                return tuple(others[:most])
        return ()

    def machine_at(self, address: str, second: int, vpc_ids: Collection[str]) -> Machine:
        """Who has an address at a time, by labels, the given VPCs first; else the address alone."""
        held = [each for each in self._by_address.get(address, ()) if _holds_at(each, second)]
        nearest = [each for each in held if each.version.vpc_id in vpc_ids] or held
        if len({_owner(each) for each in nearest}) == 1:
            return Machine(address, self._machine(_owner(nearest[0]), second).subject)
        part = Part(None, address, None, None, "records")
        return Machine(address, subject_of((), vpc_ids, [part], self._labels))

    def _machine(self, owner: str, second: int | None = None) -> Machine:
        interfaces = [
            each for each in self._by_owner[owner] if second is None or _holds_at(each, second)
        ]
        parts: list[Part] = []
        for each in interfaces:
            span = each.version.valid_from, each.version.valid_to
            parts.append(Part(each.interface_id, None, *span, "labels"))
            parts += [Part(each.interface_id, a, *span, "labels") for a in each.addresses]
        vpc_ids = [each.version.vpc_id for each in interfaces if each.version.vpc_id]
        key = interfaces[0].addresses[0]
        return Machine(key, subject_of((), vpc_ids, parts, self._labels))


def addresses_by_name(labels: LabelTables, span: tuple[int, int]) -> dict[str, tuple[str, ...]]:
    """The addresses that each name had in a span of time (Unix seconds): of instances as of
    interfaces.
    """
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for each in labels.interfaces:
        if not _is_valid(each, span):
            continue
        of_instance = labels.names.get(each.version.instance_id or "", ())
        for name in (each.version.name, *(version.name for version in of_instance)):
            if name:
                found[name].update(dict.fromkeys(each.addresses))
    return {name: tuple(addresses) for name, addresses in found.items() if addresses}


_LEVELS = 3


def _kinds(interface: Interface) -> Iterator[tuple[str, ...]]:
    """What it shares with its equals, the surest first."""
    version = interface.version
    vpc_id = version.vpc_id or ""
    if version.group:
        yield "0", vpc_id, version.group
    if version.name:
        if version.subnet_id:
            yield "1", version.subnet_id, stem(version.name)
        if vpc_id:
            yield "2", vpc_id, stem(version.name)


def _owner(interface: Interface) -> str:
    return interface.version.instance_id or interface.interface_id


def _is_valid(interface: Interface, span: tuple[int, int]) -> bool:
    since, until = interface.version.valid_from, interface.version.valid_to
    return (since is None or since < span[1]) and (until is None or span[0] < until)


def _holds_at(interface: Interface, second: int) -> bool:
    return _is_valid(interface, (second, second + 1))
