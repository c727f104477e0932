"""Lines of one format → typed flow records and refusals; whole columns at a time, by Arrow."""

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from transforms.flow_fields import FIELD_NAMES, FIELDS, Field, Kind
from transforms.scan.transit import TRANSIT_COUNTS, plain_name
from transforms.window import Window

_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\n"
_IPV4 = r"^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$"
# Older records carry milliseconds: whatever does not fit in 31 bits is divided by 1000.
_LARGEST_SECOND = 2**31 - 1
_MOST_DIGITS = 18
_END_OF_YEAR_9999 = 253_402_300_799
_OCTETS_AT_ONCE = 64 * 1024
_LARGEST: dict[Kind, int] = {"port": 65_535, "protocol": 255}


def _arrow_type(kind: Kind) -> pa.DataType:
    return pa.string() if kind in ("text", "tag", "address") else pa.int64()


RECORD_TYPE = pa.struct(
    [pa.field(field.name, _arrow_type(field.kind)) for field in FIELDS]
    + [pa.field("extra", pa.map_(pa.string(), pa.string()))]
)


class Refusals(NamedTuple):
    """Lines that are no record: their index in the parsed text, and why, as a sentence."""

    rows: npt.NDArray[np.int64]
    reasons: list[str]


class Parsed(NamedTuple):
    """Flow records (RECORD_TYPE's columns), the index of each one's line, and the other lines."""

    records: pa.Table
    rows: npt.NDArray[np.int64]
    refused: Refusals


def parse_lines(text: bytes, columns: tuple[str, ...]) -> Parsed:
    """Parse one or more lines (each ended by a newline); rows in = records + refused.

    `-` is null. Several spaces separate as one, spaces at the ends of a line mean nothing. A record
    is refused when its number of columns, a number, a time or an address is impossible.
    """
    reasons: dict[int, str] = {}
    text = _tidy(_without_unprintable(text, reasons))
    strings, rows = _split(text, columns, reasons)
    records = {name: strings[name] for name in columns}
    checks = _Checks(rows, reasons)
    for field in FIELDS:
        records[field.name] = (
            _convert(records[field.name], field, checks)
            if field.name in records
            else pa.nulls(len(rows), _arrow_type(field.kind))
        )
    _check_order(records, checks)
    for name in columns:
        if plain_name(name) in TRANSIT_COUNTS:
            _numbers(records[name], Field(plain_name(name), "count", ""), checks)
    unknown = [name for name in columns if name not in FIELD_NAMES]
    extra = _as_map(dict(_further(name, records[name]) for name in unknown), len(rows))
    table = pa.table([*(records[name] for name in FIELD_NAMES), extra], schema=_RECORD_SCHEMA)
    good = ~np.isin(rows, list(reasons))
    refused = np.array(sorted(reasons), dtype=np.int64)
    return Parsed(
        table if good.all() else table.filter(pa.array(good)),
        rows[good],
        Refusals(refused, [reasons[row] for row in refused.tolist()]),
    )


_RECORD_SCHEMA = pa.schema(list(RECORD_TYPE))


def within(records: pa.Table, window: Window) -> npt.NDArray[np.bool_]:
    """Which records' intervals meet the window; a missing start or end is taken to be the other."""
    first = pc.coalesce(records["start"], records["end"])
    last = pc.coalesce(records["end"], records["start"])
    meets = pc.and_(pc.greater_equal(last, window.from_s), pc.less(first, window.to_s))
    return np.asarray(meets.to_numpy(), dtype=bool)


def _without_unprintable(text: bytes, reasons: dict[int, str]) -> bytes:
    """Refuse lines with bytes outside printable ASCII; an empty line is left in their place."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if not text.translate(None, delete=_PRINTABLE):
        return text
    lines = text.split(b"\n")
    for row, line in enumerate(lines):
        if line.translate(None, delete=_PRINTABLE):
            reasons[row] = "the line holds bytes outside printable ASCII"
            lines[row] = b""
    return b"\n".join(lines)


def _tidy(text: bytes) -> bytes:
    if not _has_wide_gap(text):
        return text.removeprefix(b" ")
    if b"  " in text:
        text = re.sub(rb" +", b" ", text)
    if b" \n" in text:
        text = text.replace(b" \n", b"\n")
    if b"\n " in text:
        text = text.replace(b"\n ", b"\n")
    return text.removeprefix(b" ")


def _has_wide_gap(text: bytes) -> bool:
    """Whether two of spaces and ends of lines are neighbours; in pieces that stay in the cache."""
    octets = np.frombuffer(text, np.uint8)
    for first in range(0, len(octets), _OCTETS_AT_ONCE):
        is_gap = octets[first : first + _OCTETS_AT_ONCE + 1] <= ord(" ")
        if (is_gap[1:] & is_gap[:-1]).any():
            return True
    return False


def _split(
    text: bytes, columns: tuple[str, ...], reasons: dict[int, str]
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Strings by column, for lines with the right number of them, and the index of each line."""
    wrong: list[int] = []

    def on_wrong(row: pcsv.InvalidRow) -> str:
        index = row.number - 1
        wrong.append(index)
        reasons.setdefault(
            index, f"the line has {row.actual_columns} columns, its header {row.expected_columns}"
        )
        return "skip"

    table = pcsv.read_csv(
        pa.BufferReader(text),
        read_options=pcsv.ReadOptions(
            column_names=columns, use_threads=False, block_size=len(text) + 1
        ),
        parse_options=pcsv.ParseOptions(
            delimiter=" ",
            quote_char=False,
            double_quote=False,
            escape_char=False,
            newlines_in_values=False,
            ignore_empty_lines=False,
            invalid_row_handler=on_wrong,
        ),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=["-"],
            strings_can_be_null=True,
            check_utf8=False,
        ),
    )
    rows = np.delete(np.arange(text.count(b"\n")), wrong)
    return table.combine_chunks(), rows


