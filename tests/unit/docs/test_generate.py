"""The data dictionary: every stored column with its meaning, and joins that the tables allow."""

import pytest

from docs.generate import JOINS, TABLES, Join, columns_of, joins_drawn
from jobs.storage.delta_sink import SHAPES

COLUMNS = {table.name: {name: kind for name, kind, _ in columns_of(table.ddl)} for table in TABLES}


def test_every_table_that_a_run_stores_is_in_the_dictionary() -> None:
    assert {table.name: table.ddl for table in TABLES} == {
        name: shape for name, shape in SHAPES.items() if "/" not in name
    }


def test_every_column_has_a_meaning() -> None:
    unexplained = [
        f"{table.name}.{name}"
        for table in TABLES
        for name, _, meaning in columns_of(table.ddl)
        if not meaning.strip()
    ]

    assert unexplained == []


def test_a_column_is_read_with_its_type_and_comment() -> None:
    ddl = """
        `end`  BIGINT COMMENT 'Unix seconds',
        tags   MAP<STRING,STRING> COMMENT 'the owner\\'s tags',
        bare   ARRAY<STRING>
    """

    assert list(columns_of(ddl)) == [
        ("end", "BIGINT", "Unix seconds"),
        ("tags", "MAP<STRING,STRING>", "the owner's tags"),
        ("bare", "ARRAY<STRING>", ""),
    ]


@pytest.mark.parametrize("join", JOINS, ids=lambda join: f"{join.one}-{join.many}")
def test_the_columns_of_a_join_are_there_and_of_one_type(join: Join) -> None:
    types = [
        (COLUMNS[join.one].get(one), COLUMNS[join.many].get(many)) for one, many in join.columns
    ]

    assert all(one is not None and one == many for one, many in types), types


def test_joins_are_drawn_with_their_keys() -> None:
    joins = (
        Join("objects", "flows", (("uri", "object_uri"),)),
        Join("conversations", "path", (("conversation_id", "conversation_id"),), is_single=True),
    )

    assert (
        joins_drawn(joins)
        == """\
```mermaid
erDiagram
    flows {
        STRING object_uri
    }
    objects {
        STRING uri
    }
    conversations {
        STRING conversation_id
    }
    path {
        STRING conversation_id
    }
    objects ||--o{ flows : "uri = object_uri"
    conversations ||--o| path : "conversation_id"
```"""
    )
