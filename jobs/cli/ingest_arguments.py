"""argv → what an ingest reads, and which flow table it fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser, Reader
from jobs.cli.flags import VERBOSE, Command, Flag, FlagGroup
from jobs.cli.opensearch_arguments import OPENSEARCH, OpenSearchTarget, read_target
from jobs.cli.reading_arguments import ReadingArguments, read_reading
from jobs.cli.trace_flags import TRACE
from jobs.cli.watch_list_file import WATCH, listed_instances, nameless
from jobs.errors import BadInput, ExitCode
from transforms.scan.prefixes import has_places
from transforms.text import sanitise
from transforms.window import LONGEST_INTERVAL, LONGEST_LAG, Window

_OF_TRACE = TRACE.flags

INGEST = Command(
    start="spark-submit --properties-file conf/local.conf jobs/ingest_flows.py",
    purpose="Read every flow record once, label it, and add it to a flow table, which "
    "trace_instance reads with --flow_table. Run it regularly: each object is read once, however "
    "late it comes. --flow_logs and --flow_table are required.",
    groups=(
        FlagGroup(
            "What to read",
            (
                Flag(
                    "flow_logs",
                    "URI,URI…",
                    "prefixes of flow log objects: folders or s3://…",
                    is_required=True,
                ),
                Flag("late_days", "DAYS", "how far back to look for objects that are new", "3"),
                Flag(
                    "from",
                    "TIME",
                    "look back to here instead, as for the first run: 2026-11-01T00:00:00Z",
                ),
                Flag("to", "TIME", "leave out what is later", "now"),
                *(
                    _OF_TRACE[name]
                    for name in ("record_format", "read_role_arn", "requester_pays",
                                 "read_endpoint")
                ),
            ),
            "--flow_logs s3://my-bucket/AWSLogs/111122223333 --late_days 2",
        ),
        FlagGroup(
            "Where it goes",
            (
                Flag(
                    "flow_table",
                    "URI",
                    "the flow table: a folder or s3://…; the first run makes it",
                    is_required=True,
                ),
                _OF_TRACE["labels"],
                Flag(
                    "keep_days",
                    "DAYS",
                    "delete days from the table that are older; without it all of them stay",
                ),
                Flag(
                    "strict",
                    "true|false",
                    "true: exit code 3 when anything was refused or could not be read",
                    "false",
                ),
                Flag("break_lock", "RUN", "id of a dead run that still holds the table"),
            ),
            "--flow_table s3://my-flows/table --labels s3://my-artifacts/labels",
        ),
        WATCH,
        FlagGroup(
            "OpenSearch",
            (
                *OPENSEARCH.flags,
                Flag(
                    "opensearch_prefix",
                    "NAME",
                    "what the names of the daily indices begin with: all-flows-2026.11.23",
                    "all-flows",
                ),
            ),
            "--opensearch_url https://search.example:9200 --opensearch_auth basic",
        ),
        FlagGroup(
            "Limits and details",
            (
                *(
                    _OF_TRACE[name]
                    for name in ("max_line_bytes", "max_ratio", "max_object_bytes",
                                 "reads_in_flight", "requests_per_second")
                ),
                VERBOSE,
            ),
            "--reads_in_flight 8",
        ),
    ),
    exit_codes={
        ExitCode.COMPLETE: "complete; also where nothing was new",
        ExitCode.FAILED: "something failed on the way, and nothing of this run counts; or it was "
        "the watch or OpenSearch, as the error says: then the flow table has everything, and the "
        "next run makes up for it",
        ExitCode.BAD_INPUT: "wrong flags or inputs; nothing was written",
        ExitCode.INCOMPLETE: "complete, but --strict true and something was refused or unreadable",
        ExitCode.UNBALANCED: "the books do not balance",
        ExitCode.EXPIRED: "the credentials expired on the way; nothing of this run counts",
        ExitCode.HELD: "another run fills the table; nothing was written",
        ExitCode.DISK_FULL: "a disk is full",
        ExitCode.WORKER_LOST: "a worker or an executor died",
        ExitCode.WATCH_TOLD: "complete, but --watch_exit true and the watch told something new",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)  # fmt: skip
_PARSER = Parser(INGEST)
# Takes back all that a window adds after its end.
_UNTIL_TO = -(LONGEST_INTERVAL + LONGEST_LAG + timedelta(seconds=1))
# Records of any time are stored: which of them a case wants is not known yet.
_EVER = Window(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class IngestArguments(ReadingArguments):
    """The flags of one ingest; `--help` says what each means. `window` is that of the objects."""

    flow_logs: tuple[str, ...]
    flow_table: str
    window: Window
    labels: str | None
    strict: bool
    break_lock: str | None
    keep_days: int | None = None
    opensearch: OpenSearchTarget | None = None
    opensearch_prefix: str = "all-flows"
    watched: tuple[str, ...] = ()  # ids and names of instances
    watch_exit: bool = False
    everything: Window = _EVER

    @property
    def listed(self) -> Window:
        """The window whose objects are those with a stamp before `to`: later ones are the next
        run's.
        """
        return self.window._replace(slack=_UNTIL_TO)

    @property
    def keep_from(self) -> date | None:
        """The first day that stays in the table; None where all do."""
        if self.keep_days is None:
            return None
        return (self.window.to_at - timedelta(days=self.keep_days)).date()

    def as_parameters(self) -> dict[str, object]:
        """What the manifest of the run says of them."""
        return {
            "flow_logs": list(self.flow_logs),
            "from": self.window.from_at.isoformat(),
            "to": self.window.to_at.isoformat(),
            "labels": self.labels,
            "keep_days": self.keep_days,
            "watched": list(self.watched),
            "record_format": list(self.record_format),
            "max_line_bytes": self.max_line_bytes,
            "max_ratio": self.max_ratio,
            "max_object_bytes": self.max_object_bytes,
            "access": self.access._asdict(),
        }


def parse_ingest(argv: Sequence[str]) -> IngestArguments:
    """Read the flags; raises BadInput with all problems at once."""
    read = _PARSER.read(argv)
    arguments = IngestArguments(
        flow_logs=read.required("flow_logs", values.uris, ()),
        flow_table=read.required("flow_table", values.uri, "").rstrip("/"),
        window=_window(read),
        labels=read.optional("labels", values.uri, None),
        strict=read.value("strict", values.boolean),
        break_lock=read.optional("break_lock", values.run_id, None),
        keep_days=read.optional("keep_days", values.number_from(1, 36_500), None),
        opensearch=read_target(read),
        opensearch_prefix=read.value("opensearch_prefix", values.index_prefix),
        watched=read.optional("watch_list", listed_instances, ()),
        watch_exit=read.value("watch_exit", values.boolean),
        **vars(read_reading(read)),
    )
    read.problems += nameless(arguments.watched, arguments.labels)
    for prefix in filter(has_places, arguments.flow_logs):
        read.problems.append(
            f"--flow_logs: found {sanitise(prefix, 200)!r}; expected a prefix without "
            "{account} and {region}, as every account below it is read; leave that part out"
        )
    looked_at = arguments.window.from_at.date()
    if arguments.keep_from is not None and arguments.keep_from > looked_at:
        read.problems.append(
            f"--keep_days: found {arguments.keep_days}; expected more, as this run looks back to "
            f"{looked_at}: what it deletes would be read again"
        )
    if read.problems:
        raise BadInput(read.problems)
    return arguments


def _window(read: Reader) -> Window:
    to_at = read.value("to", values.time)
    late = timedelta(days=read.value("late_days", values.number_from(1, 3_650)))
    from_at = read.optional("from", values.time, to_at - late)
    if to_at <= from_at:
        read.problems.append(f"--to: found {to_at}; expected a time after --from {from_at}")
    return Window(from_at, to_at)
