"""The order of the rows of `flows`: what a case looks for together lies together.

A record names two ends, and a case looks for an address at either. Records of one pair of addresses
lie together, whichever interface recorded them and in whichever direction, and pairs lie by the
lower address. So a machine is in one run of rows for the peers above it, and in one place for each
peer below it: half as many as in the order of interfaces (`bench.ingest`).
"""

import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# What rows are dealt and sorted by.
KEYS = ("day", "srcaddr", "dstaddr", "interface_id", "start")
Numbers = npt.NDArray[np.int64]


def buckets_of(rows: pa.Table, number: int) -> Numbers:
    """The bucket of each row, of so many: one for all rows of a lower address."""
    lower, _ = _ends(rows)
    coded = pc.dictionary_encode(lower.fill_null(""))
    of_address = [zlib.crc32(address.encode()) % number for address in coded.dictionary.to_pylist()]
    found: Numbers = np.array(of_address, dtype=np.int64)[coded.indices.to_numpy()]
    return found


def in_order(rows: pa.Table) -> pa.Table:
    """The same rows by day, pair, interface and start; missing values first.

    A few million rows at most, so that what they are sorted by fits into two numbers.
    """
    if not len(rows):
        return rows
    lower, higher = _ends(rows)
    start = rows["start"].combine_chunks().fill_null(-1).to_numpy()
    interface = _rank(rows["interface_id"].combine_chunks())
    day = _rank(rows["day"].combine_chunks())
    pair = _together(_together(day, _rank(lower)), _rank(higher))
    order = np.lexsort((_together(interface, start - start.min()), pair))
    return rows.take(pa.array(order))


def _together(first: Numbers, then: Numbers) -> Numbers:
    """A number that sorts by one, then by the other; both from -1 on."""
    return first * (int(then.max()) + 2) + then + 1


def _ends(rows: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The lower and the higher address of each row, as text; a missing end is that of the other."""
    source, target = (rows[name].combine_chunks() for name in ("srcaddr", "dstaddr"))
    source, target = pc.coalesce(source, target), pc.coalesce(target, source)
    is_source = pc.less_equal(source, target)
    return pc.if_else(is_source, source, target), pc.if_else(is_source, target, source)


def _rank(values: pa.Array) -> Numbers:
    """The place of each value among the different ones, in order; -1 where it is missing."""
    coded = pc.dictionary_encode(values)
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    rank[-1] = -1  # which is also the place of the last: that of missing ones
    found: Numbers = rank[coded.indices.fill_null(-1).to_numpy()]
    return found
