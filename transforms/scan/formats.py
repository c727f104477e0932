"""What the columns of an object are: those of its header, or of a record format.

AWS, "Flow log records": a format is any fields in any order, so only a header or the caller can
tell the columns.
"""

import re
from functools import lru_cache
from urllib.parse import quote

from transforms.flow_fields import FIELD_NAMES
from transforms.scan.inflate import Damaged
from transforms.scan.transit import is_of_transit_gateway

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_PRINTABLE = bytes(range(0x20, 0x7F))

# AWS, "Cloud WAN flow log records": a field by which they are told from those of VPCs.
_CORE_NETWORK = re.compile("core_network")

# What a header line may begin with, in the spellings of text and of Parquet.
HEADER_STARTS = tuple(
    sorted({spelled.encode() for name in FIELD_NAMES for spelled in (name, name.replace("_", "-"))})
)


class OtherKind(Exception):
    """The object is whole, yet its records are of another kind of flow log: the message says."""


@lru_cache(maxsize=256)  # a bucket has a handful of headers, and each object begins with one
def header_columns(line: bytes) -> tuple[str, ...] | None:
    """Columns of a header line, with `-` as `_`; None when it is no header.

    A header is made of names alone, one of them at least a field of flow logs. A record never is,
    as it holds a time.
    """
    line = line.rstrip(b"\r")
    if line.translate(None, delete=_PRINTABLE):
        return None
    names = line.decode("ascii").split()
    if not names or not all(_NAME.fullmatch(name) for name in names):
        return None
    columns = tuple(name.replace("-", "_") for name in names)
    return columns if has_fields(columns) else None


def has_fields(columns: tuple[str, ...]) -> bool:
    """Whether a field of some flow log is among the columns."""
    is_known = not set(columns).isdisjoint(FIELD_NAMES) or is_of_transit_gateway(columns)
    return is_known or _is_of_core_network(columns)


@lru_cache(maxsize=256)
def check_columns(columns: tuple[str, ...]) -> None:
    """Raise OtherKind or Damaged when rows of these columns are not to be read."""
    if _is_of_core_network(columns):
        raise OtherKind("it holds core network (Cloud WAN) flow records, not VPC flow records")
    if len(set(columns)) < len(columns):
        raise Damaged("its header names a column twice")


def _is_of_core_network(columns: tuple[str, ...]) -> bool:
    return any(_CORE_NETWORK.match(column) for column in columns)


def columns_of_format(text: str) -> tuple[str, ...]:
    """Columns of a record format, `${account-id} ${start}` or `account-id start`.

    Raises ValueError with what was expected.
    """
    columns = header_columns(re.sub(r"\$\{([^{}]*)\}", r"\1", text).encode("utf-8", "replace"))
    if columns is None:
        raise ValueError("expected fields of flow logs with spaces between them")
    try:
        check_columns(columns)
    except (Damaged, OtherKind):
        raise ValueError("expected each field of flow logs once") from None
    if not {"start", "end"} & set(columns):
        raise ValueError("expected start or end among the fields: a record without is no evidence")
    return columns


def encoded_column(name: str) -> str:
    """The name of a column as `Lines.columns` holds it.

    A field of flow logs is written as it stands. Any other column may hold any text, so that its
    values are percent-encoded (see `encoded`), which the name tells to `parse_lines`.
    """
    plain = name.replace("-", "_")
    return plain if plain in FIELD_NAMES else name + "%"


def is_header_of(header: tuple[str, ...], columns: tuple[str, ...]) -> bool:
    """Whether a header names these columns, some of which may be encoded ones."""
    return header == tuple(name.rstrip("%").replace("-", "_") for name in columns)


def encoded(text: str) -> str:
    """A text of any characters as a word of a line; `unquote` gives it back."""
    return quote(text, safe=_KEPT, errors="surrogatepass")


_KEPT = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
