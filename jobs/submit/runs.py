"""What the three platforms have in common: a run that can be looked at, stopped and looked up."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from jobs.errors import EXPIRED_CODES, ExitCode, Failure


class RunStatus(NamedTuple):
    """A run at a moment, as the platform tells it."""

    state: str
    is_over: bool
    is_good: bool
    began_at: datetime
    reason: str | None = None


class Run(Protocol):
    """A run that was started; commands are for a person's shell."""

    @property
    def run_id(self) -> str:
        """As the platform names it."""

    def status(self) -> RunStatus:
        """Ask the platform."""

    def stop(self) -> None:
        """End it before its time."""

    def stop_command(self) -> str:
        """The same for a shell."""

    def log_lines(self) -> Iterator[str]:
        """Where what the driver printed is."""


class Refused(Failure):
    """AWS refused a call; the message is a sentence, `code` is that of the answer."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.exit_code = ExitCode.EXPIRED if code in EXPIRED_CODES else ExitCode.FAILED

    def and_so(self, consequence: str) -> "Refused":
        """The same with what it means for the run."""
        return Refused(f"{self}; {consequence}", self.code)


@contextmanager
def asking(action: str, check: str) -> Iterator[None]:
    """Turn a refusal of AWS into a sentence: the call, the answer, what to check."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        message = error.response.get("Error", {}).get("Message", "")
        raise Refused(f"{action}: AWS answered {code}: {message}; check {check}", code) from error
    except BotoCoreError as error:
        sentence = f"{action}: {error}; check credentials, region and network"
        raise Refused(sentence, "") from error


def release(label: str) -> tuple[int, int]:
    """`emr-7.11.0` → (7, 11); (0, 0) for what is not spelled so."""
    parts = label.removeprefix("emr-").split(".")
    is_plain = len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit()
    return (int(parts[0]), int(parts[1])) if is_plain else (0, 0)


# Spark 3.5.6 and Delta 3.3.2, as the code is tested; S3A as the way to S3 (docs/glue.md, emr.md).
LEAST_RELEASE = (7, 11)
NEXT_LINE = (8, 0)


def check_release(label: str, where: str) -> list[str]:
    """Problems with an EMR release: this package is built for one line of Spark and Scala."""
    if LEAST_RELEASE <= release(label) < NEXT_LINE:
        return []
    return [f"{where}: found release {label}; expected emr-7.11 or a later 7; choose another"]
