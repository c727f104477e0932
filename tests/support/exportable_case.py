"""A case with real files that can be exported, and what the manifest of an investigation has."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from tests.support.export_rows import CAME_IN, CONVERSATION_ROWS, PATH_ROWS, PEERS_ROWS, WENT_TO
from tests.support.made_case import RUNS
from transforms.schemas import CONVERSATIONS, PEERS
from transforms.standing.path import PATH
from transforms.table_shape import columns_of_ddl

TYPES = {
    "STRING": pa.string(), "BIGINT": pa.int64(), "INT": pa.int32(), "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(), "TIMESTAMP": pa.timestamp("us", "UTC"),
    "ARRAY<STRING>": pa.list_(pa.string()),
}  # fmt: skip
Rows = tuple[Mapping[str, Any], ...]


def table_of(ddl: str, rows: Rows, run_id: str = RUNS[0]) -> pa.Table:
    columns = columns_of_ddl(ddl)
    schema = pa.schema([(name, TYPES[kind]) for name, kind in columns.items()])
    return pa.Table.from_pylist([{**row, "run_id": run_id} for row in rows], schema=schema)


def tables(
    path: Rows = PATH_ROWS, peers: Rows = PEERS_ROWS, talks: Rows = CONVERSATION_ROWS
) -> dict[str, pa.Table]:
    return {
        "path": table_of(PATH, path),
        "peers": table_of(PEERS, peers),
        "conversations": table_of(CONVERSATIONS, talks),
    }


def findings(
    name: str = "web-3", sentence: str = "198.51.100.23 came in over SSH."
) -> dict[str, Any]:
    """What the manifest of an investigation has beside its tables."""
    return {
        "finished_at": "2026-11-28T00:10:00+00:00",
        "parameters": {
            "max_ratio": 100,
            "sign_with": None,
            "window": {
                "from_at": "2026-11-23T00:00:00+00:00",
                "to_at": "2026-11-24T00:00:00+00:00",
                "slack": 3600,
            },
        },
        "subject": {"instance_ids": ["i-0839de4aa2b2f82cb"]},
        "instance_names": {"i-0839de4aa2b2f82cb": name},
        "story": {
            "headline": f"{name} was entered over SSH.",
            "acts": [
                {"at": "2026-11-23T02:39:32.000Z", "sentence": sentence, "clause": "was entered",
                 "technique": "T1110", "source": "P0-6b", "address": CAME_IN},
                {"at": "2026-11-23T03:39:52.000Z", "sentence": "At most 2.4 GB went out.",
                 "clause": "", "technique": "T1048", "source": "P0-8", "address": WENT_TO},
            ],
        },
        "verdict": {"step": "DATA", "sentence": "Yes."},
        "coverage": {"verdict": "FULL", "reasons": []},
        "tool": {"version": "0.1.0"},
    }  # fmt: skip
