"""A case made by hand: Delta tables of a few rows by the protocol's text, a report, manifests."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.evidence.manifest_file import Stored, canonical, earlier_manifest
from jobs.evidence.tables import describe_tables
from jobs.pipeline.books import Books

CASE = "made-case"
RUNS = ("20261128t000000z-0001", "20261128t010000z-0002", "20261128t020000z-0003")
REPORT = b"<html>the answer</html>\n"
NOTICE = b"{}\n"


def write_version(
    table: Path,
    version: int,
    run_id: str,
    *values: int,
    mode: str = "",
    rows: pa.Table | None = None,
) -> str:
    """One more version of a table with a row for each value, or these; its data file's name."""
    name = f"part-{version:05}-{run_id}-c000.snappy.parquet"
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    rows = pa.table({"n": list(values)}) if rows is None else rows
    pq.write_table(rows, table / name, use_deprecated_int96_timestamps=True)  # as Spark does
    schema = {
        "type": "struct",
        "fields": [{"name": "n", "type": "long", "nullable": True, "metadata": {}}],
    }
    actions: list[dict[str, Any]] = [
        {
            "commitInfo": {
                "operation": "WRITE",
                "operationParameters": {"mode": mode or "Overwrite"},
                "userMetadata": run_id,
            }
        },
        {
            "add": {
                "path": name,
                "partitionValues": {},
                "size": (table / name).stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
                "stats": json.dumps({"numRecords": rows.num_rows}),
            }
        },
    ]
    if version == 0:
        actions += [
            {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {"metaData": {"id": "m", "schemaString": json.dumps(schema), "partitionColumns": [],
                          "configuration": {}, "format": {"provider": "parquet"}}},
        ]  # fmt: skip
    text = "".join(f"{json.dumps(action)}\n" for action in actions)
    (log / f"{version:020}.json").write_text(text)
    return name


def make_run(
    case: Path, number: int, rows: Mapping[str, pa.Table] | None = None, /, **changed: object
) -> Stored:
    """A complete run of the case: tables of this version, the report, the manifest at last."""
    run_id, rows = RUNS[number], rows or {}
    for name in ("flows", "objects", "quarantine", "conversations", "answers"):
        if name not in rows:
            write_version(case / name, number, run_id, number, number + 1)
    for name, table in rows.items():
        write_version(case / name, number, run_id, rows=table)
    (case / "reports").mkdir(exist_ok=True)
    (case / "reports" / f"{run_id}.html").write_bytes(REPORT)
    (case / "report.html").write_bytes(REPORT)
    (case / "notices").mkdir(exist_ok=True)
    (case / "notices" / f"{run_id}.json").write_bytes(NOTICE)
    (case / "notice.json").write_bytes(NOTICE)
    before = case / "manifest.json"
    previous = None
    if before.exists():
        stored = Stored(json.loads(before.read_bytes()), before.read_bytes())
        kept = Path(earlier_manifest(str(case), stored.run_id))
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(stored.text)
        previous = {"run_id": stored.run_id, "sha256": stored.sha256}
    content: dict[str, object] = {
        "format": 2,
        "case_id": CASE,
        "run_id": run_id,
        "parameters": {"max_ratio": 100, "sign_with": None},
        "tables": describe_tables(str(case), run_id),
        "books": {**{count.name: 0 for count in fields(Books)}, "documents": None},
        "further_readings": {},
        "inputs_sha256": "0" * 64,
        "report": {
            "name": f"reports/{run_id}.html",
            # printf '<html>the answer</html>\n' | sha256sum
            "sha256": "f78bc315d911bb693998880fe83ac45122b6706bbec2da3cf493e15c86502cc9",
        },
        "notice": {
            "name": f"notices/{run_id}.json",
            # printf '{}\n' | sha256sum
            "sha256": "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356",
        },
        "finding": None,
        "index": None,
        "previous": previous,
        **changed,
    }
    text = canonical(content)
    before.write_bytes(text)
    return Stored(content, text)
