"""Jobs in processes of their own, which a test kills."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.paths import ROOT

PATIENCE_S = 600


def start(job: str, flags: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """A job in a process group of its own."""
    folder = Path(sys.executable).parent
    command = [str(folder / "spark-submit"), "--properties-file", "conf/local.conf"]
    command += ["--conf", f"spark.pyspark.python={sys.executable}", job]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, *flags],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def wait_for(seen: Callable[[], object], run: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it is seen; fails when the job ends before."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert run.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.01)


def kill(run: "subprocess.Popen[bytes]") -> None:
    """End the group that `start` made: spark-submit, the JVM and the job's Python."""
    os.killpg(run.pid, signal.SIGKILL)
    run.wait(timeout=20)
