"""What a label snapshot says, as plain rows: names, owners of addresses, networks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from transforms.network.addresses import Network
from transforms.network.ranges import Span
from transforms.scan.prefixes import Home

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
    """What an id was called from `valid_from` until before `valid_to` (Unix seconds, or open).

    `group` is the Auto Scaling group or the EKS nodes that a machine or an interface belongs to;
    such names are unique in a VPC, not in the world.
    """

    valid_from: int | None
    valid_to: int | None
    name: str | None
    vpc_id: str | None
    subnet_id: str | None
    instance_id: str | None
    group: str | None = None


class Owner(NamedTuple):
    """Who had an address in a span of time; `name` is the interface's own."""

    span: Span
    interface_id: str
    instance_id: str | None
    name: str | None
    vpc_id: str | None
    subnet_id: str | None
    is_public: bool


class Delegated(NamedTuple):
    """A prefix of too many addresses to list that is delegated to an interface: an /80 of IPv6."""

    network: Network
    owner: Owner


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
    """What the labels say. `conflicts` are sentences: two owners of one thing at one time.

    `homes` has the account and region of an id, where a row says them.
    """

    names: dict[str, list[Version]] = field(default_factory=dict)
    owners: dict[str, list[Owner]] = field(default_factory=dict)
    networks: list[NetworkLabel] = field(default_factory=list)
    delegated: list[Delegated] = field(default_factory=list)
    services: list[tuple[Network, str]] = field(default_factory=list)
    prefix_lists: list[tuple[Network, str]] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    vpc_networks: list[tuple[str, Network]] = field(default_factory=list)
    homes: dict[str, Home] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    # File → SHA-256 of its bytes; the same labels may come from other files.
    sources: dict[str, str] = field(default_factory=dict, compare=False)
    # When collect_labels took them; None where nothing says so.
    taken_at: datetime | None = field(default=None, compare=False)
