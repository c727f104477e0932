"""Write the reference pages that are made from the code: `make reference`.

A test compares the files with what this module makes, so a page cannot fall behind.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jobs.cli.flags import Command, Flag
from jobs.cli.ingest_arguments import INGEST
from jobs.cli.label_arguments import COLLECT
from jobs.cli.trace_flags import TRACE
from jobs.explain_case import EXPLAIN
from jobs.export_case import EXPORT
from jobs.note_case import NOTE
from jobs.submit.flags import PLATFORMS, submit_command
from jobs.verify_case import VERIFY
from transforms import schemas
from transforms.flow_table.shapes import PUBLISHED
from transforms.flow_table.shapes import SHAPES as FLOW_TABLE_SHAPES
from transforms.flow_table.watched import WATCH_SHAPES
from transforms.standing.path import PATH

ROOT = Path(__file__).resolve().parent.parent
_COLUMN = re.compile(r"^`?(\w+)`?\s+(.+?)(?:\s+COMMENT\s+'((?:[^'\\]|\\.)*)')?,?$")


class Table(NamedTuple):
    """A stored table: its name, what a row is, and its shape as DDL."""

    name: str
    row: str
    ddl: str


TABLES = (
    Table("flows", "one flow record of the subject in the window", schemas.FLOWS),
    Table(
        "transit",
        "one record of a transit gateway in the window, with the subject at one of its ends; the "
        "table is there once a run has found such records",
        schemas.TRANSIT,
    ),
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
    Table(
        "path",
        "one step from machine to machine that is not ordinary, none before the contact that it "
        "follows from",
        PATH,
    ),
    Table("answers", "one question of the investigation, answered", schemas.ANSWERS),
)
_DDL = {table.name: table.ddl for table in TABLES}
_ROWS_OF_FLOW_TABLE = {
    "flows": "one flow record; see [flow-table.md](flow-table.md) for its `record_id`",
    "transit": "one record of a transit gateway",
    "refused": "one refused line of an object that was read",
    "objects": "one object that a run read, or could not read",
    "files": "one data file of `flows` that `addresses` knows whole",
    "addresses": "one address, interface or instance in one data file of `flows`",
    "runs": "one complete run",
    "published": "one complete run that is in an OpenSearch, by `--opensearch_url`",
    "watch_runs": "one instance of a watch-list, judged over a time or listed for the first time",
    "watched": "one peer and service that was told of an instance, which is told once",
}
_SHAPES = {**FLOW_TABLE_SHAPES, "published": PUBLISHED, **WATCH_SHAPES}
FLOW_TABLE = tuple(Table(name, row, _SHAPES[name]) for name, row in _ROWS_OF_FLOW_TABLE.items())


class Join(NamedTuple):
    """How two tables join: a row of `one` has any number of rows of `many`, by equal columns.

    `columns` are pairs: the column of `one`, then that of `many`. Nulls are equal here.
    """

    one: str
    many: str
    columns: tuple[tuple[str, str], ...]
    note: str = ""
    is_optional: bool = False  # a row of `many` may have none of `one`
    is_single: bool = False  # a row of `one` has one of `many` at most


_OBJECT = (("uri", "object_uri"),)
_PEER = tuple((name, name) for name in ("hop", "peer", "service_port", "protocol", "initiator"))
JOINS = (
    Join("objects", "flows", _OBJECT),
    Join("objects", "transit", _OBJECT),
    Join("objects", "quarantine", _OBJECT),
    Join(
        "flows",
        "quarantine",
        (("record_id", "record_id"),),
        "a document that OpenSearch refused",
        is_optional=True,
        is_single=True,
    ),
    Join(
        "peers",
        "conversations",
        _PEER,
        "and subject_address from hop 2 on",
    ),
    Join(
        "conversations",
        "path",
        (("conversation_id", "conversation_id"),),
        "the first conversation of the step",
        is_single=True,
    ),
)


def joins_drawn(joins: Sequence[Join]) -> str:
    """The joins as a Mermaid diagram: keys inside the boxes, the columns on the lines."""
    names = [table.name for table in TABLES if any(table.name in join[:2] for join in joins)]
    lines = ["```mermaid", "erDiagram"]
    for name in names:
        keys = dict.fromkeys(
            pair[side]
            for join in joins
            for side in (0, 1)
            if join[side] == name
            for pair in join.columns
        )
        kinds = {column: kind for column, kind, _ in columns_of(_DDL[name])}
        lines += [f"    {name} {{", *(f"        {kinds[key]} {key}" for key in keys), "    }"]
    for join in joins:
        left, right = "|o" if join.is_optional else "||", "o|" if join.is_single else "o{"
        on = ", ".join(one if one == many else f"{one} = {many}" for one, many in join.columns)
        note = f"; {join.note}" if join.note else ""
        lines.append(f'    {join.one} {left}--{right} {join.many} : "{on}{note}"')
    return "\n".join([*lines, "```"])


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
        "`baseline/…`, `path_1/…` to `path_6/…` hold `flows`, `objects` and `quarantine` of the "
        "further readings: the same columns.",
        "## How they join",
        joins_drawn(JOINS),
        "Two columns that join are equal, and so are two nulls: `<=>` in Spark, `IS NOT DISTINCT "
        "FROM` elsewhere. Every table has `run_id`. `answers.source` is the SQL that gives the "
        "figures of an answer again from `conversations`, `peers` or `path`, in Spark and in "
        "[DuckDB](query-without-spark.md); `coverage` joins "
        "`flows` by `interface_id` and the five-minute slot that holds `end_at`.",
        "A flow is part of the conversation of hop 1 that has its protocol, its two ends and their "
        "ports (0 where there are none), in either direction, and `first_at <= start_at` and "
        "`end_at <= last_at`. Where two fit, a rejected record belongs to the one that was "
        "blocked.",
    ]
    for table in TABLES:
        parts += _described(table, "##")
    parts.append("## The tables of a flow table")
    parts.append(
        "Made by `ingest_flows` in `<flow_table>/`, from `transforms/flow_table/shapes.py`."
    )
    for table in FLOW_TABLE:
        parts += _described(table, "###")
    return "\n\n".join(parts) + "\n"


def _described(table: Table, heading: str) -> Iterator[str]:
    yield f"{heading} `{table.name}`\n\nA row is {table.row}."
    rows = [
        f"| `{name}` | {kind} | {comment.replace('|', chr(92) + '|')} |"
        for name, kind, comment in columns_of(table.ddl)
    ]
    yield "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


COMMANDS = {
    "trace_instance": TRACE,
    "ingest_flows": INGEST,
    "verify_case": VERIFY,
    "explain_case": EXPLAIN,
    "export_case": EXPORT,
    "note_case": NOTE,
    "collect_labels": COLLECT,
    **{f"submit {platform}": submit_command(platform) for platform in PLATFORMS},
}
_KINDS = """| kind | is |
|---|---|
| `URI` | a folder or a file, or `s3://bucket/key`; credentials never stand in it |
| `TIME` | ISO 8601 with a zone (`2026-11-23T00:00:00Z`), or `now`, `now-90m`, `now-25h`, `now-7d` |
| `IP` | an IPv4 or IPv6 address |
| `ID` | an id as AWS writes it |
| `FORMAT` | timesketch, csv, stix, ocsf or navigator |
| `RUN` | the id of a run, as it is printed |
| `TEXT` | any text; `--text="…"` also takes one that begins with `@` or `--` |
| `…` | several, with commas between them |"""


def flags_page() -> str:
    """Every flag of every command, from the tables that the parsers read."""
    parts = [
        "# The flags of every command",
        "Made from the tables of flags in `jobs/` by `make reference`; do not edit it by hand. "
        "`--help` prints the same.",
        "Every flag is `--name value`, also `--name=value`, and is never abbreviated. `@FILE` "
        "reads flags from a file, one to a line; `#` starts a comment.",
        _KINDS,
    ]
    for name, command in COMMANDS.items():
        parts.append(f"## `{name}`\n\n```\n{command.start} FLAGS\n```\n\n{command.purpose}")
        parts += _groups_of(command)
    return "\n\n".join(parts) + "\n"


def _groups_of(command: Command) -> Iterator[str]:
    for group in command.groups:
        rows = "\n".join(map(_flag_row, group.flags))
        head = "| flag | kind | default | what it does |\n|---|---|---|---|"
        yield f"### {group.title}\n\n{head}\n{rows}\n\nExample: `{group.example}`"
    rows = "\n".join(f"| {code} | {meaning} |" for code, meaning in command.exit_codes.items())
    yield f"### Exit codes\n\n| code | means |\n|---|---|\n{rows}"


def _flag_row(flag: Flag) -> str:
    default = "required" if flag.is_required else f"`{flag.default}`" if flag.default else ""
    cells = f"`--{flag.name}`", f"`{flag.kind}`", default, flag.help
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


PAGES = {"docs/reference/tables.md": tables_page, "docs/reference/flags.md": flags_page}


def main() -> None:
    """Write every generated page."""
    for path, make in PAGES.items():
        (ROOT / path).write_text(make())


if __name__ == "__main__":
    main()
