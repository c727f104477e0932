"""Whether a stored table has the shape that a run is about to write."""

import json
from collections.abc import Mapping

# Delta's names of primitive types ("Delta transaction log protocol", schema serialization format).
_PRIMITIVES = {
    "string": "STRING",
    "long": "BIGINT",
    "integer": "INT",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "double": "DOUBLE",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP_NTZ",
    "date": "DATE",
    "binary": "BINARY",
}


def columns_of_ddl(ddl: str) -> dict[str, str]:
    """Column → type of a text of `transforms.schemas`: one column per line, no space in a type."""
    lines = (line.replace("`", "").rstrip(",").split() for line in ddl.strip().splitlines())
    return {words[0]: words[1].rstrip(",") for words in lines}


def columns_of_delta(schema: str) -> dict[str, str]:
    """Column → type of the schema text that a Delta log holds, spelled as in a DDL text."""
    return {field["name"]: _type_of(field["type"]) for field in json.loads(schema)["fields"]}


def _type_of(kind: object) -> str:
    if isinstance(kind, str):
        return _PRIMITIVES.get(kind, kind.upper())
    if isinstance(kind, Mapping) and kind.get("type") == "array":
        return f"ARRAY<{_type_of(kind['elementType'])}>"
    if isinstance(kind, Mapping) and kind.get("type") == "map":
        return f"MAP<{_type_of(kind['keyType'])},{_type_of(kind['valueType'])}>"
    if isinstance(kind, Mapping) and kind.get("type") == "struct":
        inner = (f"{field['name']}:{_type_of(field['type'])}" for field in kind["fields"])
        return f"STRUCT<{','.join(inner)}>"
    return json.dumps(kind)


def conflicts(existing: Mapping[str, str], incoming: Mapping[str, str]) -> list[str]:
    """What an overwrite would lose or change, as `existing, incoming`; missing columns are no loss.

    A column that only the incoming shape has is what a newer version of the job adds.
    """
    return [
        f"{name} {kind}, incoming {incoming.get(name, 'has no such column')}"
        for name, kind in existing.items()
        if incoming.get(name) != kind
    ]
