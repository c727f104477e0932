"""Flows as OpenSearch documents: a shape is a frame of plain columns, rendered by Spark."""

from collections.abc import Callable, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.conversations.members import OF_CONVERSATION
from transforms.documents.ecs import to_ecs
from transforms.documents.ocsf import to_ocsf
from transforms.utc import utc_text

DOCUMENTS = """
    record_id STRING COMMENT 'the document id',
    document  STRING COMMENT 'JSON text; null columns are left out'
"""

# The id of a document stands beside its columns, under a name that no shape uses.
DOCUMENT_ID = "document_id"

# to_json leaves out null columns, but not null values of a map.
_KNOWN_EXTRA = "map_filter(extra, (name, value) -> value IS NOT NULL) AS extra"


def to_flat(flows: DataFrame) -> DataFrame:
    """One row per flow: its columns as they are, times as text.

    `@timestamp` is the start of the interval, else its end.
    """
    kinds = dict(flows.dtypes)
    columns = [
        F.expr(_KNOWN_EXTRA)
        if name == "extra"
        else utc_text(F.col(name)).alias(name)
        if kinds[name] == "timestamp"
        else F.col(name)
        for name in flows.columns
    ]
    return flows.select(
        F.col("record_id").alias(DOCUMENT_ID),
        utc_text(F.coalesce("start_at", "end_at")).alias("@timestamp"),
        *columns,
    )


# What --shape knows. Every shape is text, numbers, structs, arrays and maps of text: what both
# writers render alike.
SHAPES: Mapping[str, Callable[[DataFrame], DataFrame]] = {
    "flat": to_flat,
    "ecs": to_ecs,
    "ocsf": to_ocsf,
}


def to_rows(flows: DataFrame, shape: str) -> DataFrame:
    """One row per flow in this shape: DOCUMENT_ID, then the columns of the document.

    Flows without the columns of `with_conversation` get documents without these fields.
    """
    nothing = F.lit(None).cast("string")
    missing = {name: nothing for name in OF_CONVERSATION if name not in flows.columns}
    return SHAPES[shape](flows.withColumns(missing) if missing else flows)


def to_documents(flows: DataFrame, shape: str = "flat") -> DataFrame:
    """One document per flow, as DOCUMENTS says."""
    rows = to_rows(flows, shape)
    columns = [F.col(f"`{name}`") for name in rows.columns if name != DOCUMENT_ID]
    return rows.select(
        F.col(DOCUMENT_ID).alias("record_id"), F.to_json(F.struct(*columns)).alias("document")
    )
