"""Rows of a label snapshot → lookups that cannot multiply a flow, or every problem found in them.

Each lookup has one row per key by construction; what several rows say of one key is an array in it.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from transforms.addresses import Network, buckets_of, canonical, is_too_wide, network_of

# The tables of a snapshot and the column that each must have.
KEY_COLUMNS = {
    "interfaces": "interface_id",
    "subnets": "subnet_id",
    "vpcs": "vpc_id",
    "instances": "instance_id",
}
_LONGEST_NAME = 256
# The names that a reader sees first, in the order in which they are tried.
_INTERFACE_NAMES = ("description", "name")


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
    """Who had an address from `valid_from` until before `valid_to`."""

    valid_from: int | None
    valid_to: int | None
    interface_id: str
    instance_id: str | None
    name: str | None
    vpc_id: str | None
    vpc_name: str | None
    subnet_id: str | None
    subnet_name: str | None


class LabelledNetwork(NamedTuple):
    """A network of a subnet (or, without one, of a VPC); ordered by prefix length first."""

    prefix: int
    first: str
    last: str
    vpc_id: str | None
    vpc_name: str | None
    subnet_id: str | None
    subnet_name: str | None


class Interface(NamedTuple):
    """One version of an interface, as the subject is found in it."""

    version: Version
    interface_id: str
    addresses: tuple[str, ...]


NAMES = """
    id       STRING COMMENT 'interface, subnet, VPC or instance id',
    versions ARRAY<STRUCT<valid_from BIGINT, valid_to BIGINT, name STRING, vpc_id STRING,
                          subnet_id STRING, instance_id STRING>>
"""
OWNERS = """
    address STRING COMMENT 'canonical',
    owners  ARRAY<STRUCT<valid_from BIGINT, valid_to BIGINT, interface_id STRING,
                         instance_id STRING, name STRING, vpc_id STRING, vpc_name STRING,
                         subnet_id STRING, subnet_name STRING>>
"""
NETWORKS = """
    bucket   STRING COMMENT 'start of an address key',
    networks ARRAY<STRUCT<prefix INT, first STRING, last STRING, vpc_id STRING, vpc_name STRING,
                          subnet_id STRING, subnet_name STRING>>
"""


@dataclass
class LabelTables:
    """The lookups, and the interfaces they were made from. Each mapping has one entry per key."""

    names: dict[str, list[Version]] = field(default_factory=dict)
    owners: dict[str, list[Owner]] = field(default_factory=dict)
    networks: dict[str, list[LabelledNetwork]] = field(default_factory=dict)
    interfaces: list[Interface] = field(default_factory=list)
    vpc_networks: list[tuple[str, Network]] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)  # file → SHA-256 of its bytes


def build_label_tables(
    tables: Mapping[str, list[LabelRow]],
) -> tuple[LabelTables, list[str]]:
    """Lookups made of the snapshot's rows, and all problems as sentences (then use no lookup)."""
    reader = _Reader(tables)
    built = LabelTables()
    for table in ("vpcs", "subnets", "instances", "interfaces"):
        for row in tables.get(table, ()):
            reader.read_name(table, row, built)
    for row in tables.get("interfaces", ()):
        reader.read_owner(row, built)
    for row in tables.get("vpcs", ()):
        reader.read_networks(row, built, vpc_id=reader.text(row, "vpc_id"), subnet_id=None)
    for row in tables.get("subnets", ()):
        vpc_id, subnet_id = reader.text(row, "vpc_id"), reader.text(row, "subnet_id")
        reader.read_networks(row, built, vpc_id=vpc_id, subnet_id=subnet_id)
    return built, reader.problems


def clean(value: object) -> str | None:
    """A label as plain text: no control, format or bidirectional characters, at most 256 long."""
    if value is None:
        return None
    text = "".join(c for c in str(value) if unicodedata.category(c)[0] != "C")
    return text.strip()[:_LONGEST_NAME] or None


