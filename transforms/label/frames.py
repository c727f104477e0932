"""Labels for the records of a frame."""

from typing import Protocol

from pyspark.sql import DataFrame

from transforms.coded import with_columns
from transforms.label.lookups import Lookups
from transforms.label.records import LABELLED, labels_of
from transforms.label.rings import Home


class Shared(Protocol):
    """What Spark's `broadcast` gives: a value that each process reads once."""

    @property
    def value(self) -> Lookups:
        """The value."""


def label_with(flows: DataFrame, lookups: Shared, home: Home | None = None) -> DataFrame:
    """Add the columns of `schemas.LABELS` and `record_vpc_id`; keeps every flow exactly once."""
    seen_from = home or Home()
    return with_columns(flows, LABELLED, lambda flow: labels_of(flow, lookups.value, seen_from))
