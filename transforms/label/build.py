"""Rows of a label snapshot → what they say, or every problem found in them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from transforms.label.cells import clean, delegated_addresses, items, moment_of
from transforms.label.conflicts import network_conflicts, owner_conflicts
from transforms.label.groups import group_of
from transforms.label.tables import (
    FINDING,
    KEY_COLUMNS,
    Delegated,
    Interface,
    LabelRow,
    LabelTables,
    NetworkLabel,
    Owner,
    Version,
)
from transforms.network.addresses import Network, canonical, is_too_wide, network_of
from transforms.network.ranges import Span, overlap
from transforms.scan.prefixes import home_of


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
    built.conflicts = [*owner_conflicts(built), *network_conflicts(built), *notes]
    return built, reader.problems


class _Reader:
    def __init__(self, tables: Mapping[str, list[LabelRow]]) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._has_instance_name = {
            self.text(row, "instance_id"): name
            for row in sorted(tables.get("instances", ()), key=_from)
            if (name := self.text(row, "name"))
        }
        self._group_of_instance = {
            self.text(row, "instance_id"): group
            for row in sorted(tables.get("instances", ()), key=_from)
            if (group := group_of(row.cells))
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
        if home := home_of(row.cells.get("account_id"), row.cells.get("region")):
            built.homes[key] = home

    def _version(self, table: str, row: LabelRow, span: Span) -> Version:
        if table != "interfaces":
            name, vpc_id = self.text(row, "name"), self.text(row, "vpc_id")
            group = group_of(row.cells) if table == "instances" else None
            return Version(*span, name, vpc_id, None, None, group)
        subnet_id = self.text(row, "subnet_id")
        instance_id = self.text(row, "instance_id")
        return Version(
            *span,
            name=self._interface_name(row),
            vpc_id=self.text(row, "vpc_id") or self._vpc_of_subnet.get(subnet_id),
            subnet_id=subnet_id,
            instance_id=instance_id,
            group=self._group_of_instance.get(instance_id) or group_of(row.cells),
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
        owner = Owner(
            span=Span(version.valid_from, version.valid_to),
            interface_id=interface_id,
            instance_id=version.instance_id,
            name=version.name,
            vpc_id=version.vpc_id,
            subnet_id=version.subnet_id,
            is_public=False,
        )
        for address, is_public in addresses.items():
            known = built.owners.setdefault(address, [])
            known.append(owner._replace(is_public=is_public))
        built.delegated += [Delegated(network, owner) for network in self._too_many(row)]
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
                "name their interface, but are not searched for where it is the subject's"
            )
        yield from found or ()

    def _too_many(self, row: LabelRow) -> Iterator[Network]:
        """The delegated prefixes that are not listed; wrong ones are problems already."""
        for text in items(row.cells.get("addresses")):
            try:
                if "/" in text and delegated_addresses(text) is None:
                    yield network_of(text)
            except ValueError:
                continue

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
