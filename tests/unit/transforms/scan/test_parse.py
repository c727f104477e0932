"""Lines → typed records: nothing bent, nothing lost, every refusal a sentence."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import BASE, COLUMNS, flow_line
from transforms.flow_fields import FIELDS
from transforms.scan.parse import Parsed, parse_lines, within
from transforms.window import Window

NAMES = tuple(name.replace("-", "_") for name in COLUMNS)


def parse(*lines: bytes, columns: tuple[str, ...] = NAMES) -> Parsed:
    return parse_lines(b"".join(lines), columns)


def refusals(parsed: Parsed) -> list[tuple[int, str]]:
    return list(zip(parsed.refused.rows.tolist(), parsed.refused.reasons, strict=True))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (flow_line(bytes="many"), "bytes is 'many', not a whole number"),
        (flow_line(bytes="-5"), "bytes is '-5', not a whole number"),
        (flow_line(bytes="0x1F"), "bytes is '0x1F', not a whole number"),
        (flow_line(bytes="1" * 19), f"bytes is '{'1' * 19}', not a whole number"),
        (flow_line(srcport="65536"), "srcport is '65536', not a port"),
        (flow_line(protocol="256"), "protocol is '256', not a protocol"),
        (flow_line(srcaddr="10.0.0.256"), "srcaddr is '10.0.0.256', not an address"),
        (flow_line(srcaddr="10.0.0.07"), "srcaddr is '10.0.0.07', not an address"),
        (flow_line(dstaddr="fe80::1%eth0"), "dstaddr is 'fe80::1%eth0', not an address"),
        (flow_line(pkt_dstaddr="2001:db8::g"), "pkt_dstaddr is '2001:db8::g', not an address"),
        (flow_line(end="9999999999999999"), "end is '9999999999999999', not a time"),
        (flow_line(start="1763892060"), "end is 1763892059, which is before start"),
        (flow_line(start="-", end="-"), "neither start nor end says when it was"),
        (b"5 111122223333\n", "the line has 2 columns, its header 21"),
        (flow_line()[:-1] + b" more\n", "the line has 22 columns, its header 21"),
        (flow_line(action="ACC\xc3\x89PT"), "the line holds bytes outside printable ASCII"),
        (flow_line(action="ACC\rEPT"), "the line holds bytes outside printable ASCII"),
        (flow_line(action="ACC\tEPT"), "the line holds bytes outside printable ASCII"),
    ],
)
def test_a_line_that_is_no_record_is_refused_with_the_reason(line: bytes, reason: str) -> None:
    parsed = parse(flow_line(), line, flow_line())

    assert refusals(parsed) == [(1, reason)]
    assert parsed.rows.tolist() == [0, 2]
    assert parsed.records["bytes"].to_pylist() == [840, 840]


@pytest.mark.parametrize(
    ("column", "written", "read"),
    [
        ("bytes", "-", None),
        ("srcaddr", "-", None),
        ("account_id", "001122334455", "001122334455"),
        ("bytes", "999999999999999999", 999999999999999999),
        ("start", "1763892000123", 1763892000),
        ("srcaddr", "2001:DB8:0:0:0:0:0:0001", "2001:db8::1"),
        ("srcaddr", "255.255.255.255", "255.255.255.255"),
        ("action", '"ACCEPT', '"ACCEPT'),
        ("action", "=1+1", "=1+1"),
        ("instance_tag", "web%2D1%20%C3%A9", "web-1 é"),
        ("instance_tag", "%2D", "-"),
        ("asg_tag_2", "%C3%28", "%C3%28"),
        ("interface_tag", "100%", "100%"),
        ("interface_tag_2", "-", None),
        ("action", "web%2D1", "web%2D1"),
    ],
)
def test_a_value_is_read_as_its_field_says(column: str, written: str, read: object) -> None:
    columns = NAMES if column in NAMES else (*NAMES, column)
    line = flow_line(**{column: written} if column in NAMES else {})
    line = line if column in NAMES else line[:-1] + f" {written}\n".encode()

    parsed = parse(line, columns=columns)

    assert parsed.records[column].to_pylist() == [read]


@pytest.mark.parametrize(
    "line",
    [
        flow_line().replace(b" ", b"   "),
        b"  " + flow_line(),
        flow_line()[:-1] + b"  \n",
        flow_line()[:-1] + b"\r\n",
    ],
    ids=["doubled spaces", "spaces in front", "spaces behind", "carriage return at the end"],
)
def test_white_space_is_not_a_column(line: bytes) -> None:
    parsed = parse(flow_line(), line)

    first, second = parsed.records.to_pylist()
    assert first == second
    assert refusals(parsed) == []


def test_unknown_columns_are_kept_by_name() -> None:
    parsed = parse(
        b"1 red 10.0.0.7 -\n2 blue 10.0.0.8 round\n",
        columns=("start", "colour", "srcaddr", "shape"),
    )

    assert parsed.records["srcaddr"].to_pylist() == ["10.0.0.7", "10.0.0.8"]
    assert parsed.records["extra"].to_pylist() == [
        [("colour", "red"), ("shape", None)],
        [("colour", "blue"), ("shape", "round")],
    ]


class Percent(str):
    """A tag's value, written as AWS does."""

    def __str__(self) -> str:
        return quote(self, safe="").replace("-", "%2D")


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "address": st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    "port": st.integers(0, 65_535),
    "protocol": st.integers(0, 255),
    "count": st.integers(0, 10**18 - 1),
    "time": st.integers(1, 2**31 - 1),
    "text": st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).filter(
        lambda text: text != "-"
    ),
    "tag": st.text("aZ9-%+ é\x00𝄞/~", min_size=1, max_size=9).map(Percent),
}


