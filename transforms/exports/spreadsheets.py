"""A case as CSV tables that people open in a spreadsheet: text stays text there."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import datetime

from transforms.exports.case_facts import CaseSource
from transforms.exports.indicators import Indicator, indicators_of
from transforms.exports.plain import iso
from transforms.schemas import CONVERSATIONS, PEERS
from transforms.standing.path import PATH
from transforms.table_shape import columns_of_ddl
from transforms.text import csv_cell

_TABLES = {"path": PATH, "peers": PEERS, "conversations": CONVERSATIONS}
_LINES_A_CHUNK = 1_000


def spreadsheets(case: CaseSource) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The name and the bytes of each table: path, peers, conversations, indicators."""
    stamp = case.facts.stamp
    for name, ddl in _TABLES.items():
        yield name, _csv(columns_of_ddl(ddl), case.rows(name), stamp)
    found = indicators_of(case.rows("peers"), case.facts.acts)
    columns = [field.name for field in fields(Indicator)]
    yield "indicators", _csv(columns, map(asdict, found), stamp)


def _csv(
    columns: Iterable[str], rows: Iterable[Mapping[str, object]], stamp: Mapping[str, str]
) -> Iterator[bytes]:
    """A head and a line a row (RFC 4180); the last columns say what it is an export of."""
    names = [*(name for name in columns if name not in stamp), *stamp]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    for number, row in enumerate(rows, start=1):
        values = {**row, **stamp}
        writer.writerow([csv_cell(_shown(values[name])) for name in names])
        if number % _LINES_A_CHUNK == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return value
