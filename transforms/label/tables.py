"""Rows of a label snapshot → what they say, or every problem found in them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from transforms.label.cells import clean, delegated_addresses, items, moment_of
from transforms.network.addresses import Network, canonical, cidr_of, is_too_wide, network_of
from transforms.network.ranges import Span, overlap

# The tables of a snapshot and the column that each must have.
KEY_COLUMNS = {
    "interfaces": "interface_id",
    "subnets": "subnet_id",
    "vpcs": "vpc_id",
    "instances": "instance_id",
    "aws_ranges": "cidr",
    "prefix_lists": "cidr",
}
FINDING = "finding"  # where a row is from that no label file has


class LabelRow(NamedTuple):
    """One row of a label file: its place (for messages) and its non-empty cells."""

    place: str
    cells: Mapping[str, object]


class Version(NamedTuple):
    """What an id was called from `valid_from` until before `valid_to` (Unix seconds, or open)."""

    valid_from: int | None
    valid_to: int | None
    name: str | None
    vpc_id: str | None
    subnet_id: str | None
    instance_id: str | None


class Owner(NamedTuple):
    """Who had an address in a span of time; `name` is the interface's own."""

    span: Span
    interface_id: str
    instance_id: str | None
    name: str | None
    vpc_id: str | None
    subnet_id: str | None
    is_public: bool


class NetworkLabel(NamedTuple):
    """A network of a subnet (or, without one, of a VPC) in a span of time."""

    network: Network
    span: Span
    vpc_id: str | None
    subnet_id: str | None
    name: str | None


class Interface(NamedTuple):
    """One version of an interface, as the subject is found in it."""

    version: Version
    interface_id: str
    addresses: tuple[str, ...]
    is_of_finding: bool = False


