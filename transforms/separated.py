"""Tables as spreadsheets write them: between commas, semicolons or tabs, under a line of headings.

Excel writes semicolons where the comma is the decimal sign, and reads back a first line `sep=;`.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

SEPARATORS = (",", ";", "\t")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SEP_LINE = re.compile(r'"?sep=([,;\t|])"?[ \t]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


class SeparatedTable(NamedTuple):
    """The headings of a table, and its rows with the number of the line that each ends on."""

    headings: tuple[str, ...]
    rows: Iterator[tuple[int, dict[Any, Any]]]


def is_separator_line(line: str) -> bool:
    """Whether a line only declares what separates the cells below it."""
    return _SEP_LINE.fullmatch(line) is not None


def decoded(data: bytes) -> str:
    """The text of a file; raises ValueError when it is in another encoding than UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"line {line}: found a byte that is not UTF-8; expected UTF-8; save it as `CSV UTF-8`"
        ) from None


def separated_table(text: str) -> SeparatedTable:
    """The table, whatever separates its cells; raises ValueError or csv.Error with the reason.

    A cell too many stands below None, as in csv.DictReader.
    """
    declared = _SEP_LINE.match(text)
    skipped = 1 if declared else 0
    body = text[declared.end() :] if declared else text
    separator = declared[1] if declared else separator_of(body, f"line {1 + skipped}")
    reader = csv.DictReader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    headings = tuple(reader.fieldnames or ())
    return SeparatedTable(headings, ((reader.line_num + skipped, cells) for cells in reader))


def separator_of(text: str, place: str = "line 1") -> str:
    """What separates the headings; raises ValueError where two things do.

    Only the headings count: cells may hold lists with commas or semicolons between their items.
    """
    found = {
        separator: next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        for separator in SEPARATORS
    }
    best = max(SEPARATORS, key=lambda separator: len(found[separator]))
    mixed = [
        other
        for other in SEPARATORS
        if other != best and any(other in cell for cell in found[best])
    ]
    if mixed:
        raise ValueError(
            f"{place}: found {_NAMES[best]} and {_NAMES[mixed[0]]} between the headings; expected "
            "one of them"
        )
    return best
