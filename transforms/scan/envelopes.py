"""Lines that carry something around each record: a time stamp in front, or commas between columns.

AWS, "Export log data to Amazon S3": CloudWatch Logs puts a time stamp before each line. Tools for
tables write flow logs with a comma, a semicolon or a tab between columns.
"""

import csv
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from transforms.scan.formats import encoded, encoded_column, header_columns


class Unwrapped(NamedTuple):
    """A block with the records alone, line by line, and the lines (from 0) that hold none."""

    text: bytes
    refused: list[tuple[int, str]]


Unwrap = Callable[[bytes], Unwrapped]


class Envelope(NamedTuple):
    """How the lines of an object are unwrapped; `columns` where its header has said them."""

    unwrap: Unwrap
    columns: tuple[str, ...] | None = None


_STAMP = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ", re.MULTILINE)
_UNSTAMPED = "it does not begin with a time stamp, as the first line does"
_DELIMITERS = (",", ";", "\t")


def envelope_of(first_line: bytes, record_format: Sequence[str] = ()) -> Envelope | None:
    """What is around the records of an object, by its first line; None when they are bare."""
    if _STAMP.match(first_line):
        return Envelope(_without_stamps)
    for delimiter in _DELIMITERS:
        if delimiter.encode() in first_line:
            found = _delimited(first_line, delimiter, len(record_format))
            if found is not None:
                return found
    return None


def _delimited(first_line: bytes, delimiter: str, expected: int) -> Envelope | None:
    try:
        cells = _cells(first_line, delimiter)
    except ValueError:
        return None
    is_header = header_columns(" ".join(cells).encode("utf-8", "replace")) is not None
    if is_header and not any(" " in cell for cell in cells):
        columns = tuple(encoded_column(cell) for cell in cells)
        return Envelope(_Cells(delimiter, columns), columns)
    if len(cells) == expected and len(first_line.split()) < expected:
        return Envelope(_Cells(delimiter, ()))
    return None


def _cells(line: bytes, delimiter: str) -> list[str]:
    """The cells of one line. Raises ValueError when it is none of a table."""
    try:
        text = line.decode().rstrip("\r")
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError):
        raise ValueError("it is no line of a table in UTF-8") from None
    return [cell.strip(" ") for cell in rows[0]] if rows else []


class _Cells:
    """Cells → words with a space between them; an empty cell is no value."""

    def __init__(self, delimiter: str, columns: tuple[str, ...]) -> None:
        self._delimiter = delimiter
        self._is_encoded = [column.endswith("%") for column in columns]

    def __call__(self, block: bytes) -> Unwrapped:
        return _line_by_line(block, self._words)

    def _words(self, line: bytes) -> bytes:
        cells = _cells(line, self._delimiter)
        if header_columns(text := " ".join(cells).encode("utf-8", "replace")) is not None:
            return text
        for at, cell in enumerate(cells):
            if not cell:
                cells[at] = "-"
            elif at < len(self._is_encoded) and self._is_encoded[at]:
                cells[at] = encoded(cell)
            elif not cell.isascii() or not cell.isprintable() or " " in cell:
                raise ValueError("a value holds white space or bytes outside printable ASCII")
        return " ".join(cells).encode()


def _without_stamps(block: bytes) -> Unwrapped:
    text, count = _STAMP.subn(b"", block)
    if count == block.count(b"\n"):
        return Unwrapped(text, [])
    return _line_by_line(block, _behind_stamp)


def _behind_stamp(line: bytes) -> bytes:
    stamp = _STAMP.match(line)
    if stamp is None:
        raise ValueError(_UNSTAMPED)
    return line[stamp.end() :]


def _line_by_line(block: bytes, unwrap: Callable[[bytes], bytes]) -> Unwrapped:
    """Blank lines stay; a refused one leaves a blank line in its place."""
    refused = []
    lines = block.split(b"\n")
    for at, line in enumerate(lines):
        if line.strip():
            try:
                lines[at] = unwrap(line)
            except ValueError as error:
                refused.append((at, str(error)))
                lines[at] = b" "
    return Unwrapped(b"\n".join(lines), refused)
