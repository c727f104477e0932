"""argv → frozen Arguments. The only file that knows that Glue adds flags of its own."""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar

from jobs import argument_values as values
from transforms.scan import MAX_LINE_BYTES
from transforms.window import Window

# AWS, "Using job parameters in AWS Glue jobs": what Glue puts in front of the job's own arguments.
GLUE_FLAGS = (
    "JOB_NAME",
    "JOB_ID",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "TempDir",
    "job-bookmark-option",
    "job-bookmark-from",
    "job-bookmark-to",
    "encryption-type",
    "enable-metrics",
    "enable-continuous-cloudwatch-log",
    "continuous-log-logGroup",
)

# Stands in for a time that could not be read, so that nothing is said of it twice.
_UNREADABLE = datetime.fromisoformat("1970-01-01T00:00:00Z")

T = TypeVar("T")


class BadInput(Exception):
    """What the caller gave cannot be worked with; holds every problem found, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Arguments:
    """One run, as asked for; see `--help` for the meaning of each."""

    flow_logs: tuple[str, ...]
    scope: str
    case_id: str
    output: str
    instance_id: str | None
    interface_ids: tuple[str, ...]
    addresses: tuple[str, ...]
    vpc_id: str | None
    window: Window
    labels: str | None
    opensearch_url: str | None
    opensearch_writers: int
    max_line_bytes: int
    reads_in_flight: int
    strict: bool

    def table(self, name: str) -> str:
        """Where a table of this case is."""
        return f"{self.output.rstrip('/')}/{self.case_id}/{name}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput([f"{message}; see --help"])

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """`@file` holds one `--name value` per line; `#` starts a comment."""
        words = arg_line.partition("#")[0].split(maxsplit=1)
        return [word.strip() for word in words]


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read the flags; raises BadInput with all problems at once."""
    parser = _parser()
    given, unknown = parser.parse_known_args(argv)
    problems = _unknown_flags(unknown, parser)
    read = _Reader(vars(given), problems)
    arguments = Arguments(
        flow_logs=read.required("flow_logs", values.uris, ()),
        scope=read.optional("scope", values.scope, "instance"),
        case_id=read.required("case_id", values.case_id, ""),
        output=read.required("output", values.uri, ""),
        instance_id=read.optional("instance_id", values.id_of("i"), None),
        interface_ids=read.optional("interface_ids", values.interface_ids, ()),
        addresses=read.optional("addresses", values.addresses, ()),
        vpc_id=read.optional("vpc_id", values.id_of("vpc"), None),
        window=read.window(),
        labels=read.optional("labels", values.uri, None),
        opensearch_url=read.optional("opensearch_url", values.opensearch_url, None),
        opensearch_writers=read.optional("opensearch_writers", values.number_from(1, 64), 4),
        max_line_bytes=read.optional(
            "max_line_bytes", values.number_from(256, 1024 * 1024), MAX_LINE_BYTES
        ),
        reads_in_flight=read.optional("reads_in_flight", values.number_from(1, 256), 32),
        strict=read.optional("strict", values.boolean, False),
    )
    has_subject = read.gave("instance_id", "interface_ids", "addresses")
    if arguments.scope == "instance" and not has_subject:
        problems.append(
            "no subject: expected --instance_id, --interface_ids or --addresses; "
            "or take every flow with --scope everything"
        )
    if problems:
        raise BadInput(problems)
    return arguments


_HELP = {
    "flow_logs": "prefixes of flow log objects, comma separated: folders or s3://…",
    "scope": "instance (default) or everything",
    "case_id": "name of the case: the folder under --output and the OpenSearch alias",
    "output": "where the Delta tables go: a folder or s3://…",
    "instance_id": "the instance under suspicion",
    "interface_ids": "its interfaces, comma separated, beside those that the labels know",
    "addresses": "its addresses, comma separated, beside those that the labels know",
    "vpc_id": "its VPC, where labels do not tell",
    "from": "start of the window, with a zone: 2026-11-23T00:00:00Z",
    "to": "end of the window (not part of it), with a zone",
    "slack_minutes": "how late an object may have been written (default 60)",
    "labels": "folder with interfaces, subnets, vpcs, instances (.csv, .jsonl or .parquet)",
    "opensearch_url": "where to index the flows; left out: Delta only",
    "opensearch_writers": "bulk writers at a time (default 4)",
    "max_line_bytes": f"longer lines are refused (default {MAX_LINE_BYTES})",
    "reads_in_flight": "objects read at a time in each task (default 32)",
    "strict": "true: exit code 3 when anything was refused or the sinks disagree",
}


def _parser() -> _Parser:
    parser = _Parser(
        prog="trace_instance",
        description="Trace one EC2 instance through VPC Flow Logs. @file holds flags.",
        epilog="exit codes: 0 complete; 1 unexpected; 2 wrong arguments or inputs, nothing "
        "written; 3 complete, but --strict true and something was refused; 4 the books do not "
        "balance",
        fromfile_prefix_chars="@",
        allow_abbrev=False,
    )
    for name, text in _HELP.items():
        parser.add_argument(f"--{name}", dest=name, metavar="VALUE", help=text)
    for name in GLUE_FLAGS:
        parser.add_argument(f"--{name}", dest=f"glue {name}", help=argparse.SUPPRESS)
    return parser


def _unknown_flags(words: Sequence[str], parser: _Parser) -> list[str]:
    known = ", ".join(f"--{name}" for name in _HELP)
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    if words and not flags:
        return [f"found {words[0]!r} where a flag was expected; give every flag as --name value"]
    return [f"unknown flag {flag}; expected one of {known}" for flag in flags]


class _Reader:
    """Values by flag; what cannot be read becomes a problem and the default stands in for it."""

    def __init__(self, given: dict[str, str | None], problems: list[str]) -> None:
        self._given = given
        self._problems = problems

    def gave(self, *names: str) -> bool:
        """Whether any of these flags was given, readable or not."""
        return any(self._given[name] is not None for name in names)

    def optional(self, name: str, read: Callable[[str], T], default: T) -> T:
        text = self._given[name]
        if text is None:
            return default
        try:
            return read(text)
        except ValueError as error:
            shown = re.sub(r"//[^/@]*@", "//***@", text[:200])
            self._problems.append(f"--{name}: found {shown!r}; {error}")
            return default

    def required(self, name: str, read: Callable[[str], T], default: T) -> T:
        if self._given[name] is None:
            self._problems.append(f"--{name} is missing; expected {_HELP[name]}")
        return self.optional(name, read, default)

    def window(self) -> Window:
        from_at = self.required("from", values.time, _UNREADABLE)
        to_at = self.required("to", values.time, _UNREADABLE)
        slack = self.optional("slack_minutes", values.number_from(0, 7 * 24 * 60), 60)
        if to_at <= from_at and _UNREADABLE not in (from_at, to_at):
            self._problems.append(f"--to: found {to_at}; expected a time after --from {from_at}")
        return Window(from_at, to_at, timedelta(minutes=slack))
