"""Exceptions become sentences on the error stream and an exit code, for every command alike."""

import errno
import subprocess
import sys
from collections.abc import Sequence

import pytest
from obstore.exceptions import GenericError

from jobs.cli.main import run_main
from jobs.errors import BadInput, CredentialsExpired, Failure
from jobs.evidence.case_lock import CaseHeld
from jobs.evidence.signature import SignatureRefused
from jobs.spark.failures import spark_failure
from jobs.submit.runs import Refused
from tests.support.paths import ROOT

# First lines as Spark 3.5 writes them: the cause stands far inside Java's and Python's tracebacks.
DEAD_WORKER = """An error occurred while calling o88.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)
Caused by: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)
\tat org.apache.spark.api.python.BasePythonRunner(PythonRunner.scala:604)
Caused by: java.io.EOFException
"""
LOST_EXECUTOR = """An error occurred while calling o88.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 7 in stage 1.0 failed 4
times, most recent failure: ExecutorLostFailure (executor 2 exited caused by one of the running
tasks) Reason: Container killed by YARN for exceeding physical memory limits.
"""
FULL_DISK = """An error occurred while calling o88.save.
: org.apache.spark.SparkException: Job aborted due to stage failure
Caused by: java.io.IOException: No space left on device
"""
EXPIRED = """An error occurred while calling o88.save.
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
jobs.errors.CredentialsExpired: S3 answered ExpiredToken: renew them

\tat org.apache.spark.api.python.BasePythonRunner
"""
IN_PYTHON = """An error occurred while calling o88.save.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "jobs/sources/object_scan.py", line 7, in scan_batches
    raise KeyError(name)
KeyError: 'srcaddr'

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(Pyth…)
"""
OTHER = """An error occurred while calling o88.save.
: java.lang.IllegalStateException: first
Caused by: java.lang.RuntimeException: the reason\x1b[2J itself
"""


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (DEAD_WORKER, 8, "a Python worker of Spark died"),
        (LOST_EXECUTOR, 8, "an executor of Spark was lost"),
        (FULL_DISK, 7, "found a full disk"),
        (EXPIRED, 5, "S3 answered ExpiredToken: renew them"),
        (IN_PYTHON, 1, "Spark failed: KeyError: 'srcaddr'; add --verbose true"),
        (OTHER, 1, "Spark failed: java.lang.RuntimeException: the reason\ufffd[2J itself"),
    ],
    ids=["dead worker", "lost executor", "full disk", "expired", "in Python", "another"],
)
def test_what_spark_tells_is_one_sentence(text: str, code: int, words: str) -> None:
    found, sentence = spark_failure(text)

    assert found == code
    assert sentence.startswith(words)
    assert "\n" not in sentence
    assert "\tat " not in sentence


class Stopped(Failure):
    """A failure of a test."""


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (BadInput(["--a: x", "--b: y"]), 2, ["error: --a: x", "error: --b: y"]),
        (Stopped("the lock was lost"), 1, ["error: the lock was lost"]),
        (OSError(errno.ENOSPC, "No space left on device"), 7, ["error: found a full disk ("]),
        (
            GenericError("Unable to x: No space left on device (os error 28)"),
            7,
            ["error: found a full"],
        ),
        (GenericError("Generic S3 error: refused\n\nDebug"), 1, ["error: storage failed: Generic"]),
        (KeyError("k\x1b"), 1, ["error: unexpected KeyError in main.py:"]),
        (CaseHeld(["held by a run"]), 6, ["error: held by a run"]),
        (CredentialsExpired("renew them"), 5, ["error: renew them"]),
        (Refused("glue:GetJobRun: AWS answered ExpiredToken", "ExpiredToken"), 5, ["error: glue:"]),
        (SignatureRefused("kms:Sign: AWS answered no"), 1, ["error: kms:Sign: AWS answered no"]),
        (Stopped("two\nlines\x1b[2J"), 1, ["error: two\ufffdlines\ufffd[2J"]),
        (KeyboardInterrupt(), 130, ["error: interrupted"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_is_sentences_and_a_code(
    error: BaseException, code: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def body(argv: Sequence[str]) -> int:
        raise error

    assert run_main(body, []) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == len(lines)
    for line, start in zip(printed.err.splitlines(), lines, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("flags", [[], ["--verbose", "true"]], ids=["plain", "verbose"])
def test_a_traceback_is_there_only_when_asked_for(flags: list[str]) -> None:
    program = (
        "import sys; from jobs.cli.main import run_main\n"
        "def body(argv): open('/dev/full', 'w').write('x' * 100_000)\n"
        "sys.exit(run_main(body, sys.argv[1:]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, *flags], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 7
    assert done.stdout == ""
    assert done.stderr.startswith("error: found a full disk")
    assert ("Traceback" in done.stderr) == bool(flags)