class _Checks(NamedTuple):
    rows: npt.NDArray[np.int64]
    reasons: dict[int, str]

    def refuse(self, bad: pa.ChunkedArray, values: pa.ChunkedArray, reason: str) -> None:
        """Note the reason for each row that is bad; the first reason of a line stays."""
        indices = pc.indices_nonzero(pc.fill_null(bad, False)).to_numpy()
        for index, value in zip(indices, pc.take(values, indices).to_pylist(), strict=True):
            self.reasons.setdefault(int(self.rows[index]), reason.format(str(value)[:64]))


def _convert(values: pa.ChunkedArray, field: Field, checks: _Checks) -> pa.ChunkedArray:
    if field.kind == "text":
        return values
    if field.kind == "tag":
        return _tags(values)
    if field.kind == "address":
        return _addresses(values, field.name, checks)
    return _numbers(values, field, checks)


def _numbers(values: pa.ChunkedArray, field: Field, checks: _Checks) -> pa.ChunkedArray:
    is_short = pc.less_equal(pc.binary_length(values), _MOST_DIGITS)
    readable = pc.and_(pc.ascii_is_decimal(values), is_short)
    if not pc.all(readable).as_py():
        reason = field.name + " is {!r}, not a whole number"
        checks.refuse(pc.invert(readable), values, reason)
        values = pc.if_else(readable, values, pa.scalar(None, pa.string()))
    numbers = pc.cast(values, pa.int64())
    if field.kind == "time":
        in_seconds = pc.less_equal(numbers, _LARGEST_SECOND)
        numbers = pc.if_else(in_seconds, numbers, pc.divide(numbers, 1000))
        too_late = pc.greater(numbers, _END_OF_YEAR_9999)
        checks.refuse(too_late, values, field.name + " is {!r}, not a time")
    elif field.kind in _LARGEST:
        too_large = pc.greater(numbers, _LARGEST[field.kind])
        checks.refuse(too_large, values, field.name + " is {!r}, not a " + field.kind)
    return numbers


def _tags(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return _decoded(values, _percent_decoded)


def _decoded(values: pa.ChunkedArray, decode: Callable[[str], str]) -> pa.ChunkedArray:
    """Percent-decoded, by distinct value."""
    is_encoded = pc.match_substring(values, "%")
    if not pc.any(is_encoded).as_py():
        return values
    encoded = pc.unique(pc.filter(values, is_encoded))
    decoded = pa.array([decode(text) for text in encoded.to_pylist()], pa.string())
    found = pc.index_in(values, value_set=encoded)
    return pc.if_else(is_encoded, pc.take(decoded, found), values)


def _percent_decoded(text: str) -> str:
    """What does not decode to UTF-8 stays as it stands."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


def _addresses(values: pa.ChunkedArray, name: str, checks: _Checks) -> pa.ChunkedArray:
    """IPv4 as it stands; IPv6 in its shortest spelling (RFC 5952), by distinct value."""
    different = pc.unique(values)
    is_ipv4 = pc.match_substring_regex(different, _IPV4)
    if pc.all(is_ipv4).as_py():
        return values
    canonical = [
        text if known or text is None else _shortest(text)
        for text, known in zip(different.to_pylist(), is_ipv4.to_pylist(), strict=True)
    ]
    renamed = pc.take(pa.array(canonical, pa.string()), pc.index_in(values, value_set=different))
    impossible = pc.and_(pc.is_valid(values), pc.is_null(renamed))
    checks.refuse(impossible, values, name + " is {!r}, not an address")
    return renamed


def _shortest(text: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(text)) if ":" in text and "%" not in text else None
    except ipaddress.AddressValueError:
        return None


def _further(name: str, values: pa.ChunkedArray) -> tuple[str, pa.ChunkedArray]:
    """A column that is no field, as written; see `formats.encoded_column`."""
    return (name[:-1], _decoded(values, unquote)) if name.endswith("%") else (name, values)


def _check_order(records: dict[str, pa.ChunkedArray], checks: _Checks) -> None:
    start, end = records["start"], records["end"]
    checks.refuse(pc.less(end, start), end, "end is {}, which is before start")
    timeless = pc.and_(pc.is_null(start), pc.is_null(end))
    checks.refuse(timeless, end, "neither start nor end says when it was")


def _as_map(columns: dict[str, pa.ChunkedArray], length: int) -> pa.Array:
    """One map per row from column name to value; null where there are no unknown columns."""
    if not columns:
        return pa.nulls(length, RECORD_TYPE.field("extra").type)
    width = len(columns)
    stacked = pa.chunked_array(
        [chunk for column in columns.values() for chunk in column.chunks], pa.string()
    )
    by_row = np.arange(length * width).reshape(width, length).T.ravel()
    values = pc.take(stacked, pa.array(by_row)).combine_chunks()
    keys = pa.array(np.tile(np.array(list(columns), dtype=object), length), pa.string())
    offsets = pa.array(np.arange(0, length * width + 1, width), pa.int32())
    return pa.MapArray.from_arrays(offsets, keys, values)
