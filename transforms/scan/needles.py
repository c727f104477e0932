"""The literals that a line must contain to concern the subject, searched for in whole blocks.

What is found is a superset: the exact match is made on parsed columns, in `scope`.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import hyperscan
import numpy as np
import numpy.typing as npt

from transforms.scan.blocks import Positions
from transforms.scan.formats import HEADER_STARTS

# Characters that continue an id or an address: `10.0.0.7` is not in `10.0.0.71`.
_CONTINUES = np.zeros(256, dtype=bool)
_CONTINUES[list(b"0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ.:-_")] = True


class Needle(NamedTuple):
    """A literal, and whether it is the end of a longer token (an IPv6 address in any spelling)."""

    literal: bytes
    is_suffix: bool = False


def needles_of(ids: Iterable[str], addresses: Iterable[str]) -> tuple[Needle, ...]:
    """Needles of instance and interface ids and of addresses, each once, in a fixed order.

    An IPv4 address has one spelling. An IPv6 address has many (RFC 4291, 2.2), so its end is
    searched for: the last group in every zero-padding, or the last two groups with dots. Whatever
    precedes them is compared after parsing.
    """
    needles = {Needle(name.encode()) for name in ids}
    for text in addresses:
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv4Address):
            needles.add(Needle(str(address).encode()))
        else:
            needles.update(_ipv6_needles(address))
    return tuple(sorted(needles))


def _ipv6_needles(address: ipaddress.IPv6Address) -> set[Needle]:
    last = int(address) & 0xFFFF
    endings = {f":{last:0{width}x}" for width in range(1, 5)}
    if last == 0:
        endings.add("::")
    endings.add(f":{ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)}")
    return {Needle(text.encode(), is_suffix=True) for text in endings}


class Hits(NamedTuple):
    """Positions in a block (of each match's last byte), by what was found there."""

    needles: Positions
    nodata: Positions
    skipdata: Positions
    odd: Positions


_NODATA, _SKIPDATA, _ODD = 0, 1, 2
_FIRST_NEEDLE = 3
_WHITE_SPACE = (b"\n", b"\r", b" ", b"\t", b"\x0b", b"\x0c")


class Finder:
    """One compiled search for the needles, for NODATA and SKIPDATA, and for lines that need a look.

    A line needs a look when it starts with white space, as it may be blank, or with the name of a
    field or of the first column, as it may be a header.
    """

    def __init__(self, needles: tuple[Needle, ...], first_column: bytes) -> None:
        names = {*HEADER_STARTS, first_column, first_column.replace(b"_", b"-")} - {b""}
        self._odd_starts = (*_WHITE_SPACE, *sorted(names))
        odd = [b"\n" + start for start in self._odd_starts]
        literals = [b"NODATA", b"SKIPDATA", *odd, *(needle.literal for needle in needles)]
        self._ids = [_NODATA, _SKIPDATA, *[_ODD] * len(odd)]
        self._ids += range(_FIRST_NEEDLE, _FIRST_NEEDLE + len(needles))
        self._lengths = np.array([6, 8, 1, *(len(needle.literal) for needle in needles)])
        self._open_left = np.array([False, False, True, *(needle.is_suffix for needle in needles)])
        self._open_right = np.array([False, False, True] + [False] * len(needles))
        flags = [hyperscan.HS_FLAG_CASELESS if id_ >= _FIRST_NEEDLE else 0 for id_ in self._ids]
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=literals,
            ids=self._ids,
            elements=len(literals),
            flags=flags,
            literal=True,
        )

    def find(self, block: bytes) -> Hits:
        """All matches that stand as whole tokens; `block` starts at the start of a line."""
        found: list[int] = []
        add = found.extend

        def on_match(id_: int, start: int, end: int, flags: int, context: object) -> None:
            add((id_, end))

        self._database.scan(block, match_event_handler=on_match)
        if block.startswith(self._odd_starts):  # the first line has no newline in front
            add((_ODD, 1))
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        ids, ends = pairs[:, 0], pairs[:, 1]
        whole = self._are_whole_tokens(block, ids, ends) if len(ids) else np.zeros(0, dtype=bool)
        ids, last = ids[whole], ends[whole] - 1
        return Hits(
            needles=last[ids >= _FIRST_NEEDLE],
            nodata=last[ids == _NODATA],
            skipdata=last[ids == _SKIPDATA],
            odd=last[ids == _ODD],
        )

    def _are_whole_tokens(
        self, block: bytes, ids: Positions, ends: Positions
    ) -> npt.NDArray[np.bool_]:
        text = np.frombuffer(block, dtype=np.uint8)
        before = ends - self._lengths[ids] - 1
        continued_left = _CONTINUES[text[np.maximum(before, 0)]] & (before >= 0)
        after = np.minimum(ends, len(text) - 1)
        continued_right = _CONTINUES[text[after]] & (ends < len(text))
        left_ok = self._open_left[ids] | ~continued_left
        right_ok = self._open_right[ids] | ~continued_right
        return np.asarray(left_ok & right_ok)


@lru_cache(maxsize=64)
def finder_for(needles: tuple[Needle, ...], first_column: bytes) -> Finder:
    """The compiled search, once per worker and first column: a bucket has a handful of formats."""
    return Finder(needles, first_column)
