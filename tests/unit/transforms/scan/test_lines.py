"""The scanner: every line has one fate, however the bytes come, and damage is never evidence."""

import gzip
import itertools
import zlib
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.scan.blocks import Lines, line_ends
from transforms.scan.lines import ObjectScan
from transforms.scan.needles import needles_of

HEADER = b"interface-id srcaddr dstaddr start end"
SUSPECT = needles_of(["i-0123456789abcdef0"], ["10.0.0.7", "2001:db8::15"])
LINE = b"eni-1 10.0.0.7 10.0.0.9 1 2"
OTHER = b"eni-2 10.0.0.77 10.0.0.9 1 2"


def scan(
    chunks: list[bytes], *, everything: bool = False, max_line_bytes: int = 16_384
) -> tuple[list[tuple[int, bytes]], ObjectScan]:
    """Run a scan to its end: the numbered lines that were taken, and the scan."""
    scanned = ObjectScan(None if everything else SUSPECT, max_line_bytes)
    taken = [numbered for lines in scanned.lines(chunks) for numbered in each(lines)]
    return taken, scanned


def each(lines: Lines) -> list[tuple[int, bytes]]:
    texts = lines.text.split(b"\n")
    assert texts.pop() == b""
    return list(zip(lines.numbers.tolist(), texts, strict=True))


def in_chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


pieces = st.sampled_from(
    [LINE, OTHER, b"", b"  ", b"\r", HEADER, b"eni-3 - - 1 2 NODATA", b"SKIPDATA", b"\xff\xfe",
     b"x" * 300, LINE + b"\r", b" " + LINE, b"eni-4 2001:DB8:0:0::0015 - 1 2", b"10.0.0.7"]
)  # fmt: skip
texts = st.lists(pieces, max_size=60).map(lambda lines: b"\n".join([HEADER, *lines]))
cuts = st.lists(st.integers(0, 100_000), max_size=8)


@given(texts, cuts, st.integers(1, 3), st.booleans(), st.booleans())
def test_every_line_has_one_fate_and_chunks_do_not_matter(
    text: bytes, where: list[int], members: int, is_plain: bool, everything: bool
) -> None:
    size = len(text) // members + 1
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    data = text if is_plain else b"".join(gzip.compress(part) for part in parts)

    taken, scanned = scan(in_chunks(data, where), everything=everything, max_line_bytes=256)
    whole_taken, whole = scan([text], everything=everything, max_line_bytes=256)

    account, expected = asdict(scanned.account), asdict(whole.account)
    for of_the_bytes in ("sha256", "bytes_read"):
        del account[of_the_bytes], expected[of_the_bytes]
    assert (taken, account, scanned.refused) == (whole_taken, expected, whole.refused)
    assert account["outcome"] == "read"
    assert account["lines"] == len(text.removesuffix(b"\n").split(b"\n"))
    assert account["lines"] == (
        account["header_lines"] + account["blank_lines"] + account["set_aside_lines"]
        + account["refused_lines"] + len(taken)
    )  # fmt: skip
    assert account["refused_lines"] == len(scanned.refused)


@given(texts, cuts)
def test_a_line_that_concerns_the_subject_is_taken_with_its_number(
    text: bytes, where: list[int]
) -> None:
    taken, _ = scan(in_chunks(text, where), max_line_bytes=256)

    def concerns(line: bytes) -> bool:
        ends = {b"10.0.0.7", b"2001:DB8:0:0::0015"}
        return len(line) <= 256 and bool(ends & set(line.split()))

    lines = text.split(b"\n")
    expected = [(n, line) for n, line in enumerate(lines[1:], start=2) if concerns(line)]
    assert taken == expected


@given(texts, st.integers(0, 10_000), st.integers(1, 255))
def test_one_altered_byte_never_lets_an_altered_line_through(
    text: bytes, place: int, flip: int
) -> None:
    data = bytearray(gzip.compress(text, mtime=0))
    data[place % len(data)] ^= flip
    whole, _ = scan([text], everything=True)

    taken, scanned = scan([bytes(data)], everything=True)

    if scanned.account.outcome == "read":  # the byte was one that no check covers, as the time
        assert taken == whole
    else:
        assert scanned.account.reason
        assert scanned.account.lines == 0


@settings(max_examples=300)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_end_with_an_account(data: bytes, is_gzip: bool) -> None:
    data = b"\x1f\x8b\x08\x00" + data if is_gzip else data

    _, scanned = scan([data], everything=True)

    assert scanned.account.outcome in ("read", "refused", "empty", "other_kind")
    assert (scanned.account.reason is None) == (scanned.account.outcome == "read")
    assert scanned.account.outcome == "read" or not scanned.account.lines


