"""The shape of what labels say about one end of a flow, and the words it uses."""

from collections.abc import Iterable
from typing import NamedTuple

from transforms.label.tables import LabelTables
from transforms.network.ranges import Span

INTERNAL = "internal"
ADDRESS, PUBLIC_ADDRESS, CIDR, AMBIGUOUS = "address", "public address", "cidr", "ambiguous"
_MOST_CANDIDATES = 20

ANSWER = """STRUCT<name STRING, interface_id STRING, instance_id STRING, vpc_id STRING,
    vpc_name STRING, subnet_id STRING, subnet_name STRING, scope STRING, basis STRING,
    candidates ARRAY<STRING>>"""


class Answer(NamedTuple):
    """What labels say about one end of a flow."""

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


def names_in_time(tables: LabelTables, key: str | None) -> list[tuple[Span, str | None]]:
    """What an id was called, and when."""
    if key is None:
        return []
    return [
        (Span(version.valid_from, version.valid_to), version.name)
        for version in tables.names.get(key, [])
    ]


def capped(ids: Iterable[str]) -> tuple[str, ...]:
    """The first candidates in order of their ids."""
    return tuple(sorted(ids)[:_MOST_CANDIDATES])
