"""Times as text."""

from pyspark.sql import Column
from pyspark.sql import functions as F


def utc_text(moment: Column) -> Column:
    """A time as ISO 8601 with seconds, as OpenSearch's `date` reads it; the session is in UTC."""
    return F.date_format(moment, "yyyy-MM-dd'T'HH:mm:ss'Z'")
