"""argv → what labels are collected from, and where they go."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import boto3

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.flags import VERBOSE, Command, Flag, FlagGroup
from jobs.errors import BadInput, ExitCode
from transforms import patterns

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
                    "organization_role",
                    "NAME",
                    "role to assume in every active account of this organisation",
                ),
                Flag(
                    "aggregator",
                    "NAME",
                    "aggregator of AWS Config to ask instead of EC2, in the first of --regions",
                ),
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
    organization_role: str | None
    aggregator: str | None
    aws_ranges: str | None
    config_history: bool
    strict: bool


def parse_request(argv: Sequence[str]) -> Request:
    """Read the flags; raises BadInput with all problems at once."""
    read = _PARSER.read(argv)
    request = Request(
        output=read.required("output", values.uri, ""),
        regions=read.optional("regions", _regions, ()),
        role_arns=read.optional("role_arns", _role_arns, ()),
        organization_role=read.optional("organization_role", _role_name, None),
        aggregator=read.optional("aggregator", _aggregator, None),
        aws_ranges=read.optional("aws_ranges", str, None),
        config_history=read.value("config_history", values.boolean),
        strict=read.value("strict", values.boolean),
    )
    regions = request.regions or tuple(filter(None, [boto3.Session().region_name]))
    if not regions and not read.gave("regions"):
        read.problems.append("no region: expected --regions, or AWS_REGION in the environment")
    ways = [name for name in ("role_arns", "organization_role", "aggregator") if read.gave(name)]
    if len(ways) > 1:
        read.problems.append(f"--{ways[0]}: found --{ways[1]} as well; expected one of them")
    if read.problems:
        raise BadInput(read.problems)
    return request._replace(regions=regions)


def _regions(text: str) -> tuple[str, ...]:
    found = values.items(text)
    if not found or not all(re.fullmatch(patterns.REGION, item) for item in found):
        raise ValueError("expected regions such as eu-west-1,us-east-1")
    return found


def _role_name(text: str) -> str:
    if not re.fullmatch(patterns.ROLE_NAME, text):
        raise ValueError("expected the name of a role, which is the same in every account")
    return text


def _aggregator(text: str) -> str:
    if not re.fullmatch(r"[\w-]{1,256}", text, re.ASCII):
        raise ValueError("expected the name of an aggregator of AWS Config")
    return text


def _role_arns(text: str) -> tuple[str, ...]:
    return tuple(map(values.role_arn, values.items(text)))
