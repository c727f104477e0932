"""argv → what is launched where, and the job's own flags, which go on as they are."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jobs.cli import argument_values as values
from jobs.cli.arguments import Arguments, parse_arguments
from jobs.cli.command_line import Parser, Reader
from jobs.cli.flags import Command, Flag, FlagGroup
from jobs.errors import BadInput, ExitCode
from transforms import patterns
from transforms.text import quoted

PLATFORMS = ("glue", "emr", "emr-serverless")


class Machines(NamedTuple):
    """What a Glue job runs on where that differs from conf/glue-job.json."""

    workers: int | None
    worker_type: str | None
    auto_scaling: bool
    connection: str | None


class Launch(NamedTuple):
    """What is asked for; `job_words` are the job's flags and `job` is what they say."""

    platform: str
    artifacts: str
    target: str  # the Glue job's name, the cluster's id, the application's id
    role: str
    architecture: str
    dist: Path
    logs: str | None
    follow: bool
    follow_run: str | None
    stop_on_interrupt: bool
    report_folder: str
    machines: Machines
    job_words: tuple[str, ...]
    job: Arguments


_FILES = FlagGroup(
    "Where it runs from",
    (
        Flag(
            "artifacts",
            "URI",
            "s3://bucket/prefix to put the package, the script and the locked requirements in",
            is_required=True,
        ),
        Flag("dist", "FOLDER", "what `make dist` or `make dist-emr` filled", "dist"),
    ),
    "--artifacts s3://my-artifacts/vpc-flow-trace",
)
_FOLLOWING = FlagGroup(
    "Following it",
    (
        Flag("follow", "true|false", "false: start it, say how to follow it, and end", "true"),
        Flag("follow_run", "RUN", "id of a run to follow; nothing is uploaded or started"),
        Flag(
            "stop_on_interrupt",
            "true|false",
            "true: Ctrl-C stops the run, too; else the run goes on",
            "false",
        ),
        Flag("report_folder", "FOLDER", "where a copy of the report goes", "out/reports"),
    ),
    "--follow true --report_folder out/reports",
)
_ARCHITECTURE = Flag("architecture", "x86_64|aarch64", "of its processors", "x86_64")
_OWN = {
    "glue": FlagGroup(
        "The Glue job",
        (
            Flag("role", "ROLE", "name or ARN of the role of the job", is_required=True),
            Flag("job_name", "NAME", "name of the job", "vpc-flow-trace"),
            Flag("workers", "COUNT", "its workers; without it, as in conf/glue-job.json"),
            Flag("worker_type", "TYPE", "G.1X, G.2X …; without it, as in conf/glue-job.json"),
            Flag(
                "auto_scaling",
                "true|false",
                "true: --workers is the most, and Glue takes away what is idle",
                "false",
            ),
            Flag("connection", "NAME", "a connection of Glue into a VPC, for an OpenSearch there"),
        ),
        "--role vpc-flow-trace-glue --workers 20 --worker_type G.2X --auto_scaling true",
    ),
    "emr": FlagGroup(
        "The cluster",
        (
            Flag("cluster_id", "ID", "the cluster, j-…", is_required=True),
            Flag(
                "role",
                "ARN",
                "runtime role of the step; without it, the cluster's instance profile",
            ),
            _ARCHITECTURE,
        ),
        "--cluster_id j-1ABCDEFGHIJKL --architecture aarch64",
    ),
    "emr-serverless": FlagGroup(
        "The application",
        (
            Flag("application_id", "ID", "the application", is_required=True),
            Flag("role", "ARN", "ARN of the role of the job", is_required=True),
            Flag(
                "logs",
                "URI",
                "where the driver's logs go: s3://bucket/prefix, or a CloudWatch log group /name",
            ),
            _ARCHITECTURE,
        ),
        "--application_id 00abcdefghij0k0l "
        "--role arn:aws:iam::111122223333:role/vpc-flow-trace-emr --logs /emr/vpc-flow-trace",
    ),
}

_ALL = {flag.name: flag for group in _OWN.values() for flag in group.flags}


def submit_command(platform: str) -> Command:
    """The command that launches on a platform."""
    return Command(
        start=f"python -m jobs.submit {platform}",
        purpose="Upload, start, follow to the end, and tell the result. Every other flag is one of "
        "trace_instance's, which are checked here before anything is uploaded.",
        groups=(_OWN[platform], _FILES, _FOLLOWING),
        exit_codes={
            ExitCode.COMPLETE: "the run is complete",
            ExitCode.FAILED: "the run failed, or AWS refused a call",
            ExitCode.BAD_INPUT: "wrong flags or inputs; nothing was uploaded",
            ExitCode.INCOMPLETE: "as trace_instance's own",
            ExitCode.UNBALANCED: "as trace_instance's own",
            ExitCode.EXPIRED: "your credentials expired, and the run goes on",
            ExitCode.INTERRUPTED: "Ctrl-C, and the run goes on",
        },
    )


_EVERY_PLATFORM = submit_command("glue")._replace(
    start=f"python -m jobs.submit {'|'.join(PLATFORMS)}",
    groups=(_FILES, _FOLLOWING),
)


