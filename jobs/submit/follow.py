"""Looking at a run until it is over; progress on one line of a terminal, else line by line."""

from collections.abc import Callable
from datetime import datetime
from typing import TextIO

from jobs.submit.runs import Run, RunStatus

POLL_S = 10
QUIET_S = 60


def follow(
    run: Run, out: TextIO, sleep: Callable[[float], None], clock: Callable[[], datetime]
) -> RunStatus:
    """Returns what the platform says at the end; the run is only looked at."""
    progress = _Progress(out)
    while True:
        seen = run.status()
        progress.show(seen, clock())
        if seen.is_over:
            return seen
        sleep(POLL_S)


class _Progress:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._state = ""
        self._said_at = 0.0

    def show(self, seen: RunStatus, now: datetime) -> None:
        """Every look on a terminal; elsewhere each new state, and a sign of life a minute."""
        elapsed = max(0, int((now - seen.began_at).total_seconds()))
        line = f"{seen.state:<11} {elapsed // 60:3d}:{elapsed % 60:02d}"
        is_new = seen.state != self._state
        if self._out.isatty():
            start = "\n" if is_new and self._state else "\r"
            self._out.write(f"{start}{line}" + ("\n" if seen.is_over else ""))
        elif is_new or elapsed - self._said_at >= QUIET_S:
            self._out.write(f"{line}\n")
            self._said_at = elapsed
        self._out.flush()
        self._state = seen.state
