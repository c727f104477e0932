"""Addresses → the cell of the labels' networks that each is in, and what its range says."""

import socket
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from transforms.coded import Numbers
from transforms.label.lookups import Networks
from transforms.label.rings import Home, Range, is_at_home
from transforms.network.addresses import (
    KEY_DIGITS,
    PRIVATE_NETWORKS,
    RESERVED_NETWORKS,
    network_of,
)

_OF_FOUR, _OF_SIX = KEY_DIGITS


class Places(NamedTuple):
    """For each address its cell (-1: before all of them) and its `rings.Range`."""

    cells: Numbers
    ranges: Numbers


def places_of(addresses: Sequence[str], networks: Networks, home: Home) -> Places:
    """Where addresses lie, given in canonical spelling; vectors for IPv4, one by one for IPv6."""
    cells = np.full(len(addresses), -1, np.int64)
    ranges = np.zeros(len(addresses), np.int64)
    four = [at for at, address in enumerate(addresses) if ":" not in address]
    packed = b"".join(socket.inet_pton(socket.AF_INET, addresses[at]) for at in four)
    numbers = np.frombuffer(packed, dtype=">u4").astype(np.int64)
    cells[four] = np.searchsorted(networks.of_four, numbers, side="right") - 1
    for kind, spans in _SPANS_OF_FOUR.items():
        is_in = np.zeros(len(four), dtype=bool)
        for first, last in spans:
            is_in |= (numbers >= first) & (numbers <= last)
        ranges[four] |= np.where(is_in, kind, 0)
    if len(four) == len(addresses):
        return Places(cells, ranges)
    before = len(networks.of_four)
    for at, address in enumerate(addresses):
        if ":" in address:
            number = int.from_bytes(socket.inet_pton(socket.AF_INET6, address))
            cell = bisect_right(networks.of_six, number) - 1
            cells[at] = before + cell if cell >= 0 else -1
            ranges[at] = _range_of_six(number, home)
    return Places(cells, ranges)


def _spans(networks: Iterable[str], digits: int) -> list[tuple[int, int]]:
    found = (network_of(cidr) for cidr in networks)
    return [(int(n.first, 16), int(n.last, 16)) for n in found if len(n.first) == digits]


_NETWORKS = {Range.RESERVED: RESERVED_NETWORKS, Range.PRIVATE: PRIVATE_NETWORKS}
_SPANS_OF_FOUR = {kind: _spans(networks, _OF_FOUR) for kind, networks in _NETWORKS.items()}
_SPANS_OF_SIX = {kind: _spans(networks, _OF_SIX) for kind, networks in _NETWORKS.items()}


def _range_of_six(number: int, home: Home) -> Range:
    found = Range.HOME if is_at_home(number, home) else Range.PUBLIC
    for kind, spans in _SPANS_OF_SIX.items():
        if any(first <= number <= last for first, last in spans):
            found |= kind
    return found
