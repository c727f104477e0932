"""argv → what is launched where, and the job's own flags, which go on as they are."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jobs.cli import argument_values as values
from jobs.cli.arguments import Arguments, parse_arguments
from jobs.cli.command_line import Parser, Reader
from jobs.errors import BadInput

PLATFORMS = ("glue", "emr", "emr-serverless")


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
    job_words: tuple[str, ...]
    job: Arguments


_COMMON = {
    "artifacts": "s3://bucket/prefix to put the package, the script and the locked requirements in",
    "dist": "the folder that `make dist` or `make dist-emr` filled (default dist)",
    "follow": "false: start, say how to follow, and end (default true)",
    "follow_run": "id of a run that was started already: upload and start nothing, follow it",
    "stop_on_interrupt": "true: Ctrl-C also stops the run (default false: it goes on)",
    "report_folder": "where a copy of the report goes at the end (default out/reports)",
}
_ARCHITECTURE = {"architecture": "of its processors: x86_64 (default) or aarch64"}
_OWN = {
    "glue": {
        "role": "name or ARN of the role that the job runs as",
        "job_name": "name of the Glue job (default vpc-flow-trace)",
    },
    "emr": {"cluster_id": "the cluster, j-…", **_ARCHITECTURE},
    "emr-serverless": {
        "application_id": "the application",
        "role": "ARN of the role that the job runs as",
        "logs": "where the driver's logs go: s3://bucket/prefix, or a CloudWatch log group /name",
        **_ARCHITECTURE,
    },
}


def parse_launch(argv: Sequence[str]) -> Launch:
    """Read the flags of both; raises BadInput with all problems at once."""
    platform = argv[0] if argv else ""
    if platform not in PLATFORMS:
        found = f"found {platform!r}" if platform else "found nothing"
        raise BadInput([f"{found}; expected first one of {', '.join(PLATFORMS)}, then flags"])
    flags = {**_COMMON, **_OWN[platform]}
    given, job_words = _parser(platform, flags).parse_known_args(argv[1:])
    nothing = dict.fromkeys(name for own in _OWN.values() for name in own)
    read = Reader({**nothing, **vars(given)}, flags, [])
    launch = partial(
        Launch,
        platform=platform,
        artifacts=read.required("artifacts", _on_s3, ""),
        target=_target(read, platform),
        role=read.required("role", _role(platform), "") if "role" in flags else "",
        architecture=read.optional("architecture", _architecture, "x86_64"),
        dist=read.optional("dist", Path, Path("dist")),
        logs=read.optional("logs", _logs, None),
        follow=read.optional("follow", values.boolean, True),
        follow_run=read.optional("follow_run", _id, None),
        stop_on_interrupt=read.optional("stop_on_interrupt", values.boolean, False),
        report_folder=read.optional("report_folder", str, "out/reports"),
        job_words=tuple(job_words),
    )
    try:
        job = parse_arguments(job_words)
    except BadInput as bad:
        raise BadInput([*read.problems, *_with_ours(bad.problems, platform, flags)]) from None
    if problems := [*read.problems, *_only_here(job)]:
        raise BadInput(problems)
    return launch(job=job)


def _with_ours(problems: Sequence[str], platform: str, flags: Mapping[str, str]) -> Iterator[str]:
    """The job's own sentences; one about an unknown flag also names those of this command."""
    ours = ", ".join(f"--{name}" for name in flags)
    for problem in problems:
        is_unknown = problem.startswith("unknown flag")
        yield f"{problem}; submit {platform} itself knows {ours}" if is_unknown else problem


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


def _parser(platform: str, flags: Mapping[str, str]) -> Parser:
    return Parser(
        prog=f"python -m jobs.submit {platform}",
        description="Upload, start, follow to the end, and say what came out. Every other flag is "
        "one of the job's, checked here before anything is uploaded.",
        epilog="exit codes: 0 the run is complete; 2 wrong flags or inputs, nothing uploaded; 3 "
        "and 4 as the job's own; 5 your credentials expired, and the run goes on; 1 the run failed "
        "otherwise, or AWS refused a call; 130 Ctrl-C, and the run goes on",
        flags=flags,
    )


def _target(read: Reader, platform: str) -> str:
    if platform == "glue":
        return read.optional("job_name", _matching(r"[\w .-]{1,255}", "a name"), "vpc-flow-trace")
    if platform == "emr":
        return read.required("cluster_id", _matching(r"j-[0-9A-Z]+", "j-…"), "")
    return read.required("application_id", _matching(r"[0-9a-z]+", "the application's id"), "")


def _only_here(job: Arguments) -> Iterator[str]:
    """What a cluster cannot see, or need not be asked."""
    places = {
        "flow_logs": job.flow_logs,
        "object_list": (job.object_list,),
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
    arn = r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"
    if platform == "glue":
        return _matching(rf"{arn}|[\w+=,.@-]+", "a role's name or arn:aws:iam::ACCOUNT:role/NAME")
    return _matching(arn, "arn:aws:iam::ACCOUNT:role/NAME")


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return read


_id = _matching(r"[\w-]{3,255}", "the id of a run, as its start said it")
_architecture = _matching("x86_64|aarch64", "x86_64 or aarch64")
