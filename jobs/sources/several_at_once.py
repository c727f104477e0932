"""Requests to several places at once, whose answers come back in the order of the places."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

Place = TypeVar("Place")
Answer = TypeVar("Answer")


class Stopped(Exception):
    """Another place failed, so that nobody waits for this answer any more."""


def answers_of(
    ask: Callable[[Place], Answer], places: Iterable[Place], stop: Event, at_once: int
) -> list[Answer]:
    """The answer of each place; the next place is taken only when a thread is free for it.

    The first failure, of a place or of `places` itself, is raised once the others have ended.
    `stop` is then set: those at work look at it and raise Stopped.
    """
    futures: list[Future[Answer]] = []
    running: set[Future[Answer]] = set()
    with ThreadPoolExecutor(at_once, "places") as pool:
        try:
            for place in places:
                futures.append(pool.submit(ask, place))
                running.add(futures[-1])
                if len(running) == at_once:
                    running = _once_one_has_ended(running)
            while running:
                running = _once_one_has_ended(running)
        finally:
            stop.set()
    return [future.result() for future in futures]


def _once_one_has_ended(running: set[Future[Answer]]) -> set[Future[Answer]]:
    """Those that are still running; raises the failure of one that is not."""
    ended, still = wait(running, return_when=FIRST_COMPLETED)
    for future in ended:
        future.result()
    return still
