"""Columns by SQL text."""

from collections.abc import Mapping

from pyspark.sql import DataFrame


def with_texts(frame: DataFrame, texts: Mapping[str, str]) -> DataFrame:
    """Add columns, in one step: each step over a wide frame is analysed together with all before.

    A text may name columns that come before it here. None of the names is one of the frame's.
    """
    return frame.selectExpr("*", *(f"{text} AS {name}" for name, text in texts.items()))
