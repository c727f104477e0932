"""The first line of an object that has no header: is it a record at all?"""

import re

from transforms.scan.formats import OtherKind
from transforms.scan.inflate import Damaged
from transforms.scan.parse import parse_lines

_LOOKS_LIKE_A_RECORD = re.compile(rb"\beni-[0-9a-f]|(?:\d{1,3}\.){3}\d{1,3}(?:\s|$)")
# AWS, "Export log data to Amazon S3": the object `aws-logs-write-test` beside every export.
_WRITE_TEST = b"Permission Check Successful"


def check_first_record(line: bytes, record_format: tuple[str, ...]) -> None:
    """Raise Damaged when the line, which is no header, is no record of the format.

    Without that a record format would give its names to whatever has as many columns.
    """
    if line.strip() == _WRITE_TEST:
        raise OtherKind("it is the test that CloudWatch Logs writes before an export")
    count = len(record_format)
    if not count:
        hint = "; it may be a record: name its columns by --record_format"
        raise Damaged(
            "its first line is not a header of flow log fields"
            + (hint if _LOOKS_LIKE_A_RECORD.search(line) else "")
        )
    expected = (
        f"its first line is neither a header nor a record of the {count} columns of the "
        "record format"
    )
    if len(line.split()) != count:
        raise Damaged(expected)
    refused = parse_lines(line + b"\n", record_format).refused
    if refused.reasons:
        raise Damaged(f"{expected}: {refused.reasons[0]}")