GOOD = gzip.compress(b"\n".join([HEADER, *[LINE] * 5_000, b""]), mtime=0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(GOOD[: len(GOOD) // 2], "its gzip data is cut off before its end", id="half"),
        pytest.param(GOOD[:-4], "its gzip data is cut off before its end", id="4 bytes short"),
        pytest.param(GOOD[:-8], "its gzip data is cut off before its end", id="8 bytes short"),
        pytest.param(GOOD[:-8] + b"\0" * 4 + GOOD[-4:], "its gzip data is damaged: ", id="CRC"),
        pytest.param(GOOD[:-4] + b"\0" * 4, "its gzip data is damaged: ", id="length"),
        pytest.param(GOOD + b"\0" * 8, "bytes follow the end of the gzip data", id="zeros behind"),
        pytest.param(GOOD + b"more", "bytes follow the end of the gzip data", id="text behind"),
        pytest.param(GOOD + GOOD[:50], "its gzip data is cut off before its end", id="cut member"),
        pytest.param(b"2 1 eni-1 10.0.0.7\n", "its first line is not a header of flow log fields",
                     id="no header"),
        pytest.param(b"colour shape\n", "its first line is not a header of flow log fields",
                     id="header of something else"),
        pytest.param(b"\n" + HEADER, "its first line is not a header of flow log fields",
                     id="blank first line"),
        pytest.param(HEADER + b"\n" + LINE + b"\nsrcaddr dstaddr interface-id start end\n" + LINE,
                     "line 3 is the header of another format", id="two formats"),
        pytest.param(b"start end start\n", "its header names a column twice", id="twice"),
        pytest.param(b"h" * 20_000, "its first line cannot be read: longer than 16384 bytes",
                     id="long header"),
    ],
)  # fmt: skip
def test_what_is_not_a_whole_flow_log_object_is_refused(data: bytes, reason: str) -> None:
    _, scanned = scan([data])

    assert scanned.account.outcome == "refused"
    assert str(scanned.account.reason).startswith(reason)
    assert scanned.account.bytes_read == len(data)
    assert (scanned.account.lines, scanned.refused) == (0, [])


@pytest.mark.parametrize("data", [b"", gzip.compress(b"")], ids=["no bytes", "an empty gzip"])
def test_an_object_without_a_line_is_empty(data: bytes) -> None:
    _, scanned = scan([data])

    assert (scanned.account.outcome, scanned.account.reason) == (
        "empty",
        "the object holds no line",
    )


def test_several_members_are_one_text() -> None:
    taken, scanned = scan([GOOD + gzip.compress(LINE + b"\n")])

    assert scanned.account.outcome == "read"
    assert [number for number, _ in taken] == list(range(2, 5_003))


@pytest.fixture(scope="module")
def with_a_line_of_400_mb() -> bytes:
    squeeze = zlib.compressobj(wbits=31)
    data = squeeze.compress(HEADER + b"\n" + LINE + b"\n")
    data += b"".join(squeeze.compress(b"a" * 1_000_000) for _ in range(400))
    return data + squeeze.compress(b"\n" + LINE + b"\n") + squeeze.flush()


def test_a_line_of_400_mb_is_refused_and_its_neighbours_are_read(
    with_a_line_of_400_mb: bytes,
) -> None:
    scanned = ObjectScan(SUSPECT, max_ratio=1_100)

    taken = [
        numbered for lines in scanned.lines([with_a_line_of_400_mb]) for numbered in each(lines)
    ]

    assert taken == [(2, LINE), (4, LINE)]
    ((number, shown, reason),) = scanned.refused
    assert (number, shown, reason) == (3, "a" * 1024, "longer than 16384 bytes")
    assert scanned.account.lines == 4


def test_an_object_that_inflates_beyond_the_ratio_is_refused_and_not_inflated_to_its_end(
    with_a_line_of_400_mb: bytes,
) -> None:
    taken, scanned = scan([with_a_line_of_400_mb])

    assert taken == [(2, LINE)]  # handed on before the damage is met
    assert scanned.account.outcome == "refused"
    assert scanned.account.reason == "it inflates to more than 100 times its size"
    assert (scanned.account.lines, scanned.refused) == (0, [])
    assert scanned.account.bytes_inflated < 70_000_000


def test_small_objects_may_deflate_as_well_as_they_like() -> None:
    text = b"\n".join([HEADER, *[OTHER] * 100_000])

    _, scanned = scan([gzip.compress(text)])

    assert len(text) > 100 * scanned.account.bytes_read
    assert scanned.account.lines == 100_001


@given(
    st.lists(st.one_of(st.just(b"\n"), st.binary(max_size=40), st.just(b"x" * 60))).map(b"".join)
)
def test_every_newline_is_an_end_however_close_they_stand(block: bytes) -> None:
    assert line_ends(block).tolist() == [at for at, byte in enumerate(block) if byte == 0x0A]


def test_a_line_of_exactly_the_limit_is_kept_and_one_more_byte_is_not() -> None:
    fits = LINE.ljust(64, b"x")
    text = b"\n".join([HEADER, fits, fits + b"x", LINE])

    taken, scanned = scan([text], everything=True, max_line_bytes=64)

    assert taken == [(2, fits), (4, LINE)]
    assert [line.number for line in scanned.refused] == [3]


def test_the_header_is_kept_word_for_word_and_its_columns_are_named_with_underscores() -> None:
    _, scanned = scan([b"interface-id  srcaddr  New-Field start \r\n"])

    assert scanned.account.header == "interface-id  srcaddr  New-Field start \r"
    assert scanned.columns == ("interface_id", "srcaddr", "New_Field", "start")
