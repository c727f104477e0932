"""Cells of a label file → text, times and lists."""

import ipaddress
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from transforms.text import without_unfit

_LONGEST_NAME = 256
# AWS delegates IPv4 as /28 and IPv6 as /80: sixteen addresses, and far too many to be listed.
_MOST_DELEGATED = 256
_WIDEST_IPV6 = 80


def clean(value: object) -> str | None:
    """A label as plain text: nothing that steers, reorders or hides, at most 256 characters."""
    if value is None:
        return None
    return without_unfit(str(value)).strip()[:_LONGEST_NAME] or None


def moment_of(value: object) -> datetime | None:
    """A time of a label: one of Parquet (without a zone: UTC), or ISO 8601 text with a zone."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def delegated_addresses(text: str) -> list[str] | None:
    """The addresses of a prefix that is delegated to an interface; None where they are too many.

    Raises ValueError when it is no prefix, or wider than any delegated one.
    """
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{text[:64]!r} is not an address or a prefix") from None
    if network.num_addresses <= _MOST_DELEGATED:
        return [str(address) for address in network]
    if network.version == 4 or network.prefixlen < _WIDEST_IPV6:
        raise ValueError(f"{text[:64]!r} is too wide for a prefix of an interface")
    return None


def items(value: object) -> Iterable[str]:
    """Values of a cell that holds several: a list, or text with spaces, `,` or `;` between them."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [item for item in re.split(r"[\s,;]+", str(value)) if item]