def parse_launch(argv: Sequence[str]) -> Launch:
    """Read the flags of both; raises BadInput with all problems at once."""
    platform = argv[0] if argv else ""
    if platform in ("-h", "--help"):
        Parser(_EVERY_PLATFORM).print_help()
        raise SystemExit(0)
    if platform not in PLATFORMS:
        found = f"found {platform!r}" if platform else "found nothing"
        raise BadInput([f"{found}; expected first one of {', '.join(PLATFORMS)}, then flags"])
    command = submit_command(platform)
    flags = command.flags
    given, job_words = Parser(command).parse_known_args(argv[1:])
    read = Reader({**dict.fromkeys(_ALL), **vars(given)}, {**_ALL, **flags}, [])
    launch = partial(
        Launch,
        platform=platform,
        artifacts=read.required("artifacts", _on_s3, ""),
        target=_target(read, platform),
        role=_given_role(read, platform),
        architecture=read.value("architecture", _architecture),
        dist=read.value("dist", Path),
        logs=read.optional("logs", _logs, None),
        follow=read.value("follow", values.boolean),
        follow_run=read.optional("follow_run", _id, None),
        stop_on_interrupt=read.value("stop_on_interrupt", values.boolean),
        report_folder=read.value("report_folder", str),
        machines=Machines(
            workers=read.optional("workers", values.number_from(2, 299), None),
            worker_type=read.optional("worker_type", _worker_type, None),
            auto_scaling=read.value("auto_scaling", values.boolean),
            connection=read.optional("connection", _name, None),
        ),
        job_words=tuple(job_words),
    )
    try:
        job = parse_arguments(job_words, also_known=tuple(flags))
    except BadInput as bad:
        raise BadInput([*read.problems, *bad.problems]) from None
    if problems := [*read.problems, *_only_here(job)]:
        raise BadInput(problems)
    return launch(job=job)


def as_pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--name value` and `--name=value`, which the parser has accepted, as name and value."""
    rest = iter(words)
    for word in rest:
        name, separator, value = word.partition("=")
        yield name, value if separator else next(rest)


def of_platform(pairs: Mapping[str, str]) -> dict[str, str]:
    """What a file in conf/ gives the job, without the examples of what each case says itself."""
    of_a_case = {"--flow_logs", "--labels", "--output", "--finding", "--case_id"}
    return {name: value for name, value in pairs.items() if name not in of_a_case}


def _target(read: Reader, platform: str) -> str:
    if platform == "glue":
        return read.value("job_name", _name)
    if platform == "emr":
        return read.required("cluster_id", _matching(r"j-[0-9A-Z]+", "j-…"), "")
    return read.required("application_id", _matching(r"[0-9a-z]+", "the application's id"), "")


def _given_role(read: Reader, platform: str) -> str:
    """Empty for a step that runs as its cluster does."""
    if platform == "emr":
        return read.optional("role", _role(platform), "")
    return read.required("role", _role(platform), "")


def _only_here(job: Arguments) -> Iterator[str]:
    """What a cluster cannot see, or need not be asked."""
    places = {
        "flow_logs": job.flow_logs,
        "object_list": (job.object_list,),
        "flow_table": (job.flow_table,),
        "labels": (job.labels,),
        "finding": (job.finding,),
        "output": (job.output,),
        "opensearch_ca": (job.opensearch.ca_file if job.opensearch else None,),
    }
    for name, uris in places.items():
        for uri in uris:
            if uri is not None and not uri.startswith("s3://"):
                yield (
                    f"--{name}: found {uri!r}; expected s3://…, as the cluster does not see this "
                    f"machine's files; `aws s3 cp [--recursive] {uri} s3://…` puts it there"
                )
    if job.one_case_each and job.instance_names:
        yield (
            f"--instance_id: found {quoted(job.instance_names[0])} with --one_case_each true; "
            "expected ids, as the folders of the cases are named after them"
        )
    if job.dry_run:
        yield (
            "--dry_run: found true; expected it on this machine, where it needs no cluster: "
            "spark-submit jobs/trace_instance.py with the same flags"
        )


def _on_s3(text: str) -> str:
    if not re.fullmatch(r"s3://[^/]+(/.*)?", text):
        raise ValueError("expected s3://bucket/prefix")
    return text.rstrip("/")


def _logs(text: str) -> str:
    return text if text.startswith("/") else _on_s3(text)


def _role(platform: str) -> Callable[[str], str]:
    if platform == "glue":
        either = f"{patterns.ROLE_ARN}|{patterns.ROLE_NAME}"
        return _matching(either, "a role's name or arn:aws:iam::ACCOUNT:role/NAME")
    return _matching(patterns.ROLE_ARN, "arn:aws:iam::ACCOUNT:role/NAME")


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return read


_name = _matching(r"[\w .-]{1,255}", "a name")
# AWS Glue API reference, WorkerType: those that run Spark with Python.
_worker_type = _matching(r"[GR]\.[0-9]{1,2}X", "a type of worker such as G.1X or R.2X")
_id = _matching(r"[\w-]{3,255}", "the id of a run, as it was printed at its start")
_architecture = _matching("x86_64|aarch64", "x86_64 or aarch64")
