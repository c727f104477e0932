"""Joins that several tables need."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def with_known(rows: DataFrame, known: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Every row with the other columns of `known`, null where that has no row of its keys.

    Two nulls are the same key. `known` has at most one row for each.
    """
    others = [name for name in known.columns if name not in keys]
    there = known.select(*(F.col(key).alias(f"_{key}") for key in keys), *others)
    same = [F.col(key).eqNullSafe(F.col(f"_{key}")) for key in keys]
    return rows.join(there, same, "left").drop(*(f"_{key}" for key in keys))
