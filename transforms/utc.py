"""Times as text, and text as times."""

from datetime import UTC, datetime

from pyspark.sql import Column
from pyspark.sql import functions as F


def utc_text(moment: Column) -> Column:
    """A time as ISO 8601 with seconds, as OpenSearch's `date` reads it; the session is in UTC."""
    return F.date_format(moment, "yyyy-MM-dd'T'HH:mm:ss'Z'")


def in_utc(moment: datetime) -> datetime:
    """The time in UTC, which a time without a zone is in already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def time_of(text: str) -> datetime:
    """A time of JSON, which is in UTC whether it says so or not. Raises ValueError."""
    try:
        return in_utc(datetime.fromisoformat(text))
    except OverflowError:  # the last hours of year 9999, the first of year 1
        raise ValueError(f"{text!r} is no time in UTC") from None
