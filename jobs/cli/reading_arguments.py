"""The flags that say how objects are read: those of a case, and of an ingest."""

from dataclasses import dataclass

from jobs.cli import argument_values as values
from jobs.cli.command_line import Reader
from jobs.storage.aws_access import OWN, Access


@dataclass(frozen=True, kw_only=True)
class ReadingArguments:
    """Limits, the format of objects without a header, and as whom S3 is reached."""

    record_format: tuple[str, ...]
    max_line_bytes: int
    max_ratio: int
    max_object_bytes: int
    reads_in_flight: int
    requests_per_second: int
    access: Access = OWN  # to the flow logs


def read_reading(read: Reader) -> ReadingArguments:
    """These flags, of any command that has them all."""
    return ReadingArguments(
        record_format=read.optional("record_format", values.record_format, ()),
        max_line_bytes=read.value("max_line_bytes", values.number_from(256, 1024 * 1024)),
        max_ratio=read.value("max_ratio", values.number_from(2, 100_000)),
        max_object_bytes=read.value("max_object_bytes", values.number_from(1, 10**12 - 1)),
        reads_in_flight=read.value("reads_in_flight", values.number_from(1, 256)),
        requests_per_second=read.value("requests_per_second", values.number_from(1, 10**6)),
        access=Access(
            read.optional("read_role_arn", values.role_arn, None),
            read.value("requester_pays", values.boolean),
            read.optional("read_endpoint", values.endpoint_url, None),
        ),
    )
