"""Headers, record formats and wrappings: the same records, however they are carried."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transforms.scan.test_lines import HEADER, LINE, OTHER, SUSPECT, each, in_chunks
from transforms.scan.formats import columns_of_format, header_columns
from transforms.scan.lines import ObjectScan
from transforms.scan.tally import Account

COLUMNS = ("interface_id", "srcaddr", "dstaddr", "start", "end")
STAMP = b"2026-11-23T12:00:00.000Z "


def scan(
    text: bytes, record_format: tuple[str, ...] = (), everything: bool = True
) -> tuple[list[tuple[int, bytes]], ObjectScan]:
    scanned = ObjectScan(None if everything else SUSPECT, record_format=record_format)
    taken = [numbered for lines in scanned.lines([text]) for numbered in each(lines)]
    return taken, scanned


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (b"version account-id", ("version", "account_id")),
        (b"  version   account_id  \r", ("version", "account_id")),
        (b"New-Field start", ("New_Field", "start")),
        (b"colour shape", None),
        (b"version 2", None),
        (b"start -", None),
        (b"start,end", None),
        (b"start\tend", None),
        (b"start \xc3\xa9", None),
        (b"", None),
    ],
)
def test_a_header_is_names_alone_with_a_field_among_them(
    line: bytes, columns: tuple[str, ...] | None
) -> None:
    assert header_columns(line) == columns


@pytest.mark.parametrize(
    "text",
    [
        "${interface-id} ${srcaddr} ${dstaddr} ${start} ${end}",
        "interface-id srcaddr dstaddr start end",
        "interface_id  srcaddr dstaddr start end ",
    ],
)
def test_a_record_format_is_written_as_aws_does_or_plainly(text: str) -> None:
    assert columns_of_format(text) == COLUMNS


@pytest.mark.parametrize(
    "text",
    ["", "${}", "a b", "start start", "core-network-id start", "srcaddr dstaddr", "start,end", "é"],
)
def test_what_is_no_record_format_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        columns_of_format(text)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (LINE + b"\n" + OTHER, [(1, LINE), (2, OTHER)]),
        (HEADER + b"\n" + LINE, [(2, LINE)]),
        (b"end start srcaddr\n1 1 10.0.0.7", [(2, b"1 1 10.0.0.7")]),
        (LINE + b"\n" + HEADER + b"\n" + LINE, [(1, LINE), (3, LINE)]),
        (STAMP + LINE + b"\n" + STAMP + OTHER, [(1, LINE), (2, OTHER)]),
    ],
    ids=["no header", "a header", "another header", "a header later", "stamps"],
)
def test_a_record_format_is_for_objects_without_a_header(
    text: bytes, taken: list[tuple[int, bytes]]
) -> None:
    found, scanned = scan(text, COLUMNS)

    assert found == taken
    assert scanned.account.outcome == "read"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"10.0.0.7 1", "its first line is neither a header nor a record of the 5 columns of the "
                        "record format"),
        (b"", "the object holds no line"),
        (b"\n" + LINE, "its first line is neither a header nor a record of the 5 columns of the "
                       "record format"),
        (b'{"message": 1}', "its first line cannot be read: it is no JSON object with a text as "
                            "its message"),
    ],
)  # fmt: skip
def test_a_first_line_that_does_not_fit_the_record_format_is_said(text: bytes, reason: str) -> None:
    _, scanned = scan(text, COLUMNS)

    assert scanned.account.reason == reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"version core-network-id srcaddr start end",
         "it holds core network (Cloud WAN) flow records, not VPC flow records"),
        (b"version resource-type core-network-arn srcaddr start end",
         "it holds core network (Cloud WAN) flow records, not VPC flow records"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("record_format", [(), COLUMNS])
def test_other_kinds_of_flow_logs_are_told_by_their_header(
    header: bytes, reason: str, record_format: tuple[str, ...]
) -> None:
    taken, scanned = scan(header + b"\n" + LINE, record_format)

    assert taken == []
    assert (scanned.account.outcome, scanned.account.reason) == ("other_kind", reason)
    assert scanned.account.lines == 0


@pytest.mark.parametrize("header", [HEADER, HEADER.replace(b" ", b"  ") + b"  \r"])
@pytest.mark.parametrize("again", [HEADER, HEADER.replace(b" ", b"   "), b" " + HEADER + b" \r"])
def test_a_header_is_itself_however_it_is_spaced(header: bytes, again: bytes) -> None:
    taken, scanned = scan(b"\n".join([header, LINE, again, LINE]))

    assert taken == [(2, LINE), (4, LINE)]
    assert scanned.account.header_lines == 2


records = st.lists(st.sampled_from([LINE, OTHER, HEADER, b"", b"  ", b"x", b"\xff"]), max_size=30)


@given(records, st.booleans(), st.booleans(), st.lists(st.integers(0, 10_000), max_size=5))
def test_wrapped_lines_are_the_lines_in_them(
    lines: list[bytes], everything: bool, is_json: bool, cuts: list[int]
) -> None:
    lines = [HEADER, *lines]

    def wrapped(line: bytes) -> bytes:
        if not line.strip():
            return line
        message = line.decode("latin-1") + "\n"
        return json.dumps({"message": message, "id": 1}).encode() if is_json else STAMP + line

    def run(parts: list[bytes]) -> tuple[list[tuple[int, bytes]], Account]:
        scanned = ObjectScan(None if everything else SUSPECT)
        return [x for found in scanned.lines(parts) for x in each(found)], scanned.account

    bare, expected = run([b"\n".join(lines)])
    taken, account = run(in_chunks(b"\n".join(map(wrapped, lines)), cuts))

    def numbers(account: Account) -> list[int]:
        return [getattr(account, name) for name in vars(account) if name.endswith("lines")]

    assert [number for number, _ in taken] == [number for number, _ in bare]
    assert numbers(account) == numbers(expected)
    assert [text for _, text in taken if text.isascii()] == [t for _, t in bare if t.isascii()]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not JSON", "it is no JSON object with a text as its message"),
        (b"[1]", "it is no JSON object with a text as its message"),
        (b'{"text": "x"}', "it is no JSON object with a text as its message"),
        (b'{"message": null}', "it is no JSON object with a text as its message"),
        (b"[" * 9_000, "it is no JSON object with a text as its message"),
        (b'{"message": "a\\nb"}', "its message holds several lines"),
        (b'\xff{"message": "a"}', "it is no JSON object with a text as its message"),
    ],
)
def test_a_line_that_does_not_unwrap_is_refused(line: bytes, reason: str) -> None:
    first, last = (json.dumps({"message": text.decode()}).encode() for text in (HEADER, LINE))

    taken, scanned = scan(b"\n".join([first, line, last]))

    assert taken == [(3, LINE)]
    assert [(refused.number, refused.reason) for refused in scanned.refused] == [(2, reason)]
    assert (scanned.account.lines, scanned.account.refused_lines) == (3, 1)


def test_a_line_without_the_stamp_that_the_others_have_is_refused() -> None:
    taken, scanned = scan(b"\n".join([STAMP + HEADER, LINE, STAMP + LINE]))

    assert taken == [(3, LINE)]
    assert [refused.reason for refused in scanned.refused] == [
        "it does not begin with a time stamp, as the first line does"
    ]


def test_lines_that_are_refused_by_the_million_are_handed_on_before_they_pile_up() -> None:
    first = json.dumps({"message": HEADER.decode()}).encode()
    scanned = ObjectScan(SUSPECT)
    most = total = 0

    for _ in scanned.lines([first + b"\n" + (b"x" * 49 + b"\n") * 100_000]):
        most, total = max(most, len(scanned.refused)), total + len(scanned.refused)
        scanned.refused.clear()

    assert total + len(scanned.refused) == scanned.account.refused_lines == 100_000
    assert most < 40_000
