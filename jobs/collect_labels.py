"""The command: EC2 inventory → a label snapshot, added to the history of earlier snapshots."""

import json
import logging
import re
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.flags import VERBOSE, Command, Flag, FlagGroup
from jobs.cli.main import run_main
from jobs.errors import EXPIRED_CODES, BadInput, ExitCode, Failure
from jobs.sources.inventory import Inventory, Missing
from jobs.sources.labels import SNAPSHOT, aws_range_rows
from jobs.storage.object_store import first_line, place_of
from jobs.storage.whole_objects import (
    NotThere,
    StorageFailed,
    below,
    read_bytes,
    reason_of,
    write_bytes,
)
from transforms import patterns
from transforms.label.history import Cells, merged, one_row_each
from transforms.label.tables import KEY_COLUMNS

logger = logging.getLogger(__name__)

COLLECT = Command(
    start="python -m jobs.collect_labels",
    purpose="Write which interface, address and name belonged to which instance; run it regularly, "
    "and the snapshots become a history.",
    groups=(
        FlagGroup(
            "What to collect",
            (
                Flag("regions", "REGION,REGION…", "regions to ask; without it, the one of boto3"),
                Flag("role_arns", "ARN,ARN…", "roles to assume, one for each further account"),
                Flag(
                    "config_history",
                    "true|false",
                    "true: also interfaces and instances that are gone, from AWS Config",
                    "false",
                ),
                Flag("aws_ranges", "URI", "AWS's ip-ranges.json: a file, s3://… or https://…"),
            ),
            "--regions eu-west-1,us-east-1 "
            "--aws_ranges https://ip-ranges.amazonaws.com/ip-ranges.json",
        ),
        FlagGroup(
            "Where it goes",
            (
                Flag(
                    "output",
                    "URI",
                    "folder of the snapshot, or s3://…; the history that is there already goes on",
                    is_required=True,
                ),
                Flag("strict", "true|false", "true: exit code 3 when AWS denied a call", "false"),
                VERBOSE,
            ),
            "--output labels/ --strict true",
        ),
    ),
    exit_codes={
        ExitCode.COMPLETE: "complete",
        ExitCode.FAILED: "AWS, the network or --output failed",
        ExitCode.BAD_INPUT: "wrong flags or inputs; nothing was written",
        ExitCode.INCOMPLETE: "written, but --strict true and AWS denied a call",
        ExitCode.EXPIRED: "the credentials expired; nothing was written",
        ExitCode.DISK_FULL: "the disk of --output is full",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)
_PARSER = Parser(COLLECT)


class Request(NamedTuple):
    """What to collect, and where it goes."""

    output: str
    regions: tuple[str, ...]
    role_arns: tuple[str, ...]
    aws_ranges: str | None
    config_history: bool
    strict: bool


class NothingCollected(Failure):
    """AWS did not answer as needed, so that no snapshot was written."""

    def __init__(self, error: ClientError | BotoCoreError) -> None:
        super().__init__(f"{error}; nothing was written")
        response = error.response if isinstance(error, ClientError) else {}
        if response.get("Error", {}).get("Code") in EXPIRED_CODES:
            self.exit_code = ExitCode.EXPIRED


class NotStored(Failure):
    """The snapshot, or a part of it, could not be written."""

    def __init__(self, output: str, failure: StorageFailed) -> None:
        super().__init__(
            f"--output {output}: found that {failure.reason}; expected a place to write to; some "
            "tables may be new and others as they were: make it writable and collect again"
        )
        self.exit_code = failure.exit_code


class Collected(NamedTuple):
    """Rows by table, the places that answered for each, and sentences about what is missing."""

    tables: dict[str, list[Cells]]
    gone: dict[str, list[Cells]]
    covered: set[tuple[str, object, object]]
    missing: list[str]


def main(argv: Sequence[str]) -> int:
    """Collect for these flags; returns the exit code that `--help` explains."""
    return run_main(_collect, argv)


def _collect(argv: Sequence[str]) -> int:
    request = parse_request(argv)
    ranges = _aws_ranges(request.aws_ranges)
    try:
        collected = collect(request)
    except (ClientError, BotoCoreError) as error:
        raise NothingCollected(error) from error
    try:
        counts = write(request.output, collected, ranges, datetime.now(UTC))
    except StorageFailed as failure:
        raise NotStored(request.output, failure) from failure
    print(f"{request.output}: " + ", ".join(f"{n:,} {table}" for table, n in counts.items()))
    for sentence in collected.missing:
        print(f"missing: {sentence}")
    is_incomplete = request.strict and collected.missing
    return ExitCode.INCOMPLETE if is_incomplete else ExitCode.COMPLETE


def parse_request(argv: Sequence[str]) -> Request:
    """Read the flags; raises BadInput with all problems at once."""
    read = _PARSER.read(argv)
    request = Request(
        output=read.required("output", values.uri, ""),
        regions=read.optional("regions", _regions, ()),
        role_arns=read.optional("role_arns", _role_arns, ()),
        aws_ranges=read.optional("aws_ranges", str, None),
        config_history=read.value("config_history", values.boolean),
        strict=read.value("strict", values.boolean),
    )
    regions = request.regions or tuple(filter(None, [boto3.Session().region_name]))
    if not regions and not read.gave("regions"):
        read.problems.append("no region: expected --regions, or AWS_REGION in the environment")
    if read.problems:
        raise BadInput(read.problems)
    return request._replace(regions=regions)


def collect(request: Request) -> Collected:
    """Ask every account and region; a call that is not allowed is named, and the rest goes on."""
    found = Collected({}, {}, set(), [])
    for session, account_id in _sessions(request):
        for region in request.regions:
            inventory = Inventory(session, region, account_id)
            for table, rows in inventory.tables.items():
                try:
                    found.tables.setdefault(table, []).extend(rows())
                except Missing as missing:
                    found.missing.append(str(missing))
                else:
                    found.covered.add((table, account_id, region))
            for table in ("interfaces", "instances") if request.config_history else ():
                try:
                    found.gone.setdefault(table, []).extend(inventory.gone(table))
                except Missing as missing:
                    found.missing.append(str(missing))
    return found


def write(output: str, collected: Collected, ranges: bytes | None, now: datetime) -> dict[str, int]:
    """Write each table of the snapshot, then `snapshot.json`; returns the rows by table."""
    place = place_of(output)
    counts: dict[str, int] = {}
    histories = {
        table: _history(table, _known(below(place, f"{table}.jsonl")), collected, now)
        for table in collected.tables
    }
    for table, rows in histories.items():
        text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        if rows:
            write_bytes(below(place, f"{table}.jsonl"), text.encode())
        counts[table] = len(rows)
    if ranges is not None:
        write_bytes(below(place, "aws_ranges.json"), ranges)
    snapshot = {
        "taken_at": now.isoformat(timespec="seconds"),
        "covered": sorted(map(list, collected.covered)),
        "rows": counts,
        "missing": collected.missing,
    }
    write_bytes(below(place, SNAPSHOT), json.dumps(snapshot, indent=1).encode())
    return counts


def _history(table: str, known: list[Cells], collected: Collected, now: datetime) -> list[Cells]:
    if table == "prefix_lists":  # entries have no id of their own: what is true now replaces them
        elsewhere = [row for row in known if not _is_covered(table, row, collected)]
        return [*elsewhere, *collected.tables[table]]
    key = KEY_COLUMNS[table]
    seen = one_row_each(collected.tables[table], key)
    rows = merged(
        known,
        seen,
        key=key,
        taken_at=now,
        is_covered=lambda row: _is_covered(table, row, collected),
    )
    # The record of AWS Config is finer than what snapshots saw of the same resource.
    gone = collected.gone.get(table, [])
    recorded = {row[key] for row in gone}
    return [row for row in rows if row[key] not in recorded] + gone


def _is_covered(table: str, row: Mapping[str, object], collected: Collected) -> bool:
    return (table, row.get("account_id"), row.get("region")) in collected.covered


def _known(uri: str) -> list[Cells]:
    """The rows of an earlier snapshot; none where there is none."""
    try:
        return [json.loads(line) for line in read_bytes(uri).decode().splitlines() if line]
    except NotThere:
        return []
    except (ValueError, RecursionError) as error:
        raise BadInput(
            [f"{uri}: found no snapshot to add to: {first_line(error)}; choose another --output"]
        ) from error


def _sessions(request: Request) -> Iterator[tuple[boto3.Session, str]]:
    """A session per account, with its account id."""
    own = boto3.Session(region_name=request.regions[0])
    if not request.role_arns:
        yield own, own.client("sts").get_caller_identity()["Account"]
    for arn in request.role_arns:
        answer = own.client("sts").assume_role(RoleArn=arn, RoleSessionName="vpc-flow-trace")
        keys = answer["Credentials"]
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        yield session, arn.split(":")[4]


def _aws_ranges(uri: str | None) -> bytes | None:
    if uri is None:
        return None
    try:
        if uri.startswith("https://"):
            with urllib.request.urlopen(uri, timeout=60) as answer:
                data: bytes = answer.read()
        else:
            data = read_bytes(uri)
        list(aws_range_rows("aws_ranges.json", data))
    except (OSError, ValueError, RecursionError, StorageFailed) as error:
        raise BadInput(
            [f"--aws_ranges {uri}: {reason_of(error)}; expected AWS's ip-ranges.json"]
        ) from error
    return data


def _regions(text: str) -> tuple[str, ...]:
    found = values.items(text)
    if not found or not all(re.fullmatch(patterns.REGION, item) for item in found):
        raise ValueError("expected regions such as eu-west-1,us-east-1")
    return found


def _role_arns(text: str) -> tuple[str, ...]:
    found = values.items(text)
    if not all(re.fullmatch(patterns.ROLE_ARN, arn) for arn in found):
        raise ValueError("expected arn:aws:iam::ACCOUNT:role/NAME")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
