"""Write the reference pages that are made from the code: `make reference`.

A test compares the files with what this module makes, so a page cannot fall behind.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from transforms import schemas

ROOT = Path(__file__).resolve().parent.parent
_COLUMN = re.compile(r"^`?(\w+)`?\s+(.+?)(?:\s+COMMENT\s+'((?:[^'\\]|\\.)*)')?,?$")


class Table(NamedTuple):
    """A stored table: its name, what a row is, and its shape as DDL."""

    name: str
    row: str
    ddl: str


TABLES = (
    Table("flows", "one flow record of the subject in the window", schemas.FLOWS),
    Table("objects", "one listed object, whatever became of it", schemas.OBJECTS),
    Table("quarantine", "one refused object, line or document", schemas.QUARANTINE),
    Table(
        "coverage",
        "one interface and five-minute slot in one flow log, or (without an interface) a slot of "
        "a flow log that has no readable object",
        schemas.COVERAGE,
    ),
    Table(
        "conversations",
        "both directions of one 5-tuple, at every interface that saw it, joined while the gaps "
        "are short",
        schemas.CONVERSATIONS,
    ),
    Table(
        "peers",
        "the conversations with one peer, at one service port and protocol, begun by one side",
        schemas.PEERS,
    ),
    Table("answers", "one question of the investigation, answered", schemas.ANSWERS),
)

_JOINS = """```mermaid
erDiagram
    objects ||--o{ flows : "uri = object_uri"
    objects ||--o{ quarantine : "uri = object_uri"
    flows |o--o| quarantine : "record_id, a document that OpenSearch refused"
    peers ||--|{ conversations : "hop, peer, service_port, protocol, initiator"
    answers }o--|| peers : "source holds the SQL"
```"""


def columns_of(ddl: str) -> Iterator[tuple[str, str, str]]:
    """Name, type and comment of each column of a DDL text that has one column per line."""
    for line in ddl.strip().splitlines():
        if match := _COLUMN.match(line.strip()):
            name, kind, comment = match.groups()
            yield name, kind, (comment or "").replace("\\'", "'")


def tables_page() -> str:
    """The data dictionary, from `transforms/schemas.py`."""
    parts = [
        "# The tables of a case",
        "Made from `transforms/schemas.py` by `make reference`; do not edit it by hand.",
        "Every table is a Delta table in `<output>/<case_id>/`. Times are UTC, counters are "
        "64-bit, and a missing value is null, never `-` or 0. Columns that AWS defines keep AWS's "
        'names, with `_` for `-`; AWS explains them under "Flow log records".',
        "## How they join",
        _JOINS,
    ]
    for table in TABLES:
        parts.append(f"## `{table.name}`\n\nA row is {table.row}.")
        rows = [
            f"| `{name}` | {kind} | {comment.replace('|', chr(92) + '|')} |"
            for name, kind, comment in columns_of(table.ddl)
        ]
        parts.append("\n".join(["| column | type | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


PAGES = {"docs/reference/tables.md": tables_page}


def main() -> None:
    """Write every generated page."""
    for path, make in PAGES.items():
        (ROOT / path).write_text(make())


if __name__ == "__main__":
    main()
