"""The job on a standalone master with workers in processes of their own, two of which are killed.

`make test-standalone`: minutes that the usual tests do without.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.many_days import FIRST_DAY, write_day
from jobs import ingest_flows
from jobs.trace_instance import main
from tests.integration.test_crash import TABLES
from tests.integration.test_path import rows_of
from tests.support.paths import ROOT
from tests.support.services import DemoDay
from tests.support.standalone_cluster import (
    BIN,
    QUICK_START,
    kill_at_once,
    kill_executor,
    runs_python,
    standalone_cluster,
)

PATIENCE_S = 240

pytestmark = [
    pytest.mark.launched,
    pytest.mark.skipif(
        "STANDALONE" not in os.environ, reason="takes minutes; `make test-standalone` runs it"
    ),
]


class Run:
    """spark-submit against the cluster, and what it has said so far."""

    def __init__(
        self, master: str, folder: Path, flags: list[str], job: str = "trace_instance"
    ) -> None:
        self._log = folder / "run.log"
        self.events = folder / "events"
        self.events.mkdir()
        settings = {
            "spark.master": master,
            "spark.executor.memory": "1g",
            "spark.executor.cores": "1",
            "spark.default.parallelism": "8",
            "spark.executor.extraJavaOptions": QUICK_START,
            "spark.pyspark.python": sys.executable,
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": self.events.as_uri(),
        }
        command = [str(BIN / "spark-submit"), "--properties-file", "conf/local.conf"]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        environment = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, f"jobs/{job}.py", *flags],
                cwd=ROOT, env=environment, stdout=output, stderr=output,
            )  # fmt: skip

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            assert self.process.poll() is None, self.said()[-3000:]
            assert time.monotonic() < deadline, self.said()[-3000:]
            time.sleep(0.01)

    def told(self, event: str) -> list[dict[str, Any]]:
        """Events of a kind, as Spark's own log has them."""
        (log,) = (path for path in self.events.iterdir() if not path.name.startswith("."))
        whole = log.read_text().rpartition("\n")[0].splitlines()
        return [said for said in map(json.loads, whole) if said["Event"] == event]


def test_two_workers_may_be_lost_and_the_tables_are_those_of_a_quiet_run(
    spark: SparkSession, demo_day: DemoDay, tmp_path: Path
) -> None:
    flags = demo_day.flags(tmp_path / "disturbed")

    with standalone_cluster(tmp_path) as cluster:
        first, second = cluster.add_worker(), cluster.add_worker()
        run = Run(cluster.url, tmp_path, flags)
        try:
            run.wait_for(lambda: "phase=start_Spark" in run.said() and runs_python(first))
            kill_at_once(first)
            assert "phase=scan" not in run.said()  # it was killed during the scan
            cluster.add_worker()
            run.wait_for(lambda: "phase=label_and_scope" in run.said())
            before = len(run.told("SparkListenerJobStart"))
            run.wait_for(lambda: len(run.told("SparkListenerJobStart")) > before)
            kill_at_once(second)  # with what it holds of the records that are being written
            assert "phase=write_Delta" not in run.said()
            cluster.add_worker()
            assert run.process.wait(timeout=PATIENCE_S) == 0, run.said()[-3000:]
        finally:
            run.process.kill()
            run.process.wait(timeout=20)

    failed = [end["Task End Reason"]["Reason"] for end in run.told("SparkListenerTaskEnd")]
    assert "ExecutorLostFailure" in failed
    assert len(run.told("SparkListenerExecutorRemoved")) >= 2
    assert main(demo_day.flags(tmp_path / "quiet")) == 0
    for table in TABLES:
        disturbed, quiet = (
            rows_of(spark, tmp_path / name / "case" / table) for name in ("disturbed", "quiet")
        )
        assert disturbed == quiet, table
    books = json.loads((tmp_path / "disturbed/case/manifest.json").read_text())["books"]
    assert books["flows"] == demo_day.truth["subject"]["records"]


