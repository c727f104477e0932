"""Rows of a pair of addresses lie together, whoever recorded them, in whichever direction."""

from itertools import pairwise

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.flow_table.clustering import buckets_of, in_order

_SCHEMA = pa.schema(
    [
        ("srcaddr", pa.string()), ("dstaddr", pa.string()), ("interface_id", pa.string()),
        ("start", pa.int64()), ("day", pa.date32()), ("number", pa.int64()),
    ]
)  # fmt: skip


def rows_of(*rows: tuple[object, ...]) -> pa.Table:
    """Rows of the schema, numbered."""
    numbered = [(*row, number) for number, row in enumerate(rows)]
    columns = zip(*numbered, strict=True) if rows else [()] * len(_SCHEMA)
    return pa.table(
        [pa.array(column, kind) for column, kind in zip(columns, _SCHEMA.types, strict=True)],
        schema=_SCHEMA,
    )


def test_a_pair_lies_together_in_the_order_of_time() -> None:
    rows = rows_of(
        ("10.0.0.9", "10.0.0.7", "eni-1", 60, 20_780),
        ("10.0.0.7", "10.0.0.8", "eni-1", 0, 20_780),
        ("10.0.0.7", "10.0.0.9", "eni-2", 0, 20_780),
        ("10.0.0.7", "10.0.0.9", "eni-1", 0, 20_780),
        (None, None, "eni-1", None, 20_780),
        ("10.0.0.7", "10.0.0.8", "eni-1", 0, 20_779),
    )

    found = in_order(rows)["number"].to_pylist()

    # The day before; without addresses; .7 and .8; .7 and .9 at eni-1 by time, then at eni-2.
    assert found == [5, 4, 1, 3, 0, 2]


_ADDRESS = st.sampled_from(["10.0.0.7", "10.0.0.9", "10.0.0.10", "2001:db8::7", "::", None])
_ROWS = st.lists(
    st.tuples(
        _ADDRESS, _ADDRESS, st.sampled_from(["eni-1", "eni-2", None]),
        st.one_of(st.none(), st.integers(0, 9)), st.integers(20_779, 20_781),
    ),
    max_size=40,
)  # fmt: skip


def ends_of(row: dict[str, object]) -> list[str]:
    """Both addresses as text, the lower first."""
    given_ = [end for end in (row["srcaddr"], row["dstaddr"]) if end is not None]
    return sorted(str(end) for end in (given_ * 2)[:2])


@given(_ROWS)
def test_each_row_stays_and_each_key_is_in_one_place(rows: list[tuple[object, ...]]) -> None:
    found = in_order(rows_of(*rows)).to_pylist()

    assert sorted(row["number"] for row in found) == list(range(len(rows)))
    for before, after in pairwise(found):
        keys = [
            (row["day"], ends_of(row), row["interface_id"] or "",
             -1 if row["start"] is None else row["start"])
            for row in (before, after)
        ]  # fmt: skip
        assert keys[0] <= keys[1]


@given(_ROWS, st.integers(1, 7))
def test_all_rows_of_a_lower_address_are_in_one_bucket(
    rows: list[tuple[object, ...]], number: int
) -> None:
    table = rows_of(*rows)

    found = buckets_of(table, number).tolist()

    assert len(found) == len(rows)
    assert set(found) <= set(range(number))
    of_address: dict[tuple[str, ...], set[int]] = {}
    for row, bucket in zip(table.to_pylist(), found, strict=True):
        of_address.setdefault(tuple(ends_of(row)[:1]), set()).add(bucket)
    assert all(len(buckets) == 1 for buckets in of_address.values())
