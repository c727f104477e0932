"""Work in several threads: all of it ends with the block, and no failure is lost."""

from threading import Barrier

import pytest
from pyspark.sql import SparkSession

from jobs.spark.concurrent import run_concurrently


def test_two_jobs_run_at_the_same_time_and_give_their_results(spark: SparkSession) -> None:
    both = Barrier(2, timeout=20)

    def count(rows: int) -> int:
        both.wait()  # passes only when the other one is running too
        return spark.range(rows).count()

    with run_concurrently() as begin:
        three, five = begin(count, 3), begin(count, 5)

    assert (three.result(), five.result()) == (3, 5)


def test_a_failure_that_nobody_asked_for_is_raised_when_the_block_ends() -> None:
    done: list[str] = []

    def block() -> None:
        with run_concurrently() as begin:
            begin(lambda: 1 // 0)
            begin(done.append, "the other work")
            done.append("the block")

    with pytest.raises(ZeroDivisionError):
        block()
    assert sorted(done) == ["the block", "the other work"]


def test_a_failure_of_the_block_comes_first_and_waits_for_what_was_begun() -> None:
    done: list[str] = []

    def block() -> None:
        with run_concurrently() as begin:
            begin(done.append, "begun")
            begin(lambda: 1 // 0)
            raise KeyError("of the block")

    with pytest.raises(KeyError, match="of the block"):
        block()
    assert done == ["begun"]
