"""What the lines of an object hold: a header's columns, a record format, and what is around them.

AWS, "Flow log records": a format is any fields in any order, so only a header or the caller can
tell the columns. Exports from CloudWatch Logs put a time stamp before each line, Firehose may put
each into JSON, and both leave the header out.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from transforms.scan.inflate import Damaged
from transforms.schemas import FIELD_NAMES

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_PRINTABLE = bytes(range(0x20, 0x7F))

# AWS, "Transit gateway flow log records" and "Cloud WAN flow log records": fields by which they
# are told from the flow logs of VPCs.
_OTHER_KINDS = (
    (re.compile("tgw_"), "transit gateway"),
    (re.compile("core_network"), "core network (Cloud WAN)"),
    (re.compile("resource_type$"), "transit gateway or core network"),
)

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
    is_header = not set(columns).isdisjoint(FIELD_NAMES) or _other_kind(columns) is not None
    return columns if is_header else None


@lru_cache(maxsize=256)
def check_columns(columns: tuple[str, ...]) -> None:
    """Raise OtherKind or Damaged when rows of these columns are not to be read."""
    kind = _other_kind(columns)
    if kind is not None:
        raise OtherKind(f"it holds {kind} flow records, not VPC flow records")
    if len(set(columns)) < len(columns):
        raise Damaged("its header names a column twice")


def _other_kind(columns: tuple[str, ...]) -> str | None:
    for pattern, kind in _OTHER_KINDS:
        if any(pattern.match(column) for column in columns):
            return kind
    return None


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
        raise ValueError("expected each field of VPC flow logs once") from None
    if not {"start", "end"} & set(columns):
        raise ValueError("expected start or end among the fields: a record without is no evidence")
    return columns


class Unwrapped(NamedTuple):
    """A block with the records alone, line by line, and the lines (from 0) that hold none."""

    text: bytes
    refused: list[tuple[int, str]]


Unwrap = Callable[[bytes], Unwrapped]

_STAMP = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ", re.MULTILINE)
_UNSTAMPED = "it does not begin with a time stamp, as the first line does"
_NO_MESSAGE = "it is no JSON object with a text as its message"


def unwrap_of(first_line: bytes) -> Unwrap | None:
    """How the lines of an object are unwrapped, by its first one; None when they are bare."""
    if first_line.lstrip().startswith(b"{"):
        return _without_json
    return _without_stamps if _STAMP.match(first_line) else None


def _without_stamps(block: bytes) -> Unwrapped:
    text, count = _STAMP.subn(b"", block)
    if count == block.count(b"\n"):
        return Unwrapped(text, [])
    return _line_by_line(block, _behind_stamp)


def _behind_stamp(line: bytes) -> bytes:
    stamp = _STAMP.match(line)
    if stamp is None:
        raise ValueError(_UNSTAMPED)
    return line[stamp.end() :]


def _without_json(block: bytes) -> Unwrapped:
    return _line_by_line(block, _message)


def _message(line: bytes) -> bytes:
    try:
        said = json.loads(line.decode())
    except (ValueError, RecursionError):
        raise ValueError(_NO_MESSAGE) from None
    message = said.get("message") if isinstance(said, dict) else None
    if not isinstance(message, str):
        raise ValueError(_NO_MESSAGE)
    # A lone surrogate stays a byte outside ASCII, which parsing refuses.
    text = message.encode("utf-8", "surrogatepass").rstrip(b"\r\n")
    if b"\n" in text:
        raise ValueError("its message holds several lines")
    return text


def _line_by_line(block: bytes, unwrap: Callable[[bytes], bytes]) -> Unwrapped:
    """Blank lines stay; a refused one leaves a blank line in its place."""
    refused = []
    lines = block.split(b"\n")
    for at, line in enumerate(lines):
        if line.strip():
            try:
                lines[at] = unwrap(line)
            except ValueError as error:
                refused.append((at, str(error)))
                lines[at] = b" "
    return Unwrapped(b"\n".join(lines), refused)
