"""Rows on their way to the bucket that they are sorted in: a chunk is some rows of one bucket.

Between tasks the rows stay columns: Spark moves chunks, and never makes rows of its own of them.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from jobs.spark.frames import packed, unpacked
from transforms.flow_table.clustering import KEYS, buckets_of

CHUNK = "bucket INT, rows BINARY"
_CHUNK_TYPE = pa.schema([("bucket", pa.int32()), ("rows", pa.binary())])
_BYTES_TOGETHER = 48 * 1024 * 1024


def in_chunks(tables: Iterable[pa.Table], first: int, number: int) -> Iterator[pa.RecordBatch]:
    """Rows of `CHUNK`: the same rows, in the buckets from `first` on, of which there are so many.

    The tables have one schema, with the ends and the `day` of each row.
    """
    held: list[pa.Table] = []
    octets = 0
    for table in filter(len, tables):
        held.append(table)
        octets += table.nbytes
        if octets >= _BYTES_TOGETHER:
            yield _dealt(held, first, number)
            held, octets = [], 0
    if held:
        yield _dealt(held, first, number)


def tables_of(chunks: Sequence[bytes], most_rows: int) -> Iterator[pa.Table]:
    """The rows of these chunks, together as far as there are not too many; keeps their order.

    A column in which no row of them has a value is missing, unless it is one of the keys.
    """
    held: list[pa.Table] = []
    rows = 0
    for chunk in chunks:
        table = unpacked(chunk)
        if held and rows + len(table) > most_rows:
            yield _joined(held)
            held, rows = [], 0
        held.append(table)
        rows += len(table)
    if held:
        yield _joined(held)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    together = pa.concat_tables(tables, promote_options="default")
    return together.unify_dictionaries().combine_chunks()


def _dealt(tables: Sequence[pa.Table], first: int, number: int) -> pa.RecordBatch:
    together = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    # Half of the fields are in no record of a usual format; the ends are in none of NODATA.
    used = [
        name
        for name in together.column_names
        if name in KEYS or together[name].null_count < len(together)
    ]
    together = together.select(used)
    buckets = buckets_of(together, number)
    order = np.argsort(buckets, kind="stable")
    dealt = together.take(pa.array(order))
    here, begins = np.unique(buckets[order], return_index=True)
    ends = [*begins[1:].tolist(), len(order)]
    chunks = [
        packed(dealt.slice(begin, end - begin))
        for begin, end in zip(begins.tolist(), ends, strict=True)
    ]
    numbers = pa.array(here + first, pa.int32())
    return pa.RecordBatch.from_arrays([numbers, pa.array(chunks, pa.binary())], schema=_CHUNK_TYPE)
