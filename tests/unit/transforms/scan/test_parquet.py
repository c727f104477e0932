"""Parquet: the same records as in text, nothing bent, damage said."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.records import BASE, COLUMNS
from tests.unit.transforms.scan.test_lines import SUSPECT
from transforms.flow_fields import FIELDS
from transforms.scan.lines import ObjectScan
from transforms.scan.object_key import partitions_of
from transforms.scan.parse import parse_lines

Read = tuple[list[tuple[int, dict[str, Any]]], list[int], ObjectScan]
COUNTS = {field.name for field in FIELDS if field.kind not in ("text", "tag", "address")}


def parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def read(data: bytes, *, everything: bool = True, **options: Any) -> Read:
    """Records by line, refused lines with their reasons, and the scan."""
    scanned = ObjectScan(None if everything else SUSPECT, slot=1763892000, **options)
    records: list[tuple[int, dict[str, Any]]] = []
    refused: list[int] = []
    for lines in scanned.lines([data[:3], data[3:]]):
        parsed = parse_lines(lines.text, lines.columns)
        records += zip(lines.numbers[parsed.rows].tolist(), parsed.records.to_pylist(), strict=True)
        refused += lines.numbers[parsed.refused.rows].tolist()
    refused += [line.number for line in scanned.refused]
    return records, refused, scanned


def one_row(**differs: object) -> pa.Table:
    values = {name.replace("-", "_"): value for name, value in BASE.items()} | differs
    return pa.table({name: pa.array([value]) for name, value in values.items()})


words = st.sampled_from(
    ["10.0.0.7", "10.0.0.77", "-", "eni-1", "x", "web%2D1", "i-0123456789abcdef0"]
)
numbers = st.sampled_from(["0", "6", "443", "70000", "-"])
times = st.sampled_from(["1763892000", "1763892059", "1763892059123", "-"])


@st.composite
def rows_of_a_format(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    names = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=9, unique=True))
    kinds = [
        times if name in ("start", "end") else numbers if name in COUNTS else words
        for name in (name.replace("-", "_") for name in names)
    ]
    return names, draw(st.lists(st.tuples(*kinds).map(list), min_size=1, max_size=40))


@settings(max_examples=60, deadline=None)
@given(
    rows_of_a_format(), st.sampled_from([None, "-", "None"]), st.booleans(), st.booleans(),
    st.integers(1, 50),
)  # fmt: skip
def test_the_same_records_give_the_same_flows_in_text_and_in_parquet(
    format_and_rows: tuple[list[str], list[list[str]]],
    none: str | None,
    is_typed: bool,
    everything: bool,
    group: int,
) -> None:
    names, rows = format_and_rows
    text = "\n".join(" ".join(words) for words in [names, *rows]).encode()
    columns = {}
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        name = name.replace("-", "_")
        is_number = is_typed and name in COUNTS
        filler = None if is_number else none
        said = [filler if value == "-" else int(value) if is_number else value for value in values]
        columns[name] = pa.array(said, pa.int64() if is_number else pa.string())
    data = parquet(pa.table(columns), row_group_size=group, compression="gzip")

    of_text, refused_text, text_scan = read(text, everything=everything)
    of_rows, refused_rows, row_scan = read(data, everything=everything)

    assert of_rows == [(number - 1, record) for number, record in of_text]
    assert refused_rows == [number - 1 for number in refused_text]
    assert row_scan.account.set_aside_lines == text_scan.account.set_aside_lines
    assert (row_scan.account.lines, row_scan.account.header_lines) == (len(rows), 0)
    assert row_scan.account.sha256 is not None
    assert row_scan.account.bytes_read == len(data)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("account_id", 1122334455, "001122334455"),
        ("account_id", "1122334455", "1122334455"),
        ("srcport", 443.0, 443),
        ("srcport", float("nan"), None),
        ("start", datetime(2025, 11, 23, 10, tzinfo=UTC), 1763892000),
        ("action", "None", None),
        ("action", "", None),
        ("instance_tag", "web%2D1", "web-1"),
        ("bytes", "840", 840),
        ("new_field", 5, None),
    ],
)
def test_values_are_read_whatever_their_type(column: str, value: object, expected: object) -> None:
    records, refused, _ = read(parquet(one_row(**{column: value})))

    assert refused == []
    ((_, record),) = records
    if column == "new_field":
        assert record["extra"] == [("new_field", "5")]
    else:
        assert record[column] == expected


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("action", "ACC EPT", "a value holds white space or bytes outside printable ASCII"),
        (
            "action",
            "ACCEPT\n5 1 eni-1",
            "a value holds white space or bytes outside printable ASCII",
        ),
        ("action", "é", "a value holds white space or bytes outside printable ASCII"),
        ("action", b"\xff", "a value holds white space or bytes outside printable ASCII"),
        ("action", "x" * 20_000, "longer than 16384 bytes"),
    ],
)
def test_a_row_that_no_line_can_hold_is_refused(column: str, value: object, reason: str) -> None:
    table = one_row(**{column: value})
    good = one_row(action=b"OK" if isinstance(value, bytes) else "OK")

    records, _, scanned = read(parquet(pa.concat_tables([good, table, good])))

    assert [number for number, _ in records] == [1, 3]
    ((number, shown, said),) = scanned.refused
    assert (number, said) == (2, reason)
    assert "eni-0aaaaaaaaaaaaaaaa 10.0.0.7" in shown
    assert (scanned.account.lines, scanned.account.refused_lines) == (3, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(2026, 11, 23), "2026-11-23"),
        (True, "true"),
        (Decimal("0.10"), "0.10"),
        (datetime(2026, 11, 23, 10, tzinfo=UTC), "2026-11-23 10:00:00.000000Z"),
        ([1, 2], "[1, 2]"),
        ({"a": "x y", "b": None}, '{"a": "x y", "b": null}'),
        ("web team, 100%", "web team, 100%"),
        ("größe", "größe"),
        (1.5, "1.5"),
        (b"key", "key"),
        (None, None),
    ],
)
@pytest.mark.parametrize("name", ["day", "a name", "Größe"])
def test_a_column_that_is_no_field_is_kept_as_text(
    name: str, value: object, text: str | None
) -> None:
    records, refused, scanned = read(parquet(one_row(**{name: value})))

    assert (refused, scanned.account.reason) == ([], None)
    ((_, record),) = records
    assert record["extra"] == [(name, text)]
    assert (record["srcaddr"], record["bytes"]) == ("10.0.0.7", int(BASE["bytes"]))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("start", pa.scalar(1763892000123, pa.timestamp("ms")), 1763892000),
        ("bytes", pa.scalar(Decimal("840.00")), 840),
        ("bytes", pa.scalar({"long": 840, "string": None}), 840),
        ("bytes", pa.scalar({"long": None, "string": "840"}), 840),
        ("bytes", pa.scalar([840]), 840),
        ("bytes", pa.scalar([], pa.list_(pa.int64())), None),
        ("bytes", pa.scalar(840.0, pa.float32()), 840),
        ("account_id", pa.scalar(1122334455.0), "001122334455"),
    ],
)
def test_a_type_that_has_drifted_is_read_where_its_value_is_exact(
    column: str, value: pa.Scalar, expected: object
) -> None:
    table = one_row()
    at = table.column_names.index(column)
    table = table.set_column(at, column, pa.array([value.as_py()], value.type))

    ((_, record),), refused, _ = read(parquet(table))

    assert (record[column], refused) == (expected, [])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bytes", pa.scalar(Decimal("840.50"))),
        ("bytes", pa.scalar([840, 841])),
        ("bytes", pa.scalar({"long": 840, "string": "841"})),
        ("bytes", pa.scalar(16_777_216.0, pa.float32())),  # may have been 16,777,217
        ("bytes", pa.scalar(2.0**60)),
        ("bytes", pa.scalar(True)),
        ("action", pa.scalar(True)),
        ("action", pa.scalar(date(2026, 11, 23))),
        ("start", pa.scalar(date(2026, 11, 23))),
        ("bytes", pa.scalar(1763892000, pa.timestamp("s"))),
    ],
)
def test_a_value_that_is_not_exact_refuses_its_row(column: str, value: pa.Scalar) -> None:
    table = one_row()
    at = table.column_names.index(column)
    table = table.set_column(at, column, pa.array([value.as_py(), None][:1], value.type))

    records, refused, scanned = read(parquet(table))

    assert (records, refused, scanned.account.outcome) == ([], [1], "read")


def test_fields_that_only_the_folders_hold_are_read_from_the_key() -> None:
    table = one_row().drop_columns(["action", "interface_id"])
    key = "t/day=2026-11-23/action=REJECT/interface_id=eni-0a/srcport=x/type=flow/part-0.parquet"

    ((_, record),), _, _ = read(parquet(table), partitions=partitions_of(key))

    assert (record["action"], record["interface_id"]) == ("REJECT", "eni-0a")
    ((_, own),), _, _ = read(parquet(one_row()), partitions=partitions_of(key))
    assert own["action"] == BASE["action"]  # the object's own value stands


def test_numbers_that_are_none_are_refused_as_in_text() -> None:
    _, refused, _ = read(parquet(one_row(srcport=443.5)))
    assert refused == [1]
    _, refused, _ = read(parquet(one_row(bytes=-5)))
    assert refused == [1]


GOOD = parquet(pa.concat_tables([one_row()] * 500), compression="gzip")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"PAR1", "its Parquet data is damaged: ", id="magic alone"),
        pytest.param(GOOD[: len(GOOD) // 2], "its Parquet data is damaged: ", id="cut"),
        pytest.param(GOOD[:-8], "its Parquet data is damaged: ", id="8 bytes short"),
        pytest.param(GOOD + b"\0" * 8, "its Parquet data is damaged: ", id="zeros behind"),
        pytest.param(parquet(pa.table({"colour": ["red"]})),
                     "its columns are not fields of flow logs", id="something else"),
        pytest.param(parquet(pa.table({"start end": ["1"]})),
                     "its columns are not fields of flow logs", id="a space in a name"),
        pytest.param(parquet(pa.table([["1"], ["1"]], ["end", "end"])),
                     "its header names a column twice", id="twice"),
        pytest.param(parquet(pa.table({"start": pa.nulls(60_000_000, pa.int32())})),
                     "it inflates to more than 100 times its size", id="rows of nothing"),
    ],
)  # fmt: skip
def test_what_is_not_a_whole_parquet_object_is_refused(data: bytes, reason: str) -> None:
    records, _, scanned = read(data)

    assert records == []
    assert scanned.account.outcome == "refused"
    assert str(scanned.account.reason).startswith(reason)
    assert (scanned.account.lines, scanned.refused) == (0, [])


def test_a_long_text_that_a_few_bytes_say_very_often_is_refused_row_by_row() -> None:
    """6 GB if each row had a copy of it."""
    often = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 60_000])
    data = parquet(pa.table({"start": pa.array([1] * 100_000), "action": often}))
    before = pa.total_allocated_bytes()

    scanned = ObjectScan(SUSPECT)
    most = refused = 0
    for _ in scanned.lines([data]):
        most = max(most, pa.total_allocated_bytes() - before)
        refused += len(scanned.refused)
        scanned.refused.clear()

    assert refused + len(scanned.refused) == scanned.account.refused_lines == 100_000
    assert most < 50_000_000


def test_cloud_wan_rows_are_of_another_kind_and_no_rows_are_empty() -> None:
    _, _, other = read(parquet(one_row(core_network_arn="arn")))
    _, _, empty = read(parquet(one_row().slice(0, 0)))

    assert other.account.outcome == "other_kind"
    assert empty.account.outcome == "empty"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_one_altered_byte_ends_with_an_account_of_every_row(place: int, flip: int) -> None:
    data = bytearray(GOOD)
    data[place] ^= flip

    records, refused, scanned = read(bytes(data))

    account = scanned.account
    assert account.outcome in ("read", "refused", "other_kind", "empty")
    if account.outcome == "read":
        assert account.lines == len(records) + len(refused)
