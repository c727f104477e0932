"""What a run is doing, and for how long: one line per phase."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


class Phases:
    """Seconds by phase, in order; each phase is logged when it ends."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block of work under a name."""
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        logger.info("phase=%s seconds=%.1f", name.replace(" ", "_"), self.seconds[name])
