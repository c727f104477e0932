"""What can go wrong: bad input, failures, exit codes, and problems of several steps at once.

`jobs.cli.main.run_main` turns all of them into sentences on the error stream and an exit code.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command tells the shell."""

    COMPLETE = 0
    FAILED = 1
    BAD_INPUT = 2
    INCOMPLETE = 3
    UNBALANCED = 4
    EXPIRED = 5
    HELD = 6
    DISK_FULL = 7
    WORKER_LOST = 8
    WATCH_TOLD = 9
    INTERRUPTED = 130


# Amazon S3 and STS API references, "Error responses" and "Common errors".
EXPIRED_CODES = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidToken",
    "TokenRefreshRequired",
)


class BadInput(Exception):
    """What the caller gave cannot be worked with; holds every problem found, one sentence each."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Failure(Exception):
    """A run had to stop although its input was right; the message is one sentence."""

    exit_code = ExitCode.FAILED


class CredentialsExpired(Failure):
    """AWS no longer accepts the credentials, so that nothing more can be read in this run."""

    exit_code = ExitCode.EXPIRED


class Problems:
    """Problems of several steps, raised together: `with problems.collect(): …` for each step."""

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep the problems of a BadInput that the block raises, and go on."""
        try:
            yield
        except BadInput as bad:
            self._found += bad.problems

    def add(self, problem: str) -> None:
        """Keep one problem."""
        self._found.append(problem)

    def add_all(self, problems: Iterable[str]) -> None:
        """Keep several problems."""
        self._found += problems

    def raise_if_any(self) -> None:
        """Raise BadInput with everything that was collected."""
        if self._found:
            raise BadInput(self._found)
