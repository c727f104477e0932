"""The job on a standalone master with workers in processes of their own, two of which are killed.

`make test-standalone`: minutes that the usual tests do without.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.trace_instance import main
from tests.integration.test_crash import TABLES
from tests.integration.test_path import rows_of
from tests.support.paths import ROOT
from tests.support.services import DemoDay
from tests.support.standalone_cluster import (
    BIN,
    QUICK_START,
    kill_at_once,
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

    def __init__(self, master: str, folder: Path, flags: list[str]) -> None:
        self._log = folder / "run.log"
        self.events = folder / "events"
        self.events.mkdir()
        settings = {
            "spark.master": master,
            "spark.executor.memory": "1g",
            "spark.executor.cores": "1",
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
                [*command, "jobs/trace_instance.py", *flags],
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
