"""The one way into every command: it decides the exit code and prints every error.

A command's `main` calls `run_main(body, argv)`. The body returns an exit code or raises; nothing
else prints errors or knows how an exception becomes a code.
"""

import logging
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from obstore.exceptions import BaseError

from jobs.cli.command_line import is_verbose
from jobs.errors import EXPIRED_CODES, BadInput, ExitCode, Failure
from jobs.spark.error_stream import error_stream
from jobs.spark.failures import is_of_spark, spark_failure
from jobs.storage.object_store import first_line, is_full
from transforms.text import masked, sanitise

logger = logging.getLogger(__name__)

_CHATTY = ("opensearch", "py4j", "boto3", "botocore", "s3transfer", "urllib3")
_LONGEST_LINE = 2_000
_ROOT = Path(__file__).parents[2]


def run_main(
    body: Callable[[Sequence[str]], int], argv: Sequence[str], level: int = logging.INFO
) -> int:
    """Run the body; returns its exit code, or that of what it raised."""
    _set_up_logging(logging.DEBUG if is_verbose(argv) else level)
    try:
        return int(body(argv))
    except KeyboardInterrupt:
        print_error("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # the one place that may: nothing above it can explain it better
        code, sentences = explain(error)
        for sentence in sentences:
            print_error(sentence)
        logger.debug("traceback", exc_info=error)
        return code


def explain(error: Exception) -> tuple[ExitCode, tuple[str, ...]]:
    """The exit code of an exception, and the sentences to print."""
    if isinstance(error, BadInput):
        return error.exit_code, error.problems
    if isinstance(error, Failure):
        return error.exit_code, (str(error),)
    if is_of_spark(error):
        code, sentence = spark_failure(str(error))
        return code, (sentence,)
    if is_full(str(error)):
        return ExitCode.DISK_FULL, (
            f"found a full disk ({first_line(error)}); expected room for the case and for Spark's "
            "own files; free some, or choose another --output or spark.local.dir, and run again",
        )
    if isinstance(error, BaseError):
        return ExitCode.FAILED, (f"storage failed: {first_line(error)}; run again",)
    if type(error).__module__.startswith("botocore."):
        return _of_aws(error)
    return ExitCode.FAILED, (
        f"unexpected {type(error).__name__} in {_place_of(error)}: {first_line(error)}; report it, "
        "with the traceback that --verbose true adds",
    )


def print_error(sentence: str) -> None:
    """One line on the error stream."""
    print(f"error: {_one_line(sentence)}", file=error_stream(), flush=True)


def _of_aws(error: Exception) -> tuple[ExitCode, tuple[str, ...]]:
    response: dict[str, dict[str, str]] = getattr(error, "response", {})
    if response.get("Error", {}).get("Code") in EXPIRED_CODES:
        return ExitCode.EXPIRED, (f"{first_line(error)}; renew the credentials and run again",)
    return ExitCode.FAILED, (f"{first_line(error)}; check credentials, region and network",)


def _place_of(error: Exception) -> str:
    """The innermost line of this package that the exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_ROOT / "jobs")
            or Path(frame.filename).is_relative_to(_ROOT / "transforms")]  # fmt: skip
    frame = (ours or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _one_line(text: str) -> str:
    return sanitise(masked(text), _LONGEST_LINE)


class _Lines(logging.Formatter):
    """A record on one line; only a traceback has several."""

    def format(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n".join(_one_line(line) for line in [record.getMessage(), *trace])


def _set_up_logging(level: int) -> None:
    handler = logging.StreamHandler(error_stream())
    handler.setFormatter(_Lines())
    logging.basicConfig(level=level, handlers=[handler])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
