"""Spark work in several threads: planning a job keeps only one core busy."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_MOST_THREADS = 3


class Begin(Protocol):
    """Starts work in another thread; the future has its result, or raises what it raised."""

    def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin `work(*args, **kwargs)`."""


@contextmanager
def run_concurrently() -> Iterator[Begin]:
    """Wait at the end of the block for all work that it began, and raise the first failure.

    A failure of the block itself comes first.
    """
    begun: list[Future[object]] = []
    with ThreadPoolExecutor(_MOST_THREADS, "concurrent") as pool:

        def begin(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
            future = pool.submit(work, *args, **kwargs)
            begun.append(future)  # type: ignore[arg-type]
            return future

        yield begin
    for each in begun:
        each.result()
