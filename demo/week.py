"""Six ordinary days, and the demo day after them: what a flow table has of a week."""

from datetime import timedelta
from pathlib import Path

from demo.events import Day
from demo.generate import DEMO_DAY, Truth, generate, write_day

DAYS = 7


def generate_week(output: Path, *, seed: int = 7, factor: float = 0.1) -> int:
    """Write the week below `output` as `generate` does the day; returns the number of lines.

    Every day has as much ordinary traffic as the last, so that more of it is not what is told.
    """
    ordinary = Truth()
    for before in range(DAYS - 1, 0, -1):
        hours = (
            [event for event in events if event.story == "ordinary"]
            for events in Day(seed + before, factor).hours()
        )
        write_day(output / "flow-logs", DEMO_DAY - timedelta(days=before), hours, ordinary)
    return ordinary.lines + generate(output, seed=seed, factor=factor).lines
