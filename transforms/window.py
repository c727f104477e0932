"""The time window of a case: which records belong to it, and which objects may hold them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

# AWS, "Flow log records": an interval lasts at most 600 s, and start and end may lag by up to 60 s.
LONGEST_INTERVAL = timedelta(seconds=600)
LONGEST_LAG = timedelta(seconds=60)


class Window(NamedTuple):
    """[from_at, to_at) in UTC. A record belongs when it meets it: end ≥ from, start < to."""

    from_at: datetime
    to_at: datetime
    slack: timedelta = timedelta(minutes=60)

    @property
    def from_s(self) -> int:
        """Unix seconds of the first instant."""
        return int(self.from_at.timestamp())

    @property
    def to_s(self) -> int:
        """Unix seconds of the first instant after the window."""
        return int(self.to_at.timestamp())

    @property
    def first_slot(self) -> datetime:
        """Earliest file stamp that may hold a record of the window."""
        slot = self.from_at.replace(minute=self.from_at.minute // 5 * 5, second=0, microsecond=0)
        return slot - LONGEST_INTERVAL

    @property
    def last_slot(self) -> datetime:
        """Latest file stamp that may hold one: intervals, lag, then `slack` for late delivery."""
        return self.to_at + LONGEST_INTERVAL + LONGEST_LAG + self.slack

    def may_hold(self, first: datetime, last: datetime) -> bool:
        """Whether stamps from `first` to `last` may belong to objects of this window."""
        return first <= self.last_slot and last >= self.first_slot

    def __str__(self) -> str:
        return f"{_utc(self.from_at)} to {_utc(self.to_at)}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
