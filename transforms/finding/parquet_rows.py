"""Findings that Security Lake keeps: rows of Parquet → the JSON objects that they were.

Security Lake writes what it takes from Security Hub as OCSF in Parquet. A field that a row does not
have is null there, a map is a list of pairs, a time may be one, and JSON inside of a field is text.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.finding.json_text import BadFinding, parsed

PARQUET = b"PAR1"
_MOST_ROWS = 1_000
_ROWS_TOGETHER = 8
_OF_JSON = ("data", "unmapped")


class TooMuch(Exception):
    """More rows or bytes than a file of findings has."""


def objects_in(data: bytes, most_bytes: int) -> Iterator[dict[str, object]]:
    """Each row as an object without what it does not have.

    Raises TooMuch for more than 1,000 rows, or more than `most_bytes`, as the file says and as it
    turns out; BadFinding for what is no Parquet.
    """
    seen = 0
    try:
        file = pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True)
        groups = (file.metadata.row_group(at) for at in range(file.metadata.num_row_groups))
        is_large = sum(group.total_byte_size for group in groups) > most_bytes
        if is_large or file.metadata.num_rows > _MOST_ROWS:
            raise TooMuch
        for batch in file.iter_batches(_ROWS_TOGETHER):
            seen += batch.nbytes
            if seen > most_bytes:
                raise TooMuch
            for row in batch.to_pylist():
                found = _without_nulls(row)
                assert isinstance(found, dict)
                yield found
    except BadFinding:
        raise
    except (pa.ArrowException, OSError, OverflowError, ValueError):
        raise BadFinding("found damaged Parquet; expected findings in OCSF") from None


def _without_nulls(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        parts = {key: _without_nulls(part, key) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not None}
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) for item in value):
            return {str(key): _without_nulls(part) for key, part in value}
        return [_without_nulls(item) for item in value if item is not None]
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if name in _OF_JSON and isinstance(value, str):
        return _of_text(value)
    return value


def _of_text(text: str) -> object:
    """What the text says in JSON; the text where it is none."""
    try:
        return parsed(text)
    except BadFinding:
        raise
    except ValueError:
        return text
