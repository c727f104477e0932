"""What a run is doing, and for how long: one line per phase."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

logger = logging.getLogger(__name__)


def seconds_line(seconds: Mapping[str, float]) -> str:
    """The seconds of all phases, as the last line of a summary."""
    return "Seconds     " + ", ".join(f"{name} {took:.1f}" for name, took in seconds.items())


class Phases:
    """Seconds by phase, in order; each phase is logged when it ends.

    The seconds of a phase that runs concurrently with others are counted in those as well. `before`
    holds the phases that this run had in common with other runs.
    """

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self.seconds = dict(before or {})

    @contextmanager
    def phase(self, name: str, *, is_concurrent: bool = False) -> Iterator[None]:
        """Time a block of work under a name."""
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        self.seconds[f"{name} (concurrent)" if is_concurrent else name] = seconds
        logger.info("phase=%s seconds=%.1f", name.replace(" ", "_"), seconds)
