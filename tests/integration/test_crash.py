"""A run that is killed leaves the state before it visible; the next one ends as if it never was."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from pyspark.sql import SparkSession

from jobs.errors import ExitCode
from jobs.trace_instance import main
from tests.support.launched import kill, start, wait_for
from tests.support.paths import DATA

pytestmark = pytest.mark.launched

TABLES = (
    "flows", "objects", "quarantine", "coverage", "conversations", "peers", "path", "answers",
)  # fmt: skip


def versions(case: Path, table: str) -> int:
    return len(list((case / table / "_delta_log").glob("*.json")))


def indices(opensearch: OpenSearch) -> set[str]:
    return set(opensearch.indices.get(index="flows-crash-*"))


def visible(spark: SparkSession, opensearch: OpenSearch, case: Path) -> dict[str, object]:
    """What a reader sees who follows the manifest, and one who follows the alias."""
    manifest = (case / "manifest.json").read_text()
    state: dict[str, object] = {"manifest": manifest}
    for table in TABLES:
        version = json.loads(manifest)["tables"][table]["version"]
        frame = spark.read.format("delta").option("versionAsOf", version).load(str(case / table))
        state[table] = sorted((row.asDict() for row in frame.collect()), key=repr)
    hits = opensearch.search(index="flows-crash", body={"size": 100})["hits"]["hits"]
    state["documents"] = {hit["_id"]: hit["_source"] for hit in hits}
    return state


def without_run(value: object) -> object:
    if isinstance(value, dict):
        return {name: without_run(item) for name, item in value.items() if name != "run_id"}
    return [without_run(item) for item in value] if isinstance(value, list) else value


def test_a_run_killed_in_any_phase_changes_nothing_that_readers_see(
    spark: SparkSession,
    tmp_path: Path,
    opensearch_url: str,
    opensearch: OpenSearch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case, log = tmp_path / "crash", tmp_path / "log"
    flags = ["--flow_logs", str(DATA / "samples"), "--labels", str(DATA / "labels")]
    flags += ["--instance_id", "i-0c50d5961bcb2d47b", "--case_id", "crash"]
    flags += ["--from", "2021-03-26T00:00:00Z", "--to", "2021-03-27T00:00:00Z"]
    flags += ["--output", str(tmp_path), "--opensearch_url", opensearch_url]
    assert main(flags) == 0
    before = visible(spark, opensearch, case)
    assert len(before["documents"]) == 2  # type: ignore[arg-type]
    first = json.loads(str(before["manifest"]))

    def committed(table: str) -> Callable[[], object]:
        known = versions(case, table)
        return lambda: versions(case, table) > known

    def new_index(documents: int) -> Callable[[], object]:
        known = indices(opensearch)

        def is_there() -> bool:
            new = indices(opensearch) - known
            # A pattern: the next run may remove what a killed one left between the two calls.
            stats = (opensearch.indices.stats(index=f"{name}*", metric="docs") for name in new)
            found = (counts["_all"]["primaries"].get("docs", {}) for counts in stats)
            return any(docs.get("count", 0) >= documents for docs in found)

        return is_there

    moments: dict[str, Callable[[], Callable[[], object]]] = {
        "after the scan": lambda: committed("objects"),
        "between two tables": lambda: committed("flows"),
        "while indexing": lambda: new_index(0),
        "before the manifest": lambda: new_index(2),
    }
    for moment, prepare in moments.items():
        reached = prepare()
        run = start("jobs/trace_instance.py", flags, log)
        try:
            if moment == "after the scan":
                wait_for((case / "run.lock").exists, run, log)
                assert main(flags) == ExitCode.HELD
                assert f"(host {os.uname().nodename}, pid " in capsys.readouterr().err
            wait_for(reached, run, log)
        finally:
            kill(run)
        assert visible(spark, opensearch, case) == before, moment
        assert (case / "run.lock").exists()

    half = case / "flows/part-00000-5f0c9a3e-0000-0000-0000-000000000000-c000.snappy.parquet"
    half.write_bytes(b"PAR1 half a file")

    assert main(flags) == 0

    after = visible(spark, opensearch, case)
    for part in (*TABLES, "documents"):
        assert without_run(after[part]) == without_run(before[part])
    last = json.loads(str(after["manifest"]))
    assert last["previous"]["run_id"] == first["run_id"]
    assert last["books"] == first["books"]
    assert [warning.split(": ")[1] for warning in last["warnings"]] == [
        "it ended without completing"
    ]
    assert indices(opensearch) == {last["index"]["name"]}
    assert {path.name for path in case.iterdir()} == {
        *TABLES,
        "manifest.json",
        "manifests",
        "notice.json",
        "notices",
        "report.html",
        "reports",
    }
    assert not half.exists()