@dataclass
class LabelTables:
    """What the labels say. `conflicts` are sentences: two owners of one thing at one time."""

    names: dict[str, list[Version]] = field(default_factory=dict)
    owners: dict[str, list[Owner]] = field(default_factory=dict)
    networks: list[NetworkLabel] = field(default_factory=list)
    services: list[tuple[Network, str]] = field(default_factory=list)
    prefix_lists: list[tuple[Network, str]] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    vpc_networks: list[tuple[str, Network]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    # File → SHA-256 of its bytes; the same labels may come from other files.
    sources: dict[str, str] = field(default_factory=dict, compare=False)


def build_label_tables(
    tables: Mapping[str, list[LabelRow]],
) -> tuple[LabelTables, list[str]]:
    """What the snapshot's rows say, and all problems as sentences (then use no label of it)."""
    reader = _Reader(tables)
    built = LabelTables()
    for table in ("vpcs", "subnets", "instances", "interfaces"):
        for row in tables.get(table, ()):
            reader.read_name(table, row, built)
    for row in tables.get("interfaces", ()):
        reader.read_owner(row, built)
    for table in ("vpcs", "subnets"):
        for row in tables.get(table, ()):
            reader.read_networks(table, row, built)
    for row in tables.get("aws_ranges", ()):
        reader.read_service(row, built)
    for row in tables.get("prefix_lists", ()):
        reader.read_prefix_list(row, built)
    notes = dict.fromkeys(reader.notes)
    built.conflicts = [*_owner_conflicts(built), *_network_conflicts(built), *notes]
    return built, reader.problems


def _owner_conflicts(built: LabelTables) -> Iterator[str]:
    """Addresses that the labels give to two interfaces of one VPC at one time."""
    for address, owners in sorted(built.owners.items()):
        if len(owners) > 1:
            for one, other in combinations(sorted(owners, key=repr), 2):
                differ = one.interface_id != other.interface_id
                share = one.vpc_id == other.vpc_id or (one.is_public and other.is_public)
                if differ and share and overlap(one.span, other.span):
                    place = "as public address" if one.is_public else f"in {one.vpc_id or 'no VPC'}"
                    yield (
                        f"labels give {address} {place} to {one.interface_id} and to "
                        f"{other.interface_id} at the same time; it is labelled ambiguous"
                    )


def _network_conflicts(built: LabelTables) -> Iterator[str]:
    """Networks that the labels give to two subnets of one VPC at one time."""
    known: dict[tuple[str | None, Network], list[NetworkLabel]] = defaultdict(list)
    for label in built.networks:
        if label.subnet_id is not None:
            known[label.vpc_id, label.network].append(label)
    for (vpc_id, network), labels in sorted(known.items(), key=repr):
        for one, other in combinations(sorted(labels, key=repr), 2):
            if one.subnet_id != other.subnet_id and overlap(one.span, other.span):
                yield (
                    f"labels give {cidr_of(network)} of {vpc_id or 'no VPC'} to {one.subnet_id} "
                    f"and to {other.subnet_id} at the same time; it is labelled ambiguous"
                )


class _Reader:
    def __init__(self, tables: Mapping[str, list[LabelRow]]) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._has_instance_name = {
            self.text(row, "instance_id"): name
            for row in sorted(tables.get("instances", ()), key=_from)
            if (name := self.text(row, "name"))
        }
        self._vpc_of_subnet = {
            self.text(row, "subnet_id"): self.text(row, "vpc_id")
            for row in tables.get("subnets", ())
        }
        self._spans: dict[str, list[tuple[Span, str]]] = defaultdict(list)

    def text(self, row: LabelRow, column: str) -> str | None:
        return clean(row.cells.get(column))

    def read_name(self, table: str, row: LabelRow, built: LabelTables) -> None:
        key = self.text(row, KEY_COLUMNS[table])
        if key is None:
            self.problems.append(f"{row.place}: {KEY_COLUMNS[table]} is empty")
            return
        span = self._span(row)
        for other, other_place in self._spans[key]:
            if overlap(span, other):
                self.problems.append(
                    f"{row.place}: {key} is labelled already at {other_place} for the same time; "
                    "keep one row, or give both valid_from and valid_to"
                )
                return
        self._spans[key].append((span, row.place))
        built.names.setdefault(key, []).append(self._version(table, row, span))

    def _version(self, table: str, row: LabelRow, span: Span) -> Version:
        if table != "interfaces":
            return Version(*span, self.text(row, "name"), self.text(row, "vpc_id"), None, None)
        subnet_id = self.text(row, "subnet_id")
        return Version(
            *span,
            name=self._interface_name(row),
            vpc_id=self.text(row, "vpc_id") or self._vpc_of_subnet.get(subnet_id),
            subnet_id=subnet_id,
            instance_id=self.text(row, "instance_id"),
        )

    def _interface_name(self, row: LabelRow) -> str | None:
        """The name that a reader of the console sees first."""
        own = self.text(row, "description") or self.text(row, "name")
        of_instance = self._has_instance_name.get(self.text(row, "instance_id"))
        return own or of_instance or self.text(row, "interface_type")

    def read_owner(self, row: LabelRow, built: LabelTables) -> None:
        interface_id = self.text(row, "interface_id")
        if interface_id is None:
            return
        version = self._version("interfaces", row, self._span(row))
        addresses: dict[str, bool] = {}
        for column in ("public_addresses", "addresses"):
            for address in self._addresses(row, column):
                addresses[address] = column == "public_addresses"
        for address, is_public in addresses.items():
            owner = Owner(
                span=Span(version.valid_from, version.valid_to),
                interface_id=interface_id,
                instance_id=version.instance_id,
                name=version.name,
                vpc_id=version.vpc_id,
                subnet_id=version.subnet_id,
                is_public=is_public,
            )
            built.owners.setdefault(address, []).append(owner)
        ordered = sorted(addresses, key=lambda address: addresses[address])
        is_of_finding = row.place == FINDING
        built.interfaces.append(Interface(version, interface_id, tuple(ordered), is_of_finding))

    def _addresses(self, row: LabelRow, column: str) -> Iterator[str]:
        for text in items(row.cells.get(column)):
            if "/" in text:
                yield from self._delegated(row, column, text)
            elif (address := canonical(text)) is None:
                self.problems.append(f"{row.place}: {column}: {text[:64]!r} is not an address")
            else:
                yield address

    def _delegated(self, row: LabelRow, column: str, text: str) -> Iterator[str]:
        """Every address of a prefix that is delegated to an interface, where they can be listed."""
        try:
            found = delegated_addresses(text)
        except ValueError as error:
            self.problems.append(f"{row.place}: {column}: {error}")
            return
        if found is None:
            self.notes.append(
                f"{row.place}: {column}: the addresses of {text} are too many to be listed; they "
                "are labelled by their subnet, not by their interface"
            )
        yield from found or ()

    def read_networks(self, table: str, row: LabelRow, built: LabelTables) -> None:
        vpc_id = self.text(row, "vpc_id")
        subnet_id = self.text(row, "subnet_id") if table == "subnets" else None
        for text in items(row.cells.get("cidrs")):
            network = self._network(row, "cidrs", text)
            if network is None:
                continue
            if is_too_wide(network):
                self.problems.append(f"{row.place}: cidrs: {text} is too wide for a VPC or subnet")
                continue
            name = self.text(row, "name")
            built.networks.append(NetworkLabel(network, self._span(row), vpc_id, subnet_id, name))
            if vpc_id is not None:
                built.vpc_networks.append((vpc_id, network))

    def read_service(self, row: LabelRow, built: LabelTables) -> None:
        cidr, service = self.text(row, "cidr"), self.text(row, "service")
        if cidr is None or service is None:
            self.problems.append(f"{row.place}: cidr or service is empty")
        elif network := self._network(row, "cidr", cidr):
            built.services.append((network, service))

    def read_prefix_list(self, row: LabelRow, built: LabelTables) -> None:
        """An entry names its addresses by its own description, else by the name of its list."""
        cidr = self.text(row, "cidr")
        listed = self.text(row, "name") or self.text(row, "prefix_list_id")
        name = self.text(row, "description") or listed
        if cidr is None:
            self.problems.append(f"{row.place}: cidr is empty")
        elif (network := self._network(row, "cidr", cidr)) and name and not is_too_wide(network):
            built.prefix_lists.append((network, name))  # one of half the Internet names nobody

    def _network(self, row: LabelRow, column: str, text: str) -> Network | None:
        try:
            return network_of(text)
        except ValueError as error:
            self.problems.append(f"{row.place}: {column}: {error}")
            return None

    def _span(self, row: LabelRow) -> Span:
        return Span(self._time(row, "valid_from"), self._time(row, "valid_to"))

    def _time(self, row: LabelRow, column: str) -> int | None:
        value = row.cells.get(column)
        if value is None:
            return None
        moment = moment_of(value)
        if moment is None:
            message = f"{row.place}: {column}: {str(value)[:64]!r} is not a time with a zone"
            if message not in self.problems:
                self.problems.append(message)
            return None
        return int(moment.timestamp())


def _from(row: LabelRow) -> str:
    return str(row.cells.get("valid_from", ""))
