"""Peers that the subject is expected to talk to, as a person names them.

The port is that of the service, whichever side began. A subnet or a name needs one: all that a
whole subnet does would be left out of the verdict otherwise.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transforms.network.addresses import (
    Network,
    address_literal,
    canonical,
    is_too_wide,
    key_literal,
    key_sql,
    network_of,
)
from transforms.text import quoted

FORMS = "10.0.3.5, 10.0.3.5:443, 10.0.3.0/24:443, [fd00::/64]:443 or NAME:443"
_PORT = re.compile(r"(?P<peer>.+):(?P<port>\d{1,5})")
_CIDR = re.compile(r"[0-9a-f.:]+/\d+", re.IGNORECASE)


class ExpectedPeer(NamedTuple):
    """What a person wrote, and what it means: one of name, address and network.

    `addresses` are those that labels know under the name. Without a port every one is expected.
    """

    text: str
    port: int | None = None
    name: str | None = None
    addresses: tuple[str, ...] = ()
    network: Network | None = None


def expected_peer(text: str) -> ExpectedPeer:
    """Read one; raises ValueError with the reason when it is none."""
    if address := canonical(text):
        return ExpectedPeer(address, addresses=(address,))
    found = _PORT.fullmatch(text)
    if found is None or int(found["port"]) > 65_535 or "%" in text:
        raise ValueError(f"{quoted(text)} is none")
    peer, port = found["peer"], int(found["port"])
    inside = peer[1:-1] if peer.startswith("[") and peer.endswith("]") else None
    if address := canonical(peer if inside is None else inside):
        if ":" in address and inside is None:
            raise ValueError(f"{quoted(text)} may be read in two ways")
        shown = f"[{address}]" if ":" in address else address
        return ExpectedPeer(f"{shown}:{port}", port, addresses=(address,))
    if _CIDR.fullmatch(inside or peer):
        network = network_of(inside or peer)
        if is_too_wide(network):
            raise ValueError(f"{quoted(text)} is wider than any VPC")
        return ExpectedPeer(text, port, network=network)
    return ExpectedPeer(text, port, name=peer)


def resolved(
    peers: Iterable[ExpectedPeer], known: Mapping[str, Iterable[str]]
) -> tuple[ExpectedPeer, ...]:
    """The same, names with the addresses that are known under them."""
    return tuple(
        each if each.name is None else each._replace(addresses=tuple(known[each.name]))
        for each in peers
    )


def unexpected_sql(peers: Iterable[ExpectedPeer]) -> str:
    """SQL text over `peer` and `service_port`: never null. An unknown port is never expected."""
    by_port: defaultdict[int | None, set[str]] = defaultdict(set)
    terms = set()
    for each in peers:
        by_port[each.port].update(each.addresses)
        if each.network is not None:
            ends = f"{key_literal(each.network.first)} AND {key_literal(each.network.last)}"
            # Keys of IPv4 and IPv6 are of different lengths, and compare as text.
            terms.add(
                f"service_port = {each.port} AND length({key_sql('peer')}) = "
                f"{len(each.network.first)} AND {key_sql('peer')} BETWEEN {ends}"
            )
    for port, addresses in by_port.items():
        if addresses:
            listed = ", ".join(map(address_literal, sorted(addresses)))
            at_port = "" if port is None else f"service_port = {port} AND "
            terms.add(f"{at_port}peer IN ({listed})")
    return f"NOT coalesce({' OR '.join(sorted(terms))}, false)" if terms else "true"
