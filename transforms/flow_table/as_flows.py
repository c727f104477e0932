"""Rows of a flow table → flows as a case has them, for whoever renders documents of them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.record_id import record_id
from transforms.schemas import FLOWS
from transforms.table_shape import columns_of_ddl


def as_flows(rows: DataFrame) -> DataFrame:
    """A flow for each row of `flows`: id and times follow from it; it has a role in a case only."""
    derived = {
        "record_id": record_id(),
        "start_at": F.timestamp_seconds("start"),
        "end_at": F.timestamp_seconds("end"),
        "role": F.lit(None).cast("string"),
    }
    return rows.withColumns(derived).select(*columns_of_ddl(FLOWS))
