"""The id of a flow record, which is that of its row in Delta and of its document in OpenSearch."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def record_id() -> Column:
    """40 hex digits of SHA-256 over object URI, version (or etag) and line number.

    The same line of the same version of an object has the same id in every run.
    """
    source = F.concat_ws("\n", "object_uri", F.coalesce("object_version", F.lit("")), "object_line")
    return F.substring(F.sha2(source, 256), 1, 40)
