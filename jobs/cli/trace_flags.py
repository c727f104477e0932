"""The table of the tracing job's flags."""

from jobs.cli.flags import VERBOSE, Command, Flag, FlagGroup
from jobs.cli.opensearch_arguments import OPENSEARCH
from jobs.cli.question_arguments import SETTABLE
from jobs.errors import ExitCode
from transforms.questions.options import QuestionOptions
from transforms.scan.inflate import MAX_RATIO, RATIO_COUNTS_FROM
from transforms.scan.lines import MAX_LINE_BYTES

# What S3 takes in one PUT. Objects of flow logs have some tens of MB at most; memory does not grow
# with their size.
MAX_OBJECT_BYTES = 5 * 1024**3
# Of the 5,500 GETs a second that S3 gives to a prefix; the rest is for whoever else reads there.
REQUESTS_PER_SECOND = 5_000

_WHAT = FlagGroup(
    "What to read",
    (
        Flag(
            "flow_logs",
            "URI,URI…",
            "prefixes of flow log objects: folders or s3://…; {account} and {region} in them stand "
            "for those of the instance, and of the machines that the path leads to",
        ),
        Flag(
            "object_list",
            "URI",
            "objects by name instead of prefixes: a file with one path or URI per line",
        ),
        Flag(
            "flow_table",
            "URI",
            "a flow table that ingest_flows fills: what it has of the objects is read from it, the "
            "rest as text; without --flow_logs the table lists what it has",
        ),
        Flag(
            "record_format",
            '"FIELD FIELD…"',
            "fields of objects that have no header, in the order of the flow log's own format",
        ),
        Flag(
            "read_role_arn",
            "ARN",
            "a role to assume for reading flow logs, as in the account of a log archive; all else "
            "is read and written as whoever runs this",
        ),
        Flag(
            "requester_pays",
            "true|false",
            "true: this account pays for the requests, where the bucket of the flow logs wants it",
            "false",
        ),
        Flag(
            "read_endpoint",
            "URL",
            "where S3 is called for flow logs, such as a FIPS or an interface endpoint; without it "
            "the variables of AWS's SDKs decide",
        ),
        Flag("slack_minutes", "MINUTES", "how late an object may have been written", "60"),
    ),
    "--flow_logs s3://my-bucket/AWSLogs/111122223333 --slack_minutes 90",
)
_WHO = FlagGroup(
    "Whom to trace",
    (
        Flag(
            "finding",
            "URI",
            "a GuardDuty finding, or several of one instance (of several with --one_case_each "
            "true), as JSON; it gives the instance, its addresses and the window",
        ),
        Flag(
            "instance_id",
            "ID,ID…",
            "the suspected instance by its id, or by its name in the labels; several become one "
            "case",
        ),
        Flag(
            "one_case_each",
            "true|false",
            "true: each instance, given or named by the finding, gets a case of its own, named "
            "CASE_ID-INSTANCE_ID; the objects are read once",
            "false",
        ),
        Flag("interface_ids", "ID,ID…", "its interfaces, in addition to those in the labels"),
        Flag("addresses", "IP,IP…", "its addresses, in addition to those in the labels"),
        Flag("vpc_id", "ID", "its VPC, where the labels do not tell"),
        Flag(
            "derive",
            "true|false",
            "true: records may also tell which interfaces and addresses are the subject's",
            "true",
        ),
        Flag(
            "scope",
            "instance|everything",
            "everything: keep every flow of the window, and ask no question about a subject",
            "instance",
        ),
    ),
    "--instance_id web-3 --addresses 10.20.1.13",
)
_WHEN = FlagGroup(
    "When",
    (
        Flag("from", "TIME", "start of the window: 2026-11-23T00:00:00Z, or now-25h"),
        Flag("to", "TIME", "end of the window, which is not part of it"),
        Flag(
            "contained_at",
            "TIME",
            "when the subject was cut off: shows what went on and what began after that",
        ),
    ),
    "--from 2026-11-23T00:00:00Z --to now-1h",
)
_LABELS = FlagGroup(
    "Names",
    (
        Flag(
            "labels",
            "URI",
            "folder with the tables interfaces, instances, subnets, vpcs (.csv, .jsonl or "
            ".parquet), as collect_labels writes them",
        ),
    ),
    "--labels s3://my-artifacts/labels",
)
_COMPARING = FlagGroup(
    "Comparing and following",
    (
        Flag(
            "baseline_days",
            "DAYS",
            "days before the window to compare with: what did not happen there is new",
            str(QuestionOptions.baseline_days),
        ),
        Flag(
            "max_hops",
            "COUNT",
            "how far to follow machines that were reached; 1: nobody, and nothing is read twice",
            str(QuestionOptions.max_hops),
        ),
        Flag(
            "max_peers",
            "COUNT",
            "how many machines to follow from one hop to the next",
            str(QuestionOptions.max_peers),
        ),
        Flag(
            "expected_peers",
            "PEER,PEER…",
            "whom the subject is known to talk to (resolver, directory, monitoring, load "
            "balancer), as 10.0.3.5, 10.0.3.5:443, 10.0.3.0/24:443, [fd00::/64]:443 or "
            "NAME:443 with a name that the labels know: left out of the verdict, of scans and "
            "of the path, and counted apart",
        ),
        Flag(
            "expected_peers_file",
            "URI",
            "the same from a file: one peer per line with # for comments, or a CSV with a "
            "column named peer or address",
        ),
        Flag(
            "thresholds",
            "NAME=VALUE,…",
            "of the questions; defaults: "
            + ", ".join(f"{name}={value}" for name, value in SETTABLE.items()),
        ),
    ),
    "--baseline_days 3 --expected_peers 10.20.0.2,db-1:5432 --thresholds scan_ports=5",
)
_OUTPUT = FlagGroup(
    "Where the case goes",
    (
        Flag(
            "case_id",
            "NAME",
            "name of the case: the folder below --output and the OpenSearch alias",
            is_required=True,
        ),
        Flag("output", "URI", "where the cases go: a folder or s3://…", is_required=True),
        Flag(
            "sign_with",
            "KEY",
            "a KMS key (ARN, id or alias/NAME), asymmetric or HMAC, that signs the manifest",
        ),
        Flag(
            "strict",
            "true|false",
            "true: exit code 3 when anything was refused or the sinks disagree",
            "false",
        ),
        Flag(
            "metrics",
            "none|emf",
            "emf: print a last line from which CloudWatch Logs makes metrics",
            "none",
        ),
        Flag(
            "break_lock",
            "RUN",
            "id of a dead run that still holds the case; the error that names the run says when to "
            "use it",
        ),
    ),
    "--case_id web-3 --output s3://my-cases/cases --strict true",
)
_BEFORE = FlagGroup(
    "Before a run",
    (
        Flag(
            "dry_run",
            "true|false",
            "true: list and prune, print what a run would read, take and cost, and read nothing",
            "false",
        ),
        Flag("prices", "URI", "speeds and prices of your own: a file like conf/prices.json"),
    ),
    "--dry_run true --prices conf/prices.json",
)
_LIMITS = FlagGroup(
    "Limits and details",
    (
        Flag("max_line_bytes", "BYTES", "longer lines are refused", str(MAX_LINE_BYTES)),
        Flag(
            "max_ratio",
            "TIMES",
            "objects that inflate to more than this many times their size are refused, from "
            f"{RATIO_COUNTS_FROM // 10**6} MB of text on",
            str(MAX_RATIO),
        ),
        Flag("max_object_bytes", "BYTES", "larger objects are refused", str(MAX_OBJECT_BYTES)),
        Flag("reads_in_flight", "COUNT", "objects that each task reads at a time", "32"),
        Flag(
            "requests_per_second",
            "COUNT",
            "requests for objects that all tasks together send to S3 for each account and region; "
            "it gives 5,500 to a partitioned prefix",
            str(REQUESTS_PER_SECOND),
        ),
        VERBOSE,
    ),
    "--max_object_bytes 1000000000 --reads_in_flight 8",
)

TRACE = Command(
    start="spark-submit --properties-file conf/local.conf jobs/trace_instance.py",
    purpose="Trace one EC2 instance through VPC Flow Logs. --case_id, --output, something to read "
    "and somebody to trace are required; so are --from and --to, unless --finding gives them.",
    groups=(_WHAT, _WHO, _WHEN, _LABELS, _COMPARING, _OUTPUT, _BEFORE, OPENSEARCH, _LIMITS),
    exit_codes={
        ExitCode.COMPLETE: "complete",
        ExitCode.FAILED: "something failed on the way",
        ExitCode.BAD_INPUT: "wrong flags or inputs; nothing was written",
        ExitCode.INCOMPLETE: "complete, but --strict true and something was refused",
        ExitCode.UNBALANCED: "the books do not balance",
        ExitCode.EXPIRED: "the credentials expired on the way",
        ExitCode.HELD: "another run holds the case; nothing was written",
        ExitCode.DISK_FULL: "a disk is full",
        ExitCode.WORKER_LOST: "a worker or an executor died",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)