@st.composite
def written_records(draw: st.DrawFn) -> tuple[tuple[str, ...], list[dict[str, object]]]:
    """A format, and records in it; start and end together, so that none is refused."""
    fields = draw(st.permutations(FIELDS))
    chosen = [*fields[: draw(st.integers(0, 20))], *(f for f in FIELDS if f.kind == "time")]
    columns = tuple(draw(st.permutations(sorted({field.name for field in chosen}))))
    kinds = {field.name: field.kind for field in FIELDS}
    records: list[dict[str, object]] = []
    for _ in range(draw(st.integers(1, 8))):
        record: dict[str, object] = {
            name: draw(st.none() | _VALUES[kinds[name]]) for name in columns
        }
        record["start"], record["end"] = sorted(
            draw(st.lists(_VALUES["time"], min_size=2, max_size=2))
        )
        records.append(record)
    return columns, records


@given(written_records())
def test_rendering_then_parsing_gives_the_record_back(
    given_: tuple[tuple[str, ...], list[dict[str, object]]],
) -> None:
    columns, records = given_
    lines = [
        " ".join("-" if record[name] is None else str(record[name]) for name in columns)
        for record in records
    ]

    parsed = parse_lines("".join(line + "\n" for line in lines).encode(), columns)

    def as_read(value: object) -> object:
        if isinstance(value, Percent):
            return unquote(str(value))
        is_address = isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address)
        return str(value) if is_address else value

    assert refusals(parsed) == []
    assert parsed.records.select(columns).to_pylist() == [
        {name: as_read(record[name]) for name in columns} for record in records
    ]


@given(
    st.lists(st.binary(max_size=60).filter(lambda line: b"\n" not in line), min_size=1, max_size=20)
)
def test_every_line_is_a_record_or_a_refusal(lines: list[bytes]) -> None:
    parsed = parse_lines(b"".join(line + b"\n" for line in lines), ("srcaddr", "start", "x"))

    assert sorted([*parsed.rows.tolist(), *parsed.refused.rows.tolist()]) == list(range(len(lines)))
    assert all(parsed.refused.reasons)


@pytest.mark.parametrize(
    ("start", "end", "is_in"),
    [
        (100, 159, True),
        (99, 100, True),
        (90, 99, False),
        (199, 300, True),
        (200, 300, False),
        (1, 1000, True),
        (None, 100, True),
        (None, 99, False),
        (199, None, True),
        (200, None, False),
    ],
)
def test_a_record_belongs_when_its_interval_meets_the_window(
    start: int | None, end: int | None, is_in: bool
) -> None:
    window = Window(
        datetime.fromtimestamp(100, UTC), datetime.fromtimestamp(200, UTC), timedelta(0)
    )
    written = {
        name: "-" if value is None else str(value)
        for name, value in (("start", start), ("end", end))
    }

    assert within(parse(flow_line(**written)).records, window).tolist() == [is_in]


def test_the_base_record_is_typed() -> None:
    (record,) = parse(flow_line()).records.to_pylist()

    assert BASE["start"] == "1763892000"
    assert (record["start"], record["srcport"], record["account_id"]) == (
        1763892000,
        49152,
        "111122223333",
    )
    assert record["extra"] is None
