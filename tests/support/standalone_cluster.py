"""A Spark standalone master and workers, each a process of its own on loopback."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
PATIENCE_S = 60
# They live for a minute: what an optimising compiler gains it never pays back.
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"


class Cluster:
    """A master, and the workers that are added to it and taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def start_master(self) -> None:
        _, log = self._start("master.Master", "--port", "0", "--webui-port", "0")
        self.url = wait_for_text(log, r"Starting Spark master at (spark://\S+)")

    def add_worker(self) -> "subprocess.Popen[bytes]":
        """One core for one executor; returns once the master knows it."""
        size = ("--cores", "1", "--memory", "1g", "--port", "0", "--webui-port", "0")
        place = self._folder / f"work-{len(self._started)}"
        worker, log = self._start("worker.Worker", *size, "--work-dir", str(place), self.url)
        wait_for_text(log, r"Successfully registered with master (\S+)")
        return worker

    def _start(self, name: str, *words: str) -> "tuple[subprocess.Popen[bytes], Path]":
        log = self._folder / f"{len(self._started)}-{name}.log"
        command = [str(BIN / "spark-class"), f"org.apache.spark.deploy.{name}"]
        command += ["--host", "127.0.0.1", *words]
        environment = {
            **os.environ,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": QUICK_START,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=output, stderr=output
            )
        self._started.append(process)
        return process, log

    def end(self) -> None:
        """Workers first; an executor whose worker is gone ends by itself."""
        for process in reversed(self._started):
            if process.poll() is None:
                process.kill()
            process.wait(timeout=20)


@contextmanager
def standalone_cluster(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        cluster.start_master()
        yield cluster
    finally:
        cluster.end()


def wait_for_text(log: Path, pattern: str) -> str:
    """The first group of the pattern, once it stands in the log."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := re.search(pattern, log.read_text(errors="replace"))):
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)
    return found[1]


def kill_at_once(process: "subprocess.Popen[bytes]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=20)


def runs_python(worker: "subprocess.Popen[bytes]") -> bool:
    """Whether an executor of this worker has Python workers: it is scanning."""
    parents = _children()
    executors = parents.get(worker.pid, [])
    return any("pyspark.daemon" in _command(p) for e in executors for p in parents.get(e, []))


def kill_executor(worker: "subprocess.Popen[bytes]") -> None:
    """`kill -9` of the executor of this worker, which starts another."""
    for process in _children()[worker.pid]:
        if "CoarseGrainedExecutorBackend" in _command(process):
            os.kill(process, signal.SIGKILL)


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = stat.read_text().split(" ", 1)
        except OSError:
            continue  # ended meanwhile
        parent = int(rest.rpartition(")")[2].split()[1])
        found.setdefault(parent, []).append(int(pid))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
