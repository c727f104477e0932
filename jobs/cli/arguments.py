"""argv → frozen Arguments of the tracing job."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser, Reader
from jobs.cli.opensearch_arguments import OpenSearchTarget, read_target
from jobs.cli.question_arguments import read_question_options
from jobs.cli.reading_arguments import ReadingArguments, read_reading
from jobs.cli.trace_flags import TRACE
from jobs.errors import BadInput
from transforms import patterns
from transforms.questions.options import QuestionOptions
from transforms.text import quoted
from transforms.window import Window

__all__ = ["Arguments", "BadInput", "parse_arguments"]

# Stands in for a time that was not given or could not be read, so that it is not reported twice.
NOT_GIVEN = datetime.fromisoformat("1970-01-01T00:00:00Z")


@dataclass(frozen=True, kw_only=True)
class Arguments(ReadingArguments):
    """The flags of one run; `--help` says what each means.

    `instance_names` are looked up in the labels before anything is read: then `instance_ids` has
    their ids as well.
    """

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
    strict: bool
    break_lock: str | None
    derive: bool
    dry_run: bool
    prices: str | None
    metrics: str
    question_options: QuestionOptions
    sign_with: str | None = None
    instance_names: tuple[str, ...] = ()
    flow_table: str | None = None

    @property
    def is_listed_by_table(self) -> bool:
        """Whether nothing but the flow table says which objects there are."""
        return self.flow_table is not None and not (self.flow_logs or self.object_list)

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The ids of its cases: this one, or one for each instance."""
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


def parse_arguments(argv: Sequence[str], also_known: Collection[str] = ()) -> Arguments:
    """Read the flags; raises BadInput with all problems at once.

    `also_known` are flags of a command around this one, which an unknown flag may have meant.
    """
    read = _PARSER.read(argv, also_known)
    read.problems += _nothing_to_read(read)
    nobody: tuple[str, ...] = ()
    instances = read.optional("instance_id", values.instances, nobody)
    arguments = Arguments(
        flow_logs=read.optional("flow_logs", values.uris, ()),
        object_list=read.optional("object_list", values.uri, None),
        scope=read.value("scope", values.scope),
        case_id=read.required("case_id", values.case_id, ""),
        output=read.required("output", values.uri, ""),
        instance_ids=tuple(filter(values.is_instance_id, instances)),
        instance_names=tuple(text for text in instances if not values.is_instance_id(text)),
        one_case_each=read.value("one_case_each", values.boolean),
        interface_ids=read.optional("interface_ids", values.interface_ids, ()),
        addresses=read.optional("addresses", values.addresses, ()),
        vpc_id=read.optional("vpc_id", values.id_of("vpc"), None),
        finding=read.optional("finding", values.uri, None),
        window=_window(read),
        labels=read.optional("labels", values.uri, None),
        opensearch=read_target(read),
        strict=read.value("strict", values.boolean),
        break_lock=read.optional("break_lock", values.run_id, None),
        derive=read.value("derive", values.boolean),
        dry_run=read.value("dry_run", values.boolean),
        prices=read.optional("prices", values.uri, None),
        metrics=read.value("metrics", values.metrics),
        question_options=read_question_options(read),
        flow_table=read.optional("flow_table", values.uri, None),
        sign_with=read.optional("sign_with", values.kms_key, None),
        **vars(read_reading(read)),
    )
    read.problems += _contradictions(read, arguments)
    if read.problems:
        raise BadInput(read.problems)
    return arguments


def _nothing_to_read(read: Reader) -> Iterator[str]:
    if not read.gave("flow_logs", "object_list", "flow_table"):
        yield (
            f"--flow_logs is missing; expected {TRACE.flags['flow_logs'].help}; or --object_list; "
            "or --flow_table"
        )


def _contradictions(read: Reader, arguments: Arguments) -> Iterator[str]:
    """What does not go together, and a subject that is missing."""
    has_subject = read.gave("finding", "instance_id", "interface_ids", "addresses")
    if arguments.scope == "instance" and not has_subject:
        yield (
            "no subject: expected --finding, --instance_id, --interface_ids or --addresses; "
            "or take every flow with --scope everything"
        )
    if arguments.instance_names and not read.gave("labels"):
        yield (
            f"--instance_id: found {quoted(arguments.instance_names[0])}; expected i- and 8 to 17 "
            "hex digits, or a name together with the --labels that know it"
        )
    are_several = len(arguments.instance_ids + arguments.instance_names) > 1
    if read.gave("finding") and are_several and not arguments.one_case_each:
        yield "--instance_id: found several with --finding; expected one of those that it is about"
    if arguments.one_case_each:
        yield from _not_each(read, arguments)
    if arguments.flow_table and arguments.scope == "everything":
        yield (
            "--flow_table: found with --scope everything; expected --scope instance, as the table "
            "has every flow already"
        )
    beyond = [name for name in ("max_hops", "baseline_days") if read.gave(name)]
    if beyond and arguments.scope == "everything":
        yield (
            f"--{beyond[0]}: found with --scope everything; expected --scope instance, as it is "
            "one subject that is compared or followed"
        )
    days_before = arguments.question_options.baseline_days
    if days_before and not (arguments.flow_logs or arguments.is_listed_by_table):
        yield (
            "--baseline_days: found without --flow_logs; expected the prefixes to list the days "
            "before in"
        )


def _not_each(read: Reader, arguments: Arguments) -> Iterator[str]:
    """What does not go together with a case for each instance."""
    if not read.gave("instance_id", "finding"):
        yield (
            "--one_case_each: found no --instance_id; expected the instances, comma separated, or "
            "a --finding that is about them"
        )
    for name in ("interface_ids", "addresses"):
        if read.gave(name):
            yield (
                f"--{name}: found with --one_case_each true; expected --instance_id or --finding, "
                "as it does not say which of the instances it is about"
            )
    if arguments.scope == "everything":
        yield "--scope: found everything with --one_case_each true; expected instance"
    yield from too_long(arguments)


_LONGEST_INSTANCE_ID = "i-" + 17 * "0"


def too_long(arguments: Arguments) -> Iterator[str]:
    """Whether an id of a case of its own is too long; names of instances may not be known yet."""
    case_ids = arguments.case_ids
    if not (case_ids or arguments.instance_names):  # the finding has yet to name them
        case_ids = (f"{arguments.case_id}-{_LONGEST_INSTANCE_ID}",)
    longest = max(map(len, case_ids), default=0)
    if longest > patterns.CASE_ID_LIMIT:
        at_most = len(arguments.case_id) - (longest - patterns.CASE_ID_LIMIT)
        yield (
            f"--case_id: found {len(arguments.case_id)} characters; expected at most {at_most}, "
            "as a dash and the instance id follow"
        )


_PARSER = Parser(TRACE)


def _window(read: Reader) -> Window:
    """The window that was given; a finding fills in what is missing (see `findings.settled`)."""
    either = read.optional if read.gave("finding") else read.required
    from_at = either("from", values.time, NOT_GIVEN)
    to_at = either("to", values.time, NOT_GIVEN)
    slack = read.value("slack_minutes", values.number_from(0, 7 * 24 * 60))
    if to_at <= from_at and NOT_GIVEN not in (from_at, to_at):
        read.problems.append(f"--to: found {to_at}; expected a time after --from {from_at}")
    return Window(from_at, to_at, timedelta(minutes=slack))
