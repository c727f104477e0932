"""Tables between commas, semicolons or tabs, as spreadsheets in any country write them."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.separated import decoded, separated_table


def read(text: str) -> tuple[tuple[str, ...], list[tuple[int, dict[Any, Any]]]]:
    table = separated_table(text)
    return table.headings, list(table.rows)


@pytest.mark.parametrize(
    ("text", "headings", "rows"),
    [
        ("id,name\ni-1,web\n", ("id", "name"), [(2, ("i-1", "web"))]),
        ("id;name\ni-1;web, blue\n", ("id", "name"), [(2, ("i-1", "web, blue"))]),
        ("id\tname\r\ni-1\tweb;1\r\n", ("id", "name"), [(2, ("i-1", "web;1"))]),
        ("sep=;\r\nid;name\r\ni-1;web\r\n", ("id", "name"), [(3, ("i-1", "web"))]),
        ('"sep=,"\nid,name\ni-1,web\n', ("id", "name"), [(3, ("i-1", "web"))]),
        ("sep=|\nid|name\ni-1|a,b\n", ("id", "name"), [(3, ("i-1", "a,b"))]),
        ('"id";"my ""name"""\n"i-1";"a\nb"\n', ("id", 'my "name"'), [(3, ("i-1", "a\nb"))]),
        ("id\ni-1\n", ("id",), [(2, ("i-1",))]),
        ("id,addresses\ni-1,10.0.0.7;10.0.0.8;10.0.0.9\n", ("id", "addresses"),
         [(2, ("i-1", "10.0.0.7;10.0.0.8;10.0.0.9"))]),  # the headings decide
        ("", (), []),
    ],
)  # fmt: skip
def test_the_headings_tell_what_separates_the_cells(
    text: str, headings: tuple[str, ...], rows: list[tuple[int, tuple[str, ...]]]
) -> None:
    found, cells = read(text)

    assert found == headings
    assert [(number, tuple(row.values())) for number, row in cells] == rows


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id;name,addresses\n", "line 1: found commas and semicolons between the headings"),
        ("id;name;note,addresses\n", "line 1: found semicolons and commas between the headings"),
        ("id\tname,addresses\tvpc\n", "line 1: found tabs and commas between the headings"),
    ],
)
def test_two_separators_at_once_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}; expected one of them$"):
        separated_table(text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfid;name\n", "id;name\n"),
        ("id;näme\n".encode(), "id;näme\n"),
        ("id;name\nx;Bär\n".encode("cp1252"), None),
        ("id;name\n".encode("utf-16"), None),
    ],
)
def test_only_utf_8_is_read_and_anything_else_is_named(data: bytes, text: str | None) -> None:
    if text is not None:
        assert decoded(data) == text
        return
    with pytest.raises(ValueError, match=r"^line [12]: found a byte that is not UTF-8; expected"):
        decoded(data)


_cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=6)


@given(
    separator=st.sampled_from([",", ";", "\t"]),
    rows=st.lists(st.tuples(_cells, _cells, _cells), max_size=6),
    is_declared=st.booleans(),
)
def test_what_a_spreadsheet_writes_is_read_back(
    separator: str, rows: list[tuple[str, str, str]], is_declared: bool
) -> None:
    file = io.StringIO(newline="")
    file.write(f"sep={separator}\n" if is_declared else "")
    writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "name", "note"), *rows])

    _, found = read(file.getvalue())

    assert [tuple(row.values()) for _, row in found] == rows
