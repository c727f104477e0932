"""A full disk, a dead worker, a lost executor, a folder to read only: one sentence, one code."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from jobs.cli.main import run_main
from jobs.errors import CredentialsExpired
from tests.support.paths import ROOT


def run(body: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of a command with this body, and the one line that it prints."""
    assert callable(body)
    code = run_main(lambda argv: body(), [])
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in printed.err.partition("error: ")[2]
    return code, line


def test_a_worker_that_is_killed_is_told(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield from batches

    code, line = run(lambda: spark.range(1).mapInArrow(killed, "id long").count(), capsys)

    assert code == 8
    assert line.startswith("error: a Python worker of Spark died, most often for lack of memory; ")


def test_credentials_that_expire_in_a_worker_are_told(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    def expired(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        raise CredentialsExpired("S3 answered ExpiredToken: renew them and run again")
        yield from batches

    code, line = run(lambda: spark.range(1).mapInArrow(expired, "id long").count(), capsys)

    assert (code, line) == (5, "error: S3 answered ExpiredToken: renew them and run again")


def test_another_error_in_a_worker_is_told_without_the_traceback(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        raise KeyError("srcaddr")
        yield from batches

    code, line = run(lambda: spark.range(1).mapInArrow(wrong, "id long").count(), capsys)

    assert code == 1
    assert line == "error: Spark failed: KeyError: 'srcaddr'; add --verbose true for all of it"


def in_a_process(program: str, wrapper: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*wrapper, sys.executable, "-c", program],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip


@pytest.mark.launched
def test_an_executor_that_is_killed_is_told() -> None:
    done = in_a_process(
        "import os, signal, sys\n"
        "from pyspark.sql import SparkSession\n"
        "from jobs.cli.main import run_main\n"
        "def killed(batches):\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    yield from batches\n"
        "def body(argv):\n"
        "    spark = (SparkSession.builder.master('local-cluster[1,1,512]')\n"
        "        .config('spark.executor.memory', '512m').config('spark.ui.enabled', 'false')\n"
        "        .config('spark.python.use.daemon', 'false').config('spark.task.maxFailures', 1)\n"
        "        .getOrCreate())\n"
        "    spark.sparkContext.setLogLevel('OFF')\n"
        "    return spark.range(0, 1, 1, 1).mapInArrow(killed, 'id long').count()\n"
        "sys.exit(run_main(body, []))\n"
    )

    assert done.returncode == 8, done.stderr[-3000:]
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: an executor of Spark was lost, ")
    assert "Traceback" not in done.stderr


def mounted(options: str, folder: Path) -> list[str]:
    """A wrapper whose command sees a file system of its own at the folder, without being root."""
    mount = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(folder)]
    try:
        tried = subprocess.run([*wrapper, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs unshare(1)")
    if tried.returncode != 0:
        pytest.skip("this machine gives no user namespace with a mount of its own")
    return wrapper


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    done = in_a_process(
        "import sys\n"
        "from jobs.cli.main import run_main\n"
        "from jobs.storage.whole_objects import write_bytes\n"
        "def body(argv):\n"
        f"    write_bytes({str(tmp_path / 'report.html')!r}, bytes(1_000_000))\n"
        "    return 0\n"
        "sys.exit(run_main(body, []))\n",
        mounted("size=64k", tmp_path),
    )

    assert done.returncode == 7, done.stderr
    assert done.stderr == (
        f"error: {tmp_path}/report.html: it cannot be written: the disk is full; free some, or "
        "choose another place, and run again\n"
    )


def test_an_output_to_read_only_is_told_before_spark_starts(tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()

    done = in_a_process(
        "import sys\n"
        "from jobs.trace_instance import main\n"
        f"sys.exit(main(['--output', {str(folder)!r}, '--case_id', 'web-3', '--from', 'now-1h',\n"
        f"    '--to', 'now', '--flow_logs', {str(tmp_path)!r}, '--instance_id', 'i-01234567']))\n",
        mounted("ro", folder),
    )

    assert done.returncode == 2, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("error: --output")]
    assert told == [
        f"error: --output {folder}: found that there is no permission to write in {folder}; "
        "expected a folder to write to; choose another"
    ]
    assert "Traceback" not in done.stderr
