"""Text of others never becomes SQL: whoever puts a value into SQL text says here why it may.

The code that builds plans is read, not run. What others wrote goes through `address_literal`, or
reaches Spark as F.lit, as a parameter of the query or as a row of a frame.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

_SQL_METHODS = {"expr", "sql", "selectExpr", "where", "filter"}
_LOOKS_LIKE_SQL = re.compile(
    r"\b(SELECT|FROM|WHERE|CASE|WHEN|HAVING|VALUES|NOT IN|IN|AND|OR|IS NULL|BETWEEN) |"
    r"\b(coalesce|IF|count_if|sum|min|max|concat_ws|array|named_struct|array_contains)\("
)
# What holds text of others in the code that builds plans: as a name, or as an attribute.
_INPUT = {
    "address", "addresses", "argument", "arguments", "asked", "case", "cell", "cells", "cidr",
    "claim", "domain", "finding", "holding", "instance_id", "instance_ids", "interface_id",
    "interface_ids", "key", "labels", "manifest", "name", "names", "options", "path", "peer",
    "peers", "record", "row", "rows", "said", "subject", "text", "uri", "value", "values", "vpc_id",
    "vpc_ids", "expected_peers",
}  # fmt: skip
# Where a value in SQL text only looks like input: what it is.
# With the file where the name could well be input elsewhere.
_COLUMN, _TEXT, _OWN = "the name of a column", "SQL text of our own", "a constant of ours"
_ALLOWED = {
    "', '.join(cells)": _TEXT,
    "', '.join((f\"'{name}', {name}\" for name in _COUNTED))": _OWN,
    "', '.join((f'c.{name} AS {name}' for name in OF_CONVERSATION))": _OWN,
    "', '.join((f'sum(IF({_ATTEMPTS}, {name}, 0)) AS {name}' for name in _SUMS))": _OWN,
    "' + '.join((f'coalesce({name}, 0)' for name in _LOST))": _OWN,
    "'hop = 1' if asked.contained_at else 'false'": _OWN,
    "_ipv6_groups(address)": _COLUMN,
    "_on_one_line(self.rows)": _TEXT,
    "asked.attempts()": _TEXT,
    "asked.thresholds.long_session_s": "a number",
    "asked.thresholds.transfer_bytes": "a number",
    "asked.unexpected()": _TEXT,
    "direction": _OWN,
    "entered_peers(asked)": _TEXT,
    "ip_address(address)": "an address of the flags, whose reader refuses zones",
    "is_out(quoted(addresses))": "its addresses are literals by `address_literal`",
    "is_private(key)": _COLUMN,
    "is_reserved(key)": _COLUMN,
    "point": _OWN,
    "ring.value": "a member of Ring",
    "scan_rows(asked)": _TEXT,
    "self.id": "the id of a question",
    "self.question": "the id of a question",
    "self.rows": _TEXT,
    "sweep_rows(asked)": _TEXT,
    "word.value": "a member of one of our enums",
    ("jobs/evidence/explained.py", "key"): _COLUMN,
    ("jobs/sources/aggregator.py", "kind"): _OWN,
    ("transforms/conversations/build.py", "name"): _COLUMN,
    ("transforms/conversations/initiator.py", "who"): _OWN,
    ("transforms/conversations/sessions.py", "name"): _COLUMN,
    ("transforms/conversations/sides.py", "name"): _COLUMN,
    ("transforms/network/addresses.py", "address"): _COLUMN,
    ("transforms/network/addresses.py", "first"): "hex digits of a range of ours",
    ("transforms/network/addresses.py", "key"): _COLUMN,
    ("transforms/network/addresses.py", "last"): "hex digits of a range of ours",
    ("transforms/network/service_classes.py", "name"): _OWN,
    ("transforms/questions/beyond.py", "address"): "canonical, by labels or records",
    ("transforms/questions/beyond.py", "via"): "canonical, of a record",
    ("transforms/questions/question.py", "address"): "canonical, by `address_literal`",
    ("transforms/questions/question.py", "name"): "the name of a figure",
    ("transforms/questions/question.py", "names"): "names of figures",
    ("transforms/questions/question.py", "rows"): _TEXT,
    ("transforms/questions/question.py", "values"): _TEXT,
    ("transforms/questions/traffic.py", "key"): _COLUMN,
    ("transforms/questions/verdict.py", "name"): _OWN,
    ("transforms/transit/passages.py", "name"): _COLUMN,
    ("jobs/storage/delta_sink.py", "name"): "the name of a property of ours",
    ("jobs/storage/delta_sink.py", "value"): "the value of a property of ours",
    ("jobs/storage/delta_sink.py", "text"): "properties of ours",
}  # fmt: skip
# What makes SQL text of checked values, or is a member of our own enums.
_CHECKED = re.compile(
    r"(address_literal|table_name)\(.*\)"
    r"|(Certainty|Initiator|Outcome|Ring|Standing|Step)\.[A-Z_]+(\.value)?"
)
_FOLDERS = ("transforms", "jobs")
_NO_SQL = ("transforms/text.py", "transforms/finding/", "jobs/output/", "jobs/cli/", "jobs/submit/")


def _sql_texts(tree: ast.AST) -> Iterator[ast.JoinedStr]:
    """Every f-string that is SQL text, by where it goes or by its words."""
    given = {
        id(word)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _SQL_METHODS
        for word in (*call.args, *(keyword.value for keyword in call.keywords))
    }
    for text in ast.walk(tree):
        if isinstance(text, ast.JoinedStr):
            words = "".join(
                str(part.value) for part in text.values if isinstance(part, ast.Constant)
            )
            is_list = "'" in words and not re.search(r"[A-Za-z]", words)  # ('…', '…')
            if id(text) in given or is_list or _LOOKS_LIKE_SQL.search(words):
                yield text


def _suspects(text: ast.JoinedStr) -> Iterator[str]:
    """What stands in SQL text between quotes, or is named like input."""
    for before, part, after in zip(
        [None, *text.values], text.values, [*text.values[1:], None], strict=False
    ):
        if not isinstance(part, ast.FormattedValue):
            continue
        expression = ast.unparse(part.value)
        if _CHECKED.fullmatch(expression) or expression.isupper():
            continue
        is_quoted = _ends(before, "'") and _starts(after, "'")
        names = {node.id for node in ast.walk(part.value) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(part.value) if isinstance(node, ast.Attribute)}
        if is_quoted or names & _INPUT:
            yield expression


def _ends(part: ast.expr | None, quote: str) -> bool:
    return isinstance(part, ast.Constant) and str(part.value).endswith(quote)


def _starts(part: ast.expr | None, quote: str) -> bool:
    return isinstance(part, ast.Constant) and str(part.value).startswith(quote)


def values_in_sql(source: str) -> set[str]:
    """The values that Python code puts into SQL text and that may be text of others."""
    return {value for text in _sql_texts(ast.parse(source)) for value in _suspects(text)}


def _modules() -> Iterator[Path]:
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not str(path.relative_to(ROOT)).startswith(_NO_SQL):
                yield path


@pytest.mark.parametrize("path", list(_modules()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_value_of_others_stands_in_sql_text(path: Path) -> None:
    module = str(path.relative_to(ROOT))

    found = values_in_sql(path.read_text())

    unknown = {value for value in found if not {value, (module, value)} & _ALLOWED.keys()}
    assert not unknown, (
        f"{module} puts {sorted(unknown)} into SQL text: use address_literal, F.lit or a frame, or "
        "say in _ALLOWED what it is"
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("F.expr(f\"srcaddr IN ({', '.join(addresses)})\")", {"', '.join(addresses)"}),
        ("', '.join(f\"'{a}'\" for a in them)", {"a"}),
        ("', '.join(f\"('{a}', '{b}')\" for a, b in them)", {"a", "b"}),
        ("spark.sql(f'SELECT {row[0]}')", {"row[0]"}),
        ("flows.where(f'name = {finding.instance_name}')", {"finding.instance_name"}),
        ("sql = f\"SELECT * FROM t WHERE x = '{anything}'\"", {"anything"}),
        ("F.expr(f'IF({_SRC} IS NULL, {address_literal(address)}, NULL)')", set()),
        ('message = f"found {address!r}; expected an address"', set()),
    ],
)
def test_the_reader_sees_the_attack(source: str, found: set[str]) -> None:
    assert values_in_sql(source) == found
