"""Addresses and networks in one comparable form, IPv4 and IPv6 on an equal footing.

An address key is the address as fixed-length lower-case hex (8 digits for IPv4, 32 for IPv6), so
that text order is address order.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

KEY_DIGITS = (8, 32)
# A shorter prefix would fill hundreds of buckets; no VPC, subnet or site has one.
_SHORTEST_PREFIX = {4: 8, 6: 24}

# RFC 1918, RFC 6598 and, for IPv6, RFC 4193.
PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")

# No host beyond the link has one (RFC 6890): this network, loopback, link-local, protocol
# assignments, multicast, the rest. Documentation addresses (RFC 5737, RFC 3849) are not among them:
# in examples they stand for hosts of the Internet.
RESERVED_NETWORKS = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "224.0.0.0/3",
    "::/127",
    "fe80::/10",
    "ff00::/8",
)


class Network(NamedTuple):
    """A network by the keys of its first and last address; `prefix` is its length in bits."""

    prefix: int
    first: str
    last: str


def canonical(text: str) -> str | None:
    """The shortest spelling (RFC 5952); None when the text is not an address.

    A zone (`fe80::1%eth0`) is refused: Python takes any text as one, flow records have none.
    """
    if "%" in text:
        return None
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


def address_literal(address: str) -> str:
    """SQL text of an address; raises ValueError for anything but its canonical spelling.

    The only way for a value that others chose into SQL text: it has digits, dots and colons alone.
    """
    if canonical(address) != address:
        raise ValueError(f"found {address!r}; expected an address in its shortest spelling")
    return f"'{address}'"


def key_literal(key: str) -> str:
    """SQL text of an address key; raises ValueError for anything but its hex digits."""
    if not re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{32}", key):
        raise ValueError(f"found {key!r}; expected 8 or 32 hex digits")
    return f"'{key}'"


def network_of(cidr: str) -> Network:
    """The range of a CIDR text; raises ValueError with the reason when it is none."""
    if "%" in cidr:
        raise ValueError(f"{cidr[:64]!r} has a zone; expected a network such as fd00::/64")
    network = ipaddress.ip_network(cidr.strip())
    digits = network.max_prefixlen // 4
    first, last = int(network.network_address), int(network.broadcast_address)
    return Network(network.prefixlen, f"{first:0{digits}x}", f"{last:0{digits}x}")


def cidr_of(network: Network) -> str:
    """The CIDR text of a network."""
    kind = ipaddress.IPv4Address if _version(network.first) == 4 else ipaddress.IPv6Address
    return f"{kind(int(network.first, 16))}/{network.prefix}"


def is_too_wide(network: Network) -> bool:
    """Whether a network is too wide to be a VPC, a subnet or a site."""
    return network.prefix < _SHORTEST_PREFIX[_version(network.first)]


def _version(key: str) -> int:
    return 4 if len(key) == 8 else 6


def number_of(address: str) -> tuple[int, int]:
    """An address as a number, and how many hex digits its key has."""
    parsed = ipaddress.ip_address(address)
    return int(parsed), parsed.max_prefixlen // 4


def holds(network: Network, address: str) -> bool:
    """Whether the network holds an address given in canonical spelling."""
    parsed = ipaddress.ip_address(address)
    key = f"{int(parsed):0{parsed.max_prefixlen // 4}x}"
    return len(key) == len(network.first) and network.first <= key <= network.last


def key_sql(address: str) -> str:
    """SQL text: address key of a column of canonical addresses; null stays null."""
    octets = [
        f"try_cast(substring_index(substring_index({address}, '.', {n}), '.', -1) AS BIGINT)"
        for n in range(1, 5)
    ]
    number = " + ".join(f"{octet} * {256 ** (3 - n)}" for n, octet in enumerate(octets))
    # IPv6 needs functions over arrays, which cost ten times as much.
    return f"""
        CASE WHEN instr({address}, ':') = 0 THEN lower(lpad(hex({number}), 8, '0'))
        WHEN instr({address}, ':') > 0 THEN
            concat_ws('', transform({_ipv6_groups(address)}, g -> lpad(g, 4, '0')))
        END
        """


def _ipv6_groups(address: str) -> str:
    left = f"filter(split(split({address}, '::')[0], ':'), g -> g <> '')"
    right = f"filter(split(coalesce(get(split({address}, '::'), 1), ''), ':'), g -> g <> '')"
    zeros = f"array_repeat('0', 8 - size({left}) - size({right}))"
    return f"concat({left}, {zeros}, {right})"


def is_private(key: str) -> str:
    """SQL that tells whether an address key lies in a private range."""
    return _is_in(key, PRIVATE_NETWORKS)


def is_reserved(key: str) -> str:
    """SQL that tells whether an address key lies in a reserved range."""
    return _is_in(key, RESERVED_NETWORKS)


def _is_in(key: str, networks: Iterable[str]) -> str:
    ranges = (network_of(cidr) for cidr in networks)
    return " OR ".join(
        f"(length({key}) = {len(first)} AND {key} BETWEEN '{first}' AND '{last}')"
        for _, first, last in ranges
    )
