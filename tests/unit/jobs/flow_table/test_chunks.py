"""Chunks carry rows to their buckets: none is lost, and no bucket is taken whole into memory."""

import pyarrow as pa
import pytest

from jobs.flow_table.chunks import in_chunks, tables_of
from jobs.flow_table.fill import Buckets, buckets_over

_MIB = 1024**2


def table(*pairs: tuple[str, str]) -> pa.Table:
    """Records of these pairs."""
    sources, targets = zip(*pairs, strict=True)
    return pa.table({"srcaddr": [*sources], "dstaddr": [*targets]})


def test_rows_come_out_of_the_buckets_of_their_part_as_they_went_in() -> None:
    pairs = [(f"10.0.{number // 250}.{number % 250}", "10.9.9.9") for number in range(1_000)]
    both_ways = [*pairs, *((target, source) for source, target in pairs)]

    (batch,) = in_chunks(iter([table(*both_ways[:700]), table(*both_ways[700:])]), 12, 4)

    assert sorted(batch["bucket"].to_pylist()) == [12, 13, 14, 15]
    of_bucket = [
        {tuple(sorted(row.values())) for row in rows.to_pylist()}
        for chunk in batch["rows"].to_pylist()
        for rows in tables_of([chunk], 10_000)
    ]
    assert sum(map(len, of_bucket)) == len(pairs)  # each pair with both directions, in one bucket
    assert set.union(*of_bucket) == set(pairs)


def test_a_bucket_that_is_large_comes_in_pieces() -> None:
    """As that of a gateway, whose address is in every second record."""
    pairs = [("10.0.0.1", f"10.0.1.{number}") for number in range(9)]
    chunks = [
        chunk
        for at in range(0, 9, 3)
        for batch in in_chunks(iter([table(*pairs[at : at + 3])]), 0, 1)
        for chunk in batch["rows"].to_pylist()
    ]

    pieces = [rows["dstaddr"].to_pylist() for rows in tables_of(chunks, 6)]

    expected = [target for _, target in pairs]
    assert pieces == [expected[:6], expected[6:]]


def test_nothing_makes_no_chunk() -> None:
    assert list(in_chunks(iter([]), 0, 4)) == []
    assert list(in_chunks(iter([table(("10.0.0.1", "10.0.0.2")).slice(1)]), 0, 4)) == []
    assert list(tables_of([], 4)) == []


@pytest.mark.parametrize(
    ("octets", "tasks", "cores", "expected"),
    [
        (1_000, 1, 2, Buckets(1, 1, 1)),  # a few records are one file
        (2 * _MIB, 2, 2, Buckets(2, 1, 4)),  # half a MiB a bucket at least
        (35 * _MIB, 2, 2, Buckets(2, 1, 8)),  # four buckets a core share evenly
        (200 * _MIB, 4, 2, Buckets(4, 1, 25)),  # 8 MiB a bucket
        (1_024 * _MIB, 16, 2, Buckets(16, 4, 32)),  # 256 MiB a part
    ],
)
def test_buckets_by_size(octets: int, tasks: int, cores: int, expected: Buckets) -> None:
    assert buckets_over(octets, tasks, cores) == expected


def test_each_task_fills_one_part() -> None:
    buckets = Buckets(tasks=6, parts=3, in_part=10)

    assert [buckets.of_task(task) for task in range(6)] == [0, 0, 10, 10, 20, 20]
    assert buckets.number == 30
