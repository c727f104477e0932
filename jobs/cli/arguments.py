"""argv → frozen Arguments of the tracing job."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.cli import argument_values as values
from jobs.cli.command_line import VERBOSE_HELP, Parser, Reader
from jobs.cli.opensearch_arguments import OPENSEARCH_HELP, OpenSearchTarget, read_target
from jobs.cli.question_arguments import QUESTIONS_HELP, read_question_options
from jobs.errors import BadInput
from transforms.questions.options import QuestionOptions
from transforms.scan.inflate import MAX_RATIO, RATIO_COUNTS_FROM
from transforms.scan.lines import MAX_LINE_BYTES
from transforms.window import Window

__all__ = ["Arguments", "BadInput", "parse_arguments"]

# Objects of flow logs are some tens of MB at most; beyond this something else is meant to be read.
MAX_OBJECT_BYTES = 5 * 1024**3  # what S3 takes in one PUT; memory does not grow with it

# Stands in for a time that was not given or could not be read, so that nothing is said of it twice.
UNASKED = datetime.fromisoformat("1970-01-01T00:00:00Z")


@dataclass(frozen=True)
class Arguments:
    """One run, as asked for; see `--help` for the meaning of each."""

    flow_logs: tuple[str, ...]
    object_list: str | None
    scope: str
    case_id: str
    output: str
    instance_ids: tuple[str, ...]
    one_case_each: bool
    interface_ids: tuple[str, ...]
    addresses: tuple[str, ...]
    vpc_id: str | None
    finding: str | None
    window: Window
    labels: str | None
    opensearch: OpenSearchTarget | None
    record_format: tuple[str, ...]
    max_line_bytes: int
    max_ratio: int
    max_object_bytes: int
    reads_in_flight: int
    strict: bool
    break_lock: str | None
    derive: bool
    dry_run: bool
    prices: str | None
    metrics: str
    question_options: QuestionOptions
    sign_with: str | None = None

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The cases that come of what was asked: this one, or one for each instance."""
        if not self.one_case_each:
            return (self.case_id,)
        return tuple(f"{self.case_id}-{instance_id}" for instance_id in self.instance_ids)

    @property
    def case_uris(self) -> tuple[str, ...]:
        """Their folders."""
        return tuple(self._folder_of(case_id) for case_id in self.case_ids)

    @property
    def case_uri(self) -> str:
        """The folder of this case."""
        return self._folder_of(self.case_id)

    def _folder_of(self, case_id: str) -> str:
        return f"{self.output.rstrip('/')}/{case_id}"

    def table(self, name: str) -> str:
        """Where a table of this case is."""
        return f"{self.case_uri}/{name}"


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read the flags; raises BadInput with all problems at once."""
    read = _PARSER.read(argv)
    if not read.gave("flow_logs", "object_list"):
        expected = f"expected {_HELP['flow_logs']}; or --object_list"
        read.problems.append(f"--flow_logs is missing; {expected}")
    arguments = Arguments(
        flow_logs=read.optional("flow_logs", values.uris, ()),
        object_list=read.optional("object_list", values.uri, None),
        scope=read.optional("scope", values.scope, "instance"),
        case_id=read.required("case_id", values.case_id, ""),
        output=read.required("output", values.uri, ""),
        instance_ids=read.optional("instance_id", values.instance_ids, ()),
        one_case_each=read.optional("one_case_each", values.boolean, False),
        interface_ids=read.optional("interface_ids", values.interface_ids, ()),
        addresses=read.optional("addresses", values.addresses, ()),
        vpc_id=read.optional("vpc_id", values.id_of("vpc"), None),
        finding=read.optional("finding", values.uri, None),
        window=_window(read),
        labels=read.optional("labels", values.uri, None),
        opensearch=read_target(read),
        record_format=read.optional("record_format", values.record_format, ()),
        max_line_bytes=read.optional(
            "max_line_bytes", values.number_from(256, 1024 * 1024), MAX_LINE_BYTES
        ),
        max_ratio=read.optional("max_ratio", values.number_from(2, 100_000), MAX_RATIO),
        max_object_bytes=read.optional(
            "max_object_bytes", values.number_from(1, 10**12 - 1), MAX_OBJECT_BYTES
        ),
        reads_in_flight=read.optional("reads_in_flight", values.number_from(1, 256), 32),
        strict=read.optional("strict", values.boolean, False),
        break_lock=read.optional("break_lock", values.run_id, None),
        derive=read.optional("derive", values.boolean, True),
        dry_run=read.optional("dry_run", values.boolean, False),
        prices=read.optional("prices", values.uri, None),
        metrics=read.optional("metrics", values.metrics, "none"),
        question_options=read_question_options(read),
        sign_with=read.optional("sign_with", values.kms_key, None),
    )
    has_subject = read.gave("finding", "instance_id", "interface_ids", "addresses")
    if arguments.scope == "instance" and not has_subject:
        read.problems.append(
            "no subject: expected --finding, --instance_id, --interface_ids or --addresses; "
            "or take every flow with --scope everything"
        )
    if read.gave("finding") and len(arguments.instance_ids) > 1:
        read.problems.append(
            "--instance_id: found several with --finding; expected one of those that it is about"
        )
    if arguments.one_case_each:
        read.problems += _not_each(read, arguments)
    beyond = [name for name in ("hops", "baseline_days") if read.gave(name)]
    if beyond and arguments.scope == "everything":
        read.problems.append(
            f"--{beyond[0]}: found with --scope everything; expected --scope instance, as it is "
            "one subject that is compared or followed"
        )
    if arguments.question_options.baseline_days and not arguments.flow_logs:
        read.problems.append(
            "--baseline_days: found without --flow_logs; expected the prefixes to list the days "
            "before in"
        )
    if read.problems:
        raise BadInput(read.problems)
    return arguments


def _not_each(read: Reader, arguments: Arguments) -> Iterator[str]:
    """What does not go together with a case for each instance."""
    if not arguments.instance_ids:
        yield "--one_case_each: found no --instance_id; expected the instances, comma separated"
    for name in ("finding", "interface_ids", "addresses"):
        if read.gave(name):
            yield (
                f"--{name}: found with --one_case_each true; expected --instance_id and --labels "
                "only, as it does not say which of the instances it is about"
            )
    if arguments.scope == "everything":
        yield "--scope: found everything with --one_case_each true; expected instance"
    longest = max((len(case_id) for case_id in arguments.case_ids), default=0)
    if longest > values.CASE_ID_MOST:
        at_most = len(arguments.case_id) - (longest - values.CASE_ID_MOST)
        yield (
            f"--case_id: found {len(arguments.case_id)} characters; expected at most {at_most}, "
            "as a dash and the instance id follow"
        )


_HELP = {
    "flow_logs": "prefixes of flow log objects, comma separated: folders or s3://…",
    "object_list": "objects by name: a file or s3://… with one path or URI per line",
    "scope": "instance (default) or everything",
    "case_id": "name of the case: the folder under --output and the OpenSearch alias",
    "output": "where the Delta tables go: a folder or s3://…",
    "finding": "a GuardDuty finding, or several of one instance: a JSON file or s3://…",
    "instance_id": "the instance under suspicion; or several, comma separated, as one case",
    "one_case_each": "true: each instance is a case of its own, named <case_id>-<instance id>, all "
    "from one reading of the objects (default false)",
    "interface_ids": "its interfaces, comma separated, beside those that the labels know",
    "addresses": "its addresses, comma separated, beside those that the labels know",
    "vpc_id": "its VPC, where labels do not tell",
    "from": "start of the window: 2026-11-23T00:00:00Z, or now-25h (a finding has one)",
    "to": "end of the window (not part of it), like --from (a finding has one)",
    "slack_minutes": "how late an object may have been written (default 60)",
    "labels": "folder with interfaces, subnets, vpcs, instances (.csv, .jsonl or .parquet)",
    **QUESTIONS_HELP,
    **OPENSEARCH_HELP,
    "record_format": "fields of objects without a header, in order: account-id start …",
    "max_line_bytes": f"longer lines are refused (default {MAX_LINE_BYTES})",
    "max_ratio": f"objects that inflate to more than so many times their size are refused, from "
    f"{RATIO_COUNTS_FROM // 10**6} MB of text on (default {MAX_RATIO})",
    "max_object_bytes": f"larger objects, as stored, are refused (default {MAX_OBJECT_BYTES})",
    "reads_in_flight": "objects read at a time in each task (default 32)",
    "strict": "true: exit code 3 when anything was refused or the sinks disagree",
    "break_lock": "id of a dead run that still holds the case; the error that names it says so",
    "derive": "false: only what flags, finding and labels say is the subject's (default true)",
    "dry_run": "true: list and prune, say what a run would read, take and cost; read nothing",
    "prices": "for --dry_run: a file like conf/prices.json, with speeds and prices of yours",
    "sign_with": "a KMS key (ARN, id or alias/NAME) to sign the manifest with: asymmetric or HMAC",
    "metrics": "emf: a last line from which CloudWatch Logs makes metrics (default none)",
    **VERBOSE_HELP,
}


_PARSER = Parser(
    prog="trace_instance",
    description="Trace one EC2 instance through VPC Flow Logs. @file holds flags.",
    epilog="exit codes: 0 complete; 1 unexpected; 2 wrong arguments or inputs, nothing written; "
    "3 complete, but --strict true and something was refused; 4 the books do not balance; "
    "5 the credentials expired on the way; 6 another run holds the case, nothing written; "
    "7 a disk is full; 8 a worker or an executor died; 130 Ctrl-C",
    flags=_HELP,
)


def _window(read: Reader) -> Window:
    """What was asked for; a finding fills in what was not (see `findings.settled`)."""
    either = read.optional if read.gave("finding") else read.required
    from_at = either("from", values.time, UNASKED)
    to_at = either("to", values.time, UNASKED)
    slack = read.optional("slack_minutes", values.number_from(0, 7 * 24 * 60), 60)
    if to_at <= from_at and UNASKED not in (from_at, to_at):
        read.problems.append(f"--to: found {to_at}; expected a time after --from {from_at}")
    return Window(from_at, to_at, timedelta(minutes=slack))
