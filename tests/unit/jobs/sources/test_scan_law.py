"""The reader's law, whatever the bytes: no exception, and every line has exactly one fate."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import ScanSettings, scan_batches
from jobs.storage.object_store import place_of
from transforms.scan.needles import needles_of
from transforms.window import Window

WINDOW = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
NOON = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp())
OWN = b"10.0.0.7"

_WORDS = st.sampled_from(
    [OWN, b"10.0.0.71", b"-", b"OK", b"NODATA", b"SKIPDATA", b"srcaddr", b"start", b"x" * 90,
     str(NOON).encode(), str(NOON + 60).encode(), b"9" * 20, b"\xff\xfe", b"{", b"%2D"]
)  # fmt: skip
_FLOW = st.just(b"10.0.0.7 %d %d" % (NOON, NOON + 59))
_LINES = st.one_of(
    _FLOW,
    st.lists(_WORDS, max_size=5).map(b" ".join),
    st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")),
    st.just(b"srcaddr start end"),
    st.just(b'{"message": "10.0.0.7 %d %d"}' % (NOON, NOON)),
    st.just(b"2026-11-23T12:00:00.000Z 10.0.0.7 %d %d" % (NOON, NOON)),
)
_TEXTS = st.builds(
    lambda header, lines, end: header + b"\n".join(lines) + end,
    st.sampled_from([b"srcaddr start end\n", b"srcaddr   start end  \r\n", b"", b"tgw-id start\n"]),
    st.lists(_LINES, max_size=30),
    st.sampled_from([b"", b"\n", b"\n\n", b"\r"]),
)


def _stored(text: bytes, way: int, at: int) -> bytes:
    whole = gzip.compress(text, mtime=0)
    cut = whole[: at % (len(whole) + 1)]
    flipped = bytearray(whole)
    flipped[at % len(whole)] ^= 1 << (at % 8)
    parts = gzip.compress(text[: at % (len(text) + 1)]) + gzip.compress(
        text[at % (len(text) + 1) :]
    )
    return [text, whole, cut, bytes(flipped), whole + b"\0" * (at % 9), parts, b"PAR1" + text][way]


_OBJECTS = st.builds(
    _stored, st.one_of(_TEXTS, st.binary(max_size=300)), st.integers(0, 6), st.integers(0, 4096)
)


def lines_in(data: bytes) -> int:
    """Counted without the scanner."""
    text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    return text.count(b"\n") + (not text.endswith(b"\n"))


def scan(folder: Path, objects: list[bytes], needles: bool, limit: int) -> list[dict[str, Any]]:
    """All rows that the scanner hands to Spark for these objects."""
    wanted = []
    for number, data in enumerate(objects):
        path = folder / f"{number}.log.gz"
        path.write_bytes(data)
        wanted.append(ObjectToRead(place_of(str(path)), None, len(data)))
    asked = ScanSettings(
        needles=needles_of([], [OWN.decode()]) if needles else None,
        window=WINDOW,
        max_line_bytes=limit,
        reads_in_flight=2,
    )
    return pa.Table.from_batches(scan_batches(wanted, asked)).to_pylist() if wanted else []


@pytest.mark.parametrize("needles", [True, False], ids=["one subject", "everything"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects=st.lists(_OBJECTS, min_size=1, max_size=4), limit=st.sampled_from([32, 256, 16384]))
def test_every_line_has_one_fate_and_no_input_is_an_exception(
    tmp_path: Path, needles: bool, objects: list[bytes], limit: int
) -> None:
    assert_one_fate_each(scan(tmp_path, objects, needles, limit), objects)


def assert_one_fate_each(rows: list[dict[str, Any]], objects: list[bytes]) -> None:
    """Lines in = lines out + counted refusals, for what `scan` made of these objects."""
    accounts = {row["object_uri"]: row["account"] for row in rows if row["account"] is not None}
    assert len(accounts) == len(objects)
    for uri, account in accounts.items():
        of_object = [row for row in rows if row["object_uri"] == uri]
        fates = "header_lines blank_lines set_aside_lines parsed_lines refused_lines".split()
        assert account["lines"] == sum(account[fate] for fate in fates), account
        assert (
            account["parsed_lines"] == account["in_window_lines"] + account["out_of_window_lines"]
        )
        assert account["bytes_read"] <= len(objects[int(Path(uri).name.partition(".")[0])])
        if account["outcome"] not in ("read", "transit"):
            assert account["lines"] == 0 or account["outcome"] == "other_kind"
            continue
        assert account["lines"] == lines_in(objects[int(Path(uri).name.partition(".")[0])])
        refused = [row["object_line"] for row in of_object if row["refused"] is not None]
        own = "record" if account["outcome"] == "read" else "transit"
        (other,) = {"record", "transit"} - {own}
        records = [row["object_line"] for row in of_object if row[own] is not None]
        assert all(row[other] is None for row in of_object)
        assert len(refused) == account["refused_lines"]
        assert len(records) == account["in_window_lines"]
        numbers = [*refused, *records]
        assert len(set(numbers)) == len(numbers)
        assert all(1 <= number <= account["lines"] for number in numbers)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_OBJECTS, min_size=2, max_size=5), st.integers(1, 4))
def test_reading_a_and_b_together_is_reading_a_and_then_b(
    tmp_path: Path, objects: list[bytes], cut: int
) -> None:
    def by_content(parts: list[list[bytes]]) -> list[str]:
        found = []
        for part in parts:
            for row in scan(tmp_path, part, True, 16_384):
                at = int(Path(str(row["object_uri"])).name.partition(".")[0])
                found.append(repr((part[at], {**row, "object_uri": None})))
        return sorted(found)

    assert by_content([objects]) == by_content([objects[:cut], objects[cut:]])
