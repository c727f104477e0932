"""What ended a Spark job, in one sentence: Java's and Python's tracebacks are for developers."""

import re

from jobs.errors import CredentialsExpired, ExitCode
from jobs.storage.object_store import is_full
from transforms.text import sanitise

# Spark 3.5: api/python/PythonRunner.scala and scheduler/TaskSchedulerImpl.scala.
_DEAD_WORKER = ("Python worker exited unexpectedly", "Python worker failed to connect back")
_LOST_EXECUTOR = ("ExecutorLostFailure", "Remote RPC client disassociated")
_NO_MEMORY = ("java.lang.OutOfMemoryError", "MemoryError")
_JVM_GONE = (
    "Answer from Java side is empty",
    "Error while sending or receiving",
    "Connection refused",
    "An error occurred while trying to connect to the Java server",
)
_PYTHON_ERROR = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n)+(\S.*)")


def is_of_spark(error: BaseException) -> bool:
    """Whether Spark, or the connection to its JVM, raised it."""
    return type(error).__module__.startswith(("py4j.", "pyspark."))


def spark_failure(text: str) -> tuple[ExitCode, str]:
    """Exit code and sentence for the text of an exception of Spark."""
    if (sentence := expired_credentials_in(text)) is not None:
        return ExitCode.EXPIRED, sentence
    if is_full(text):
        return ExitCode.DISK_FULL, (
            "found a full disk on a machine of Spark; expected room for tables and shuffles; free "
            "some, or set spark.local.dir to another disk, and run again"
        )
    if _has(text, _DEAD_WORKER):
        return ExitCode.WORKER_LOST, (
            "a Python worker of Spark died, most often for lack of memory; expected it to read "
            "its objects to the end; give executors more memory, or lower --reads_in_flight, and "
            "run again"
        )
    if _has(text, _LOST_EXECUTOR):
        return ExitCode.WORKER_LOST, (
            "an executor of Spark was lost, and its tasks failed again elsewhere; expected the "
            "cluster to keep its machines; look at the executor's log and run again"
        )
    if _has(text, _NO_MEMORY):
        return ExitCode.WORKER_LOST, (
            "Spark ran out of memory; give the driver or the executors more "
            "(spark.driver.memory, spark.executor.memory) and run again"
        )
    if _has(text, _JVM_GONE):
        return ExitCode.WORKER_LOST, (
            "the JVM of Spark ended in the middle of the run; look at its log above, and run again"
        )
    return ExitCode.FAILED, f"Spark failed: {_root_cause(text)}; add --verbose true for all of it"


def expired_credentials_in(text: str) -> str | None:
    """The sentence of a CredentialsExpired that ended a Spark task; None if another thing did."""
    _, found, rest = text.partition(f"{CredentialsExpired.__name__}: ")
    return rest.splitlines()[0] if found and rest else None


def _has(text: str, signs: tuple[str, ...]) -> bool:
    return any(sign in text for sign in signs)


def _root_cause(text: str) -> str:
    """The exception of a Python worker, the innermost cause in Java, or else the first line."""
    if python := _PYTHON_ERROR.findall(text):
        return sanitise(python[-1], 300)
    causes = re.findall(r"^Caused by: (.*)$", text, re.MULTILINE)
    lines = [line.removeprefix(": ") for line in text.splitlines() if line.strip()]
    without_preface = [line for line in lines if not line.startswith("An error occurred while")]
    return sanitise((causes or without_preface[:1] or ["no reason given"])[-1], 300)