class _Reader:
    def __init__(self, tables: Mapping[str, list[LabelRow]]) -> None:
        self.problems: list[str] = []
        self._instance_names: dict[str, str | None] = {
            str(row.cells.get("instance_id")): clean(row.cells.get("name"))
            for row in tables.get("instances", ())
        }
        self._last_name: dict[str, str | None] = {}
        self._places: dict[tuple[str, int | None, int | None], str] = {}
        self._spans: dict[str, list[tuple[int | None, int | None, str]]] = defaultdict(list)

    def text(self, row: LabelRow, column: str) -> str | None:
        return clean(row.cells.get(column))

    def read_name(self, table: str, row: LabelRow, built: LabelTables) -> None:
        key = self.text(row, KEY_COLUMNS[table])
        if key is None:
            self.problems.append(f"{row.place}: {KEY_COLUMNS[table]} is empty")
            return
        span = self._time(row, "valid_from"), self._time(row, "valid_to")
        version = Version(
            *span,
            name=self._name(table, row),
            vpc_id=self.text(row, "vpc_id"),
            subnet_id=self.text(row, "subnet_id") if table == "interfaces" else None,
            instance_id=self.text(row, "instance_id") if table == "interfaces" else None,
        )
        for other_from, other_to, other_place in self._spans[key]:
            if _overlap(*span, other_from, other_to):
                self.problems.append(
                    f"{row.place}: {key} is labelled already at {other_place} for the same time; "
                    "keep one row, or give both valid_from and valid_to"
                )
                return
        self._spans[key].append((*span, row.place))
        built.names.setdefault(key, []).append(version)
        self._last_name[key] = version.name

    def _name(self, table: str, row: LabelRow) -> str | None:
        if table != "interfaces":
            return self.text(row, "name")
        for column in _INTERFACE_NAMES:
            if name := self.text(row, column):
                return name
        instance_name = self._instance_names.get(str(row.cells.get("instance_id")))
        return instance_name or self.text(row, "interface_type")

    def read_owner(self, row: LabelRow, built: LabelTables) -> None:
        interface_id = self.text(row, "interface_id")
        if interface_id is None:
            return
        instance_id = self.text(row, "instance_id")
        vpc_id, subnet_id = self.text(row, "vpc_id"), self.text(row, "subnet_id")
        name = self._name("interfaces", row)
        valid_from, valid_to = self._time(row, "valid_from"), self._time(row, "valid_to")
        owner = Owner(
            valid_from=valid_from,
            valid_to=valid_to,
            interface_id=interface_id,
            instance_id=instance_id,
            name=self._instance_names.get(str(instance_id)) or name,
            vpc_id=vpc_id,
            vpc_name=self._last_name.get(str(vpc_id)),
            subnet_id=subnet_id,
            subnet_name=self._last_name.get(str(subnet_id)),
        )
        addresses = tuple(dict.fromkeys(self._addresses(row)))
        for address in addresses:
            built.owners.setdefault(address, []).append(owner)
        version = Version(valid_from, valid_to, name, vpc_id, subnet_id, instance_id)
        built.interfaces.append(Interface(version, interface_id, addresses))

    def _addresses(self, row: LabelRow) -> Iterator[str]:
        for column in ("addresses", "public_addresses"):
            for text in _items(row.cells.get(column)):
                address = canonical(text)
                if address is None:
                    self.problems.append(f"{row.place}: {column}: {text[:64]!r} is not an address")
                else:
                    yield address

    def read_networks(
        self, row: LabelRow, built: LabelTables, *, vpc_id: str | None, subnet_id: str | None
    ) -> None:
        for text in _items(row.cells.get("cidrs")):
            try:
                network = network_of(text)
            except ValueError as error:
                self.problems.append(f"{row.place}: cidrs: {error}")
                continue
            if is_too_wide(network):
                self.problems.append(f"{row.place}: cidrs: {text} is too wide for a VPC or subnet")
                continue
            labelled = LabelledNetwork(
                *network,
                vpc_id=vpc_id,
                vpc_name=self._last_name.get(str(vpc_id)),
                subnet_id=subnet_id,
                subnet_name=self._last_name.get(str(subnet_id)),
            )
            for bucket in buckets_of(network):
                built.networks.setdefault(bucket, []).append(labelled)
            if vpc_id is not None:
                built.vpc_networks.append((vpc_id, network))

    def _time(self, row: LabelRow, column: str) -> int | None:
        value = row.cells.get(column)
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else _parsed_time(str(value))
        if moment is None:
            message = f"{row.place}: {column}: {str(value)[:64]!r} is not a time with a zone"
            if message not in self.problems:
                self.problems.append(message)
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp())


def _parsed_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _overlap(a_from: int | None, a_to: int | None, b_from: int | None, b_to: int | None) -> bool:
    starts_in_time = a_from is None or b_to is None or a_from < b_to
    ends_in_time = b_from is None or a_to is None or b_from < a_to
    return starts_in_time and ends_in_time


def _items(value: object) -> Iterable[str]:
    """Values of a cell that holds several: a list, or text with spaces, `,` or `;` between them."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [item for item in re.split(r"[\s,;]+", str(value)) if item]
