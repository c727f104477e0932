"""Flows as OpenSearch documents: the flat AWS names, rendered by Spark."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

DOCUMENTS = """
    record_id STRING COMMENT 'the document id',
    document  STRING COMMENT 'JSON text; null columns are left out'
"""

# to_json leaves out null columns, but not null values of a map.
_KNOWN_EXTRA = "map_filter(extra, (name, value) -> value IS NOT NULL) AS extra"


def to_documents(flows: DataFrame) -> DataFrame:
    """One document per flow. `@timestamp` is the start of the interval, else its end."""
    columns = [F.expr(_KNOWN_EXTRA) if name == "extra" else F.col(name) for name in flows.columns]
    rendered = F.to_json(
        F.struct(F.coalesce("start_at", "end_at").alias("@timestamp"), *columns),
        {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'"},
    )
    return flows.select("record_id", rendered.alias("document"))
