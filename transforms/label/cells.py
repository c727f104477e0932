"""Cells of a label file → text, times and lists."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from transforms.text import without_unfit

_LONGEST_NAME = 256


def clean(value: object) -> str | None:
    """A label as plain text: nothing that steers, reorders or hides, at most 256 characters."""
    if value is None:
        return None
    return without_unfit(str(value)).strip()[:_LONGEST_NAME] or None


def moment_of(value: object) -> datetime | None:
    """A time of a label: one of Parquet (without a zone: UTC), or ISO 8601 text with a zone."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def items(value: object) -> Iterable[str]:
    """Values of a cell that holds several: a list, or text with spaces, `,` or `;` between them."""
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    return [item for item in re.split(r"[\s,;]+", str(value)) if item]
