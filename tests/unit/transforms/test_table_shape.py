"""Shapes of stored tables against those that are to be written."""

import json

from transforms.schemas import ANSWERS, FLOW_COLUMNS, FLOWS
from transforms.table_shape import columns_of_ddl, columns_of_delta, conflicts


def delta_schema(**types: object) -> str:
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in types.items()
    ]
    return json.dumps({"type": "struct", "fields": fields})


def test_a_ddl_text_gives_its_columns_with_their_types() -> None:
    ddl = """
        `start`  BIGINT COMMENT 'seconds, Unix',
        names    MAP<STRING,BIGINT> COMMENT 'a, b',
        seen     ARRAY<STRING>
    """
    assert columns_of_ddl(ddl) == {
        "start": "BIGINT",
        "names": "MAP<STRING,BIGINT>",
        "seen": "ARRAY<STRING>",
    }


def test_every_column_of_our_tables_has_a_type_that_delta_knows() -> None:
    assert tuple(columns_of_ddl(FLOWS)) == FLOW_COLUMNS
    known = {"STRING", "BIGINT", "TIMESTAMP", "MAP<STRING,STRING>", "ARRAY<STRING>"}
    assert set(columns_of_ddl(FLOWS).values()) == known
    assert columns_of_ddl(ANSWERS)["figures"] == "MAP<STRING,BIGINT>"


def test_a_delta_schema_is_spelled_as_our_own() -> None:
    mapped = {"type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": True}
    listed = {"type": "array", "elementType": mapped, "containsNull": True}
    inner = {"type": "struct", "fields": [{"name": "a", "type": "integer"}]}

    found = columns_of_delta(
        delta_schema(a="long", b=mapped, c=listed, d=inner, e="decimal(10,2)", f="timestamp")
    )

    assert found == {
        "a": "BIGINT",
        "b": "MAP<STRING,BIGINT>",
        "c": "ARRAY<MAP<STRING,BIGINT>>",
        "d": "STRUCT<a:INT>",
        "e": "DECIMAL(10,2)",
        "f": "TIMESTAMP",
    }


def test_a_column_to_come_is_no_conflict_a_lost_or_changed_one_is() -> None:
    ours = {"uri": "STRING", "size": "BIGINT", "new": "STRING"}

    assert conflicts({"uri": "STRING", "size": "BIGINT"}, ours) == []
    assert conflicts({"uri": "STRING", "size": "STRING", "owner": "STRING"}, ours) == [
        "size STRING, incoming BIGINT",
        "owner STRING, incoming has no such column",
    ]
