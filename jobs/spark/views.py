"""Temporary views that live no longer than the queries that need them."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession


@contextmanager
def registered_views(spark: SparkSession, **frames: DataFrame) -> Iterator[None]:
    """Register each frame as a view under its name; drop all of them when the block ends.

    Views belong to the whole session: queries over them must be collected inside the block.
    """
    for name, frame in frames.items():
        frame.createOrReplaceTempView(name)
    try:
        yield
    finally:
        for name in frames:
            spark.catalog.dropTempView(name)