def test_an_executor_that_is_killed_in_everything_costs_only_what_it_was_reading(
    spark: SparkSession, demo_day: DemoDay, tmp_path: Path
) -> None:
    """Tasks that ended have written their files and told of them: nothing asks for them again."""
    given = demo_day.flags(tmp_path / "disturbed")
    at = [given.index(name) for name in ("--flow_logs", "--labels", "--output", "--case_id")]
    of_day = [word for place in at for word in given[place : place + 2]]
    times = ["--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"]
    flags = ["--scope", "everything", *of_day, *times]
    files = tmp_path / "disturbed/case/flows"

    with standalone_cluster(tmp_path) as cluster:
        worker, _ = cluster.add_worker(), cluster.add_worker()
        run = Run(cluster.url, tmp_path, flags)
        try:
            run.wait_for(lambda: len(list(files.glob("part-*.parquet"))) >= 3)
            kill_executor(worker)
            assert "phase=scan" not in run.said()  # it was killed during the scan
            assert run.process.wait(timeout=PATIENCE_S) == 0, run.said()[-3000:]
        finally:
            run.process.kill()
            run.process.wait(timeout=20)

    ends = run.told("SparkListenerTaskEnd")
    assert "ExecutorLostFailure" in [end["Task End Reason"]["Reason"] for end in ends]
    read = Counter(
        (end["Stage ID"], end["Task Info"]["Index"])
        for end in ends
        if end["Task End Reason"]["Reason"] == "Success" and end["Task Type"] == "ResultTask"
    )
    assert set(read.values()) == {1}
    quiet = [
        str(tmp_path / "quiet") if word == str(tmp_path / "disturbed") else word for word in flags
    ]
    assert main(quiet) == 0
    disturbed, undisturbed = (
        rows_of(spark, tmp_path / name / "case/flows") for name in ("disturbed", "quiet")
    )
    assert len(disturbed) == demo_day.truth["lines"] - demo_day.truth["objects"]
    assert disturbed == undisturbed


def test_an_executor_that_takes_chunks_with_it_leaves_a_flow_table_whole(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Chunks that others still need are read again, by tasks that had ended."""

    write_day(tmp_path / "logs", 0, 300_000)  # enough for a dozen buckets
    logs = ["--flow_logs", str(tmp_path / "logs")]
    times = [
        "--from",
        f"{FIRST_DAY:%F}T00:00:00Z",
        "--to",
        f"{FIRST_DAY + timedelta(days=1):%F}T00:00:00Z",
    ]

    def flags(table: str) -> list[str]:
        return [*logs, *times, "--flow_table", str(tmp_path / table)]

    files = tmp_path / "disturbed/flows"
    with standalone_cluster(tmp_path) as cluster:
        worker, _ = cluster.add_worker(), cluster.add_worker()
        run = Run(cluster.url, tmp_path, flags("disturbed"), "ingest_flows")
        try:
            run.wait_for(lambda: len(list(files.glob("day=*/part-*.parquet"))) >= 2)
            kill_executor(worker)
            assert "phase=scan" not in run.said()  # it was killed while files were written
            assert run.process.wait(timeout=PATIENCE_S) == 0, run.said()[-3000:]
        finally:
            run.process.kill()
            run.process.wait(timeout=20)

    mapped = Counter(
        (end["Stage ID"], end["Task Info"]["Index"])
        for end in run.told("SparkListenerTaskEnd")
        if end["Task End Reason"]["Reason"] == "Success" and end["Task Type"] == "ShuffleMapTask"
    )
    assert max(mapped.values()) == 2  # some were done again
    assert ingest_flows.main(flags("quiet")) == 0
    disturbed, quiet = (
        by_object(spark, tmp_path / name / "flows") for name in ("disturbed", "quiet")
    )
    assert len(disturbed) == len(list((tmp_path / "logs").rglob("*.gz")))
    assert disturbed == quiet
    assert not (tmp_path / "disturbed/.side_rows").exists()


def by_object(spark: SparkSession, flows: Path) -> list[tuple[object, ...]]:
    """Of each object how many lines and octets its records have."""
    lines = F.count("*"), F.count_distinct("object_line"), F.sum("object_line"), F.sum("bytes")
    frame = spark.read.format("delta").load(str(flows)).groupBy("object_uri").agg(*lines)
    return sorted(map(tuple, frame.collect()))
