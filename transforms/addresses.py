"""Addresses and networks in one comparable form, IPv4 and IPv6 on an equal footing.

An address key is the address as fixed-length lower-case hex (8 digits for IPv4, 32 for IPv6), so
that text order is address order. A bucket is the start of a key (16 bits of IPv4, 32 of IPv6):
networks are looked up by bucket, then compared.
"""

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F

_BUCKET_DIGITS = {4: 4, 6: 8}
# A shorter prefix would fill hundreds of buckets; no VPC, subnet or site has one.
_SHORTEST_PREFIX = {4: 8, 6: 24}

# RFC 1918, RFC 6598, RFC 3927 and, for IPv6, RFC 4193 and RFC 4291 link-local.
PRIVATE_NETWORKS = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)


class Network(NamedTuple):
    """A network by the keys of its first and last address; `prefix` is its length in bits."""

    prefix: int
    first: str
    last: str


def canonical(text: str) -> str | None:
    """The shortest spelling (RFC 5952); None when the text is not an address."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


def network_of(cidr: str) -> Network:
    """The range of a CIDR text; raises ValueError with the reason when it is none."""
    network = ipaddress.ip_network(cidr.strip())
    digits = network.max_prefixlen // 4
    first, last = int(network.network_address), int(network.broadcast_address)
    return Network(network.prefixlen, f"{first:0{digits}x}", f"{last:0{digits}x}")


def is_too_wide(network: Network) -> bool:
    """Whether a network is too wide to be a VPC, a subnet or a site."""
    return network.prefix < _SHORTEST_PREFIX[_version(network.first)]


def buckets_of(network: Network) -> Iterator[str]:
    """The buckets that hold addresses of the network."""
    digits = _BUCKET_DIGITS[_version(network.first)]
    first, last = int(network.first[:digits], 16), int(network.last[:digits], 16)
    return (f"{bucket:0{digits}x}" for bucket in range(first, last + 1))


def _version(key: str) -> int:
    return 4 if len(key) == 8 else 6


def holds(network: Network, address: str) -> bool:
    """Whether the network holds an address given in canonical spelling."""
    parsed = ipaddress.ip_address(address)
    key = f"{int(parsed):0{parsed.max_prefixlen // 4}x}"
    return len(key) == len(network.first) and network.first <= key <= network.last


def key_of(address: str) -> Column:
    """Address key of a column of canonical addresses; null stays null."""
    return F.expr(
        f"""
        CASE WHEN instr({address}, ':') = 0 THEN
            concat_ws('', transform(split({address}, '[.]'),
                                    o -> lpad(lower(hex(try_cast(o AS BIGINT))), 2, '0')))
        WHEN instr({address}, ':') > 0 THEN
            concat_ws('', transform({_ipv6_groups(address)}, g -> lpad(g, 4, '0')))
        END
        """
    )


def _ipv6_groups(address: str) -> str:
    left = f"filter(split(split({address}, '::')[0], ':'), g -> g <> '')"
    right = f"filter(split(coalesce(get(split({address}, '::'), 1), ''), ':'), g -> g <> '')"
    zeros = f"array_repeat('0', 8 - size({left}) - size({right}))"
    return f"concat({left}, {zeros}, {right})"


def bucket_of(key: str) -> Column:
    """Bucket of a column of address keys."""
    return F.expr(f"substring({key}, 1, IF(length({key}) = 8, 4, 8))")


def is_private(key: str) -> Column:
    """Whether a column of address keys lies in a private range."""
    ranges = (network_of(cidr) for cidr in PRIVATE_NETWORKS)
    tests = [
        f"(length({key}) = {len(first)} AND {key} BETWEEN '{first}' AND '{last}')"
        for _, first, last in ranges
    ]
    return F.expr(" OR ".join(tests))
