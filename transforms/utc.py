"""Times as text, and text as times."""

from datetime import UTC, datetime

from pyspark.sql import Column
from pyspark.sql import functions as F


def utc_text(moment: Column) -> Column:
    """A time as ISO 8601 with seconds, as OpenSearch's `date` reads it; the session is in UTC."""
    return F.date_format(moment, "yyyy-MM-dd'T'HH:mm:ss'Z'")


def time_of(text: str) -> datetime:
    """A time of JSON, which is in UTC whether it says so or not. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:  # the last hours of year 9999, the first of year 1
        raise ValueError(f"{text!r} is no time in UTC") from None
