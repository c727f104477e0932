"""The pace of one task's requests, so that it keeps to its share of what S3 gives to a prefix."""

import time
from collections.abc import Callable, Mapping

from jobs.storage.object_store import Place
from transforms.scan.request_shares import prefix_of_requests


class Pace:
    """Waits before a request whenever the last one below its prefix was too short a while ago.

    `shares` are requests a second for each prefix with its bucket; without one there is no wait.
    """

    def __init__(
        self,
        shares: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._shares, self._clock, self._sleep = shares, clock, sleep
        self._next: dict[str, float] = {}

    def wait(self, place: Place) -> None:
        """Return when the next request to this place may go."""
        prefix = prefix_of_place(place)
        share = self._shares.get(prefix)
        if share is None:
            return
        now = self._clock()
        due = max(self._next.get(prefix, now), now)
        self._next[prefix] = due + 1 / share
        if due > now:
            self._sleep(due - now)


NO_PACE = Pace({})


def prefix_of_place(place: Place) -> str:
    """The prefix that a request to a place counts for, with its bucket; files of this machine
    share one that has no budget.
    """
    return f"{place.bucket.name}/{prefix_of_requests(place.path)}" if place.bucket else ""
