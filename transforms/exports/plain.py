"""Values of rows as text and as JSON."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with its offset, to the second; to the microsecond where there are any."""
    return moment.astimezone(UTC).isoformat()


def millis(moment: datetime) -> int:
    """Unix milliseconds."""
    return round(moment.timestamp() * 1000)


def without_nulls(values: Mapping[str, object]) -> dict[str, object]:
    """Only what is known, with times as text."""
    return {
        name: iso(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None
    }


def document(content: object) -> bytes:
    """A JSON document as it is written to a file: ASCII, so that no reader can misread it."""
    return json.dumps(content, indent=2).encode() + b"\n"
