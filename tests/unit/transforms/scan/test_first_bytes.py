"""What an object is, told by its first bytes: envelopes in JSON, tables, marks, other formats."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.transforms.scan.test_lines import each, in_chunks
from transforms.scan.lines import ObjectScan
from transforms.scan.needles import needles_of
from transforms.scan.parse import parse_lines

FORMAT = ("srcaddr", "dstaddr", "bytes", "start", "end")
HEADER = b"srcaddr dstaddr bytes start end"
ONE = "10.0.0.7 10.0.0.9 100 1795399200 1795399259"
TWO = "10.0.0.9 10.0.0.7 200 1795399200 1795399259"
THREE = "10.0.0.7 10.0.0.8 300 1795399500 1795399559"


def read(
    data: bytes, record_format: tuple[str, ...] = (), cuts: tuple[int, ...] = ()
) -> tuple[list[tuple[int, str, int]], ObjectScan]:
    """(line, srcaddr, bytes) of every record, and the scan."""
    scan = ObjectScan(None, record_format=record_format)
    records = []
    for lines in scan.lines(in_chunks(data, list(cuts))):
        parsed = parse_lines(lines.text, lines.columns)
        records += [
            (number, row["srcaddr"], row["bytes"])
            for number, row in zip(
                lines.numbers[parsed.rows].tolist(), parsed.records.to_pylist(), strict=True
            )
        ]
    return records, scan


def subscription(*messages: str, kind: str = "DATA_MESSAGE") -> str:
    events = [{"id": str(at), "timestamp": 1, "message": text} for at, text in enumerate(messages)]
    return json.dumps(
        {
            "messageType": kind,
            "owner": "111122223333",
            "logStream": "eni-1-all",
            "logEvents": events,
        }
    )


def messages(*texts: str) -> list[str]:
    return [json.dumps({"message": text}) for text in texts]


NAMED = [
    dict(zip(FORMAT, line.split(), strict=True)) | {"zone name": "a b"}
    for line in (ONE, TWO, THREE)
]
ALL = [(1, "10.0.0.7", 100), (2, "10.0.0.9", 200), (3, "10.0.0.7", 300)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n".join(messages(ONE, TWO, THREE)), id="a message per line"),
        pytest.param("".join(messages(ONE, TWO, THREE)), id="messages without newlines"),
        pytest.param("[" + ",".join(messages(ONE, TWO, THREE)) + "]", id="an array"),
        pytest.param(
            json.dumps([json.loads(text) for text in messages(ONE, TWO, THREE)], indent=2),
            id="an array over many lines",
        ),
        pytest.param(subscription(ONE, TWO, THREE), id="a subscription"),
        pytest.param(subscription(ONE, TWO) + subscription(THREE), id="two glued together"),
        pytest.param(subscription(ONE, TWO) + "\n" + subscription(THREE) + "\n", id="two lines"),
        pytest.param(
            json.dumps(json.loads(subscription(ONE, TWO, THREE)), indent=4), id="pretty printed"
        ),
        pytest.param(
            json.dumps({"events": json.loads(subscription(ONE, TWO, THREE))["logEvents"]}),
            id="the command line's answer",
        ),
    ],
)
@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
def test_records_in_json_are_the_messages_in_it(text: str, layers: int, mark: bytes) -> None:
    data = mark + text.encode()
    for _ in range(layers):
        data = gzip.compress(data, mtime=0)

    records, scan = read(data, FORMAT)

    assert (records, scan.account.reason) == (ALL, None)
    assert (scan.account.lines, scan.account.refused_lines) == (3, 0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n".join(map(json.dumps, NAMED)), id="a record per line"),
        pytest.param("".join(map(json.dumps, NAMED)), id="records without newlines"),
        pytest.param(
            "\n".join(json.dumps({"message": "?", "extractedFields": row}) for row in NAMED),
            id="extracted fields",
        ),
        pytest.param(
            json.dumps({"logEvents": [{"message": "?", "extractedFields": row} for row in NAMED]}),
            id="a subscription's extracted fields",
        ),
        pytest.param(
            "\n".join(json.dumps({**row, "dstaddr": None}) for row in NAMED),
            id="a null",
        ),
        pytest.param(
            "\n".join(json.dumps({"srcaddr": row["srcaddr"], "bytes": float(row["bytes"]),
                                  "start": int(row["start"])})
                      for row in NAMED),
            id="numbers, and fields that are missing",
        ),
    ],
)  # fmt: skip
def test_records_that_name_their_fields_need_no_record_format(text: str) -> None:
    records, scan = read(text.encode())

    assert (records, scan.account.reason) == (ALL, None)


def test_a_field_that_nobody_knows_is_kept_as_it_is_written() -> None:
    scan = ObjectScan(None)
    row = NAMED[0] | {"é %": [1, "x"], "team": "web team 100%"}
    (lines,) = scan.lines([json.dumps(row).encode()])

    (record,) = parse_lines(lines.text, lines.columns).records.to_pylist()

    assert dict(record["extra"]) == {"zone name": "a b", "é %": '[1, "x"]', "team": "web team 100%"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (messages(ONE)[0] + '{"message": ', "it is no JSON object with a text as its message"),
        (messages(ONE)[0] + '\n{"srcaddr": "10.0.0.9"}',
         "it is no JSON object with a text as its message"),
        (json.dumps(NAMED[0]) + '\n{"srcaddr": "10.0.0.9", "x": 1}',
         "it has a field 'x', the first record has not"),
        (json.dumps(NAMED[0]) + '\n{"pkt-srcaddr": 1, "pkt_srcaddr": 2, "srcaddr": "10.0.0.9"}',
         "it names a field twice"),
        (json.dumps(NAMED[0]) + '\n{"srcaddr": "10.0.0.9 10.0.0.8"}',
         "a value holds white space or bytes outside printable ASCII"),
    ],
)  # fmt: skip
def test_what_holds_no_record_is_refused_with_its_neighbours_kept(text: str, reason: str) -> None:
    record_format = () if text.startswith('{"src') else FORMAT

    records, scan = read(text.encode(), record_format)

    assert records == ALL[:1]
    assert [(line.number, line.reason) for line in scan.refused] == [(2, reason)]
    assert (scan.account.lines, scan.account.refused_lines) == (2, 1)


@pytest.mark.parametrize(
    ("data", "outcome", "reason"),
    [
        (subscription(ONE)[:-9].encode(), "refused",
         "its JSON data is damaged or cut off before its end"),
        (b'{"Records": [{"eventSource": "s3.amazonaws.com"}]}', "other_kind",
         "it holds records of CloudTrail, not flow records"),
        (b'{"core_network_arn": "arn", "srcaddr": "10.0.0.7"}', "other_kind",
         "it holds core network (Cloud WAN) flow records, not VPC flow records"),
        (b"Permission Check Successful", "other_kind",
         "it is the test that CloudWatch Logs writes before an export"),
        (b'{"version": "0", "detail": {}}', "refused", "its first line cannot be read: it is no "
         "JSON object with a text as its message"),
        (("\ufeff" + HEADER.decode()).encode("utf-16-le"), "refused",
         "its text is UTF-16; expected UTF-8"),
        (HEADER.decode().encode("utf-16"), "refused", "its text is UTF-16; expected UTF-8"),
        (b"\x28\xb5\x2f\xfd\0\0", "refused",
         "it is Zstandard data; expected text, gzip or Parquet"),
        (gzip.compress(b"Obj\x01\0", mtime=0), "refused",
         "it is Avro data; expected text, gzip or Parquet"),
        (ONE.encode(), "refused", "its first line is not a header of flow log fields; it may be a "
         "record: name its columns by --record_format"),
    ],
)  # fmt: skip
def test_what_is_something_else_is_named(data: bytes, outcome: str, reason: str) -> None:
    records, scan = read(data)

    assert records == []
    assert (scan.account.outcome, scan.account.reason) == (outcome, reason)


def test_zip_and_too_many_layers_are_named() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.log", HEADER)
    deep = HEADER
    for _ in range(4):
        deep = gzip.compress(deep, mtime=0)

    assert read(file.getvalue())[1].account.reason == (
        "it is ZIP data; expected text, gzip or Parquet"
    )
    assert read(deep)[1].account.reason == "it is gzip in more than 3 layers"


def test_layers_of_gzip_share_one_limit() -> None:
    """A megabyte of a kilobyte, and of that a gigabyte: the whole counts, not each layer."""
    bomb = HEADER + b"\n"
    inner = gzip.compress(bomb + b" " * 80_000_000, mtime=0)
    data = gzip.compress(inner, mtime=0)

    scan = ObjectScan(None)
    assert list(scan.lines([data])) == []
    assert scan.account.reason == "it inflates to more than 100 times its size"


def test_a_control_message_holds_no_record() -> None:
    control = subscription("CWL CONTROL MESSAGE: Checking health of destination Firehose.",
                           kind="CONTROL_MESSAGE")  # fmt: skip
    records, scan = read((subscription(ONE) + "\n" + control + "\n" + subscription(TWO)).encode(),
                         FORMAT)  # fmt: skip

    assert records == [(1, "10.0.0.7", 100), (3, "10.0.0.9", 200)]
    assert scan.account.blank_lines == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_table_with_a_header_is_read(delimiter: str, quote: str) -> None:
    def line(words: list[str]) -> str:
        return delimiter.join(quote + word + quote for word in words)

    rows = [[*ONE.split(), "a b"], [*TWO.split(), ""], [*THREE.split(), "50%"]]
    text = "\n".join(map(line, [[*HEADER.decode().split(), "team"], *rows]))
    scan = ObjectScan(None)

    taken = [pair for lines in scan.lines([text.encode()]) for pair in each(lines)]
    parsed = parse_lines(b"".join(text + b"\n" for _, text in taken), scan.columns)

    assert [number for number, _ in taken] == [2, 3, 4]
    found = [(row["bytes"], dict(row["extra"])) for row in parsed.records.to_pylist()]
    assert found == [(100, {"team": "a b"}), (200, {"team": None}), (300, {"team": "50%"})]
    assert scan.account.header_lines == 1


def test_a_table_without_a_header_needs_a_record_format_and_empty_cells_are_null() -> None:
    text = "\n".join(line.replace(" ", ",") for line in (ONE, TWO.replace("200", ""), THREE))

    records, _ = read(text.encode(), FORMAT)

    assert records == [ALL[0], (2, "10.0.0.9", None), ALL[2]]
    assert read(text.encode())[1].account.outcome == "refused"


def test_a_byte_order_mark_does_not_hide_a_header_from_a_record_format() -> None:
    """The header names destination before source; the record format has them the other way."""
    text = b"\xef\xbb\xbfdstaddr srcaddr bytes start end\r\n" + TWO.encode()

    records, scan = read(text, FORMAT)

    assert records == [(2, "10.0.0.7", 200)]
    assert scan.account.header == "dstaddr srcaddr bytes start end\r"


@pytest.mark.parametrize(
    "first",
    ["srcaddr. dstaddr. bytes. start. end.", "10.0.0.7 10.0.0.9 many 1795399200 1795399259"],
)
def test_a_first_line_that_is_no_header_and_does_not_parse_refuses_the_object(first: str) -> None:
    records, scan = read(f"{first}\n{ONE}\n".encode(), FORMAT)

    assert records == []
    assert scan.account.outcome == "refused"
    assert str(scan.account.reason).startswith(
        "its first line is neither a header nor a record of the 5 columns of the record format: "
    )


def test_parquet_in_gzip_is_parquet() -> None:
    file = io.BytesIO()
    columns = zip(
        FORMAT, zip(*(line.split() for line in (ONE, TWO, THREE)), strict=True), strict=True
    )
    pq.write_table(pa.table({name: list(values) for name, values in columns}), file)

    assert read(gzip.compress(file.getvalue()))[0] == ALL


documents = st.lists(
    st.sampled_from([*messages(ONE, TWO), subscription(ONE, THREE), subscription(), "{", "x", "",
                     json.dumps([{"message": TWO}] * 2), '{"message": 5}', "[]", '"\xff'])
)  # fmt: skip


@given(documents, st.sampled_from(["", "\n", " "]), st.lists(st.integers(0, 10_000), max_size=6))
def test_chunks_do_not_matter_and_every_line_has_one_fate(
    parts: list[str], between: str, cuts: list[int]
) -> None:
    data = between.join([messages(ONE)[0], *parts]).encode("latin-1")

    whole, one = read(data, FORMAT)
    found, scan = read(data, FORMAT, tuple(cuts))

    assert found == whole
    assert [line[0:3:2] for line in scan.refused] == [line[0:3:2] for line in one.refused]
    account = scan.account
    assert account.lines == (
        len(found) + account.blank_lines + account.refused_lines + account.header_lines
    )


def test_a_subject_is_found_in_a_document_as_among_all() -> None:
    data = (subscription(ONE, TWO) + subscription("10.0.0.1 10.0.0.2 1 5 6", THREE)).encode()
    scan = ObjectScan(needles_of([], ["10.0.0.7"]), record_format=FORMAT)

    taken = [pair for lines in scan.lines([data]) for pair in each(lines)]

    assert taken == [(1, ONE.encode()), (2, TWO.encode()), (4, THREE.encode())]
    assert scan.account.set_aside_lines == 1


# AWS, "Flow log record examples", "Traffic through a NAT gateway".
NAT = """\
instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr
- eni-1235b8ca123456789 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5\r
- eni-1235b8ca123456789 10.0.0.220 203.0.113.5 10.0.0.220 203.0.113.5
"""


def test_a_format_without_times_is_placed_in_the_slot_of_the_object_and_says_so() -> None:
    scan = ObjectScan(None, slot=1795399200)

    (lines,) = scan.lines([NAT.encode()])
    rows = parse_lines(lines.text, lines.columns).records.to_pylist()

    assert [(row["start"], row["end"], dict(row["extra"])) for row in rows] == [
        (1795399200, 1795399499, {"time_basis": "object-slot"})
    ] * 2
    assert rows[0]["pkt_dstaddr"] == "203.0.113.5"
    assert scan.account.outcome == "read"
    assert scan.account.reason == (
        "its format has neither start nor end: records are placed in the slot of its name"
    )


def test_a_format_without_times_in_an_object_without_a_stamp_is_refused_with_that_reason() -> None:
    _, scan = read(NAT.encode())

    assert (scan.account.outcome, scan.account.reason) == (
        "refused",
        "its format has neither start nor end, and its name has no time stamp",
    )
