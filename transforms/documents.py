"""Flows as OpenSearch documents: the flat AWS names, rendered by Spark."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

DOCUMENTS = """
    record_id STRING COMMENT 'the document id',
    document  STRING COMMENT 'JSON text; null columns are left out'
"""


def to_documents(flows: DataFrame) -> DataFrame:
    """One document per flow. `@timestamp` is the start of the interval, else its end."""
    rendered = F.to_json(
        F.struct(F.coalesce("start_at", "end_at").alias("@timestamp"), *flows.columns),
        {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'"},
    )
    return flows.select("record_id", rendered.alias("document"))
