"""What a run is doing, and for how long: one line per phase."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Phases:
    """Seconds by phase, in order; each phase is logged when it ends.

    Those of a phase beside others are counted in the others as well. `before` are phases that other
    work had in common with this.
    """

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self.seconds = dict(before or {})

    @contextmanager
    def phase(self, name: str, *, is_beside: bool = False) -> Iterator[None]:
        """Time a block of work under a name."""
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        self.seconds[f"{name} (beside)" if is_beside else name] = seconds
        logger.info("phase=%s seconds=%.1f", name.replace(" ", "_"), seconds)
