"""Frames that are computed once, and several frames as one."""

from collections.abc import Iterable, Sequence
from functools import reduce

from pyspark import TaskContext
from pyspark.sql import DataFrame


def computed(frame: DataFrame, is_small: bool) -> DataFrame:
    """The rows, computed once and now, however often they are queried.

    Few rows are cut off from the plan that made them: each query would be analysed and optimised
    together with it otherwise. Many rows must outlive the loss of an executor.
    """
    if is_small:
        return frame.coalesce(1).localCheckpoint()
    held = frame.persist()
    held.count()
    return held


def release(frames: Iterable[DataFrame]) -> None:
    """Give back what is kept in memory for them."""
    for frame in frames:
        frame.unpersist()


def task_number() -> int:
    """The number of the task that asks, among those of its stage."""
    context = TaskContext.get()
    return context.partitionId() if context else 0


def union_of(frames: Sequence[DataFrame]) -> DataFrame:
    """The rows of all frames, at least one, which have the same columns in any order."""
    return reduce(DataFrame.unionByName, frames)
