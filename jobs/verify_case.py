"""What of a case still holds: its manifest, files, books, objects and index."""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.flags import CASE, VERBOSE, Command, Flag, FlagGroup
from jobs.cli.main import run_main
from jobs.cli.opensearch_arguments import OPENSEARCH, OpenSearchTarget, read_target
from jobs.cli.trace_flags import TRACE
from jobs.errors import BadInput, ExitCode
from jobs.evidence.check import Check
from jobs.evidence.check_books import check_books, check_inputs, check_objects
from jobs.evidence.check_chain import check_chain, check_signature
from jobs.evidence.check_files import check_named_files, check_tables
from jobs.evidence.check_index import check_index
from jobs.evidence.check_notes import check_notes
from jobs.evidence.open_case import case_at
from jobs.evidence.stored_case import StoredCase
from jobs.spark.session import open_session
from jobs.storage.aws_access import Access, check_role
from jobs.storage.delta_read import read_table
from jobs.storage.object_store import first_line
from transforms import patterns
from transforms.text import sanitise

_SHOWN = 20
_LONGEST = 600

VERIFY = Command(
    start="spark-submit --properties-file conf/local.conf jobs/verify_case.py",
    purpose="Say what of a case still holds: its manifest, files, books, objects and index.",
    groups=(
        FlagGroup(
            "What to verify",
            (
                CASE,
                Flag("expect_sha256", "SHA256", "the SHA-256 of manifest.json, kept elsewhere"),
                Flag(
                    "signed_with",
                    "KEY",
                    "the KMS key that the manifest must be signed with (ARN, id or alias/NAME)",
                ),
                Flag("expect_note", "SHA256", "the SHA-256 of a note, kept elsewhere"),
                TRACE.flags["read_role_arn"],
                TRACE.flags["requester_pays"],
                TRACE.flags["read_endpoint"],
                Flag("reads_in_flight", "COUNT", "objects that are read at a time", "32"),
                VERBOSE,
            ),
            "--case s3://my-cases/cases/web-3 --signed_with alias/cases",
        ),
        OPENSEARCH,
    ),
    exit_codes={
        ExitCode.COMPLETE: "everything holds",
        ExitCode.FAILED: "something failed on the way",
        ExitCode.BAD_INPUT: "wrong flags, or no case there",
        ExitCode.UNBALANCED: "something does not hold",
        ExitCode.EXPIRED: "the credentials expired on the way",
        ExitCode.DISK_FULL: "a disk is full",
        ExitCode.WORKER_LOST: "a worker or an executor died",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)


class Request(NamedTuple):
    """What is to be checked, and how."""

    case_uri: str
    target: OpenSearchTarget | None
    in_flight: int
    expect_sha256: str | None
    signed_with: str | None
    expect_note: str | None
    access: Access  # to the flow logs


def main(argv: Sequence[str]) -> int:
    """Check the case: a line for each thing that does not hold, and one for what does."""
    return run_main(_verify, argv, logging.WARNING)


def _verify(argv: Sequence[str]) -> int:
    request = _arguments(argv)
    check_role(request.access.role_arn)
    case = case_at(request.case_uri)
    spark = open_session(f"verify {case.case_id}")
    checks = list(verify(spark, request, case))
    print("\n".join(render(case, checks)))
    has_problems = any(check.problems for check in checks)
    return ExitCode.UNBALANCED if has_problems else ExitCode.COMPLETE


def verify(spark: SparkSession, request: Request, case: StoredCase) -> Iterator[Check]:
    """Every check, the cheap ones first; one that cannot be made is a problem, not the end."""
    uri = request.case_uri
    yield check_chain(uri, case, request.expect_sha256)
    if signature := check_signature(uri, case, request.signed_with):
        yield signature
    yield check_notes(uri, case, request.expect_note)
    yield check_tables(uri, case, request.in_flight)
    yield check_named_files(uri, case)
    for reading, books in case.books.items():
        prefix = f"{reading}/" if reading else ""
        frames = {
            name: read_version(spark, case, uri, f"{prefix}{name}")
            for name in ("flows", "objects", "quarantine", *(["transit"] if books.transit else []))
        }
        found = {name: frame for name, frame in frames.items() if frame is not None}
        if len(found) < len(frames):
            missing = ", ".join(f"{prefix}{name}" for name in frames if name not in found)
            yield Check("", [f"{prefix}books: cannot be counted, as Delta does not read {missing}"])
            continue
        objects = found["objects"]
        yield _made(partial(check_books, reading, books, found), f"{prefix}books")
        yield _made(
            partial(check_objects, objects, request.in_flight, case.max_ratio, request.access),
            f"{prefix}objects",
        )
        if not reading:
            yield _made(partial(check_inputs, case.inputs_sha256, objects), "digest")
    if request.target is not None:
        yield check_index(case, request.target)


def read_version(spark: SparkSession, case: StoredCase, uri: str, name: str) -> DataFrame | None:
    """A table as its run left it; None where the manifest has none or Delta cannot read it."""
    if name not in case.tables:
        return None
    try:
        return read_table(spark, f"{uri}/{name}", case.tables[name].version)
    except (PySparkException, Py4JError):
        return None


def render(case: StoredCase, checks: Sequence[Check]) -> Iterator[str]:
    """Problems and notes one a line, then the line that says what holds."""
    of = f"Case {case.case_id}, run {case.run_id}"
    problems = [problem for check in checks for problem in check.problems]
    yield from (f"  BAD  {sanitise(problem, _LONGEST)}" for problem in problems[:_SHOWN])
    if len(problems) > _SHOWN:
        yield f"  BAD  … and {len(problems) - _SHOWN:,} more"
    for check in checks:
        yield from (f"  NOTE {sanitise(note, _LONGEST)}" for note in check.notes)
    holds = "; ".join(check.holds for check in checks if check.holds and not check.problems)
    if problems:
        yield f"{of}: {len(problems):,} things do NOT hold; what does: {holds or 'nothing'}"
    else:
        yield f"{of}: everything holds: {holds}; manifest SHA-256 {case.stored.sha256}"


def _made(check: Callable[[], Check], what: str) -> Check:
    """The check; that it could not be made is a problem as well."""
    try:
        return check()
    except (PySparkException, Py4JError) as error:
        return Check("", [f"{what}: Delta cannot be read: {first_line(error)}"])


def _arguments(argv: Sequence[str]) -> Request:
    flags = Parser(VERIFY).read(argv)
    request = Request(
        case_uri=flags.required("case", values.uri, "").rstrip("/"),
        target=read_target(flags),
        in_flight=flags.value("reads_in_flight", values.number_from(1, 256)),
        expect_sha256=flags.optional("expect_sha256", _sha256, None),
        signed_with=flags.optional("signed_with", values.kms_key, None),
        expect_note=flags.optional("expect_note", _sha256, None),
        access=Access(
            flags.optional("read_role_arn", values.role_arn, None),
            flags.value("requester_pays", values.boolean),
            flags.optional("read_endpoint", values.endpoint_url, None),
        ),
    )
    if flags.problems:
        raise BadInput(flags.problems)
    return request


def _sha256(text: str) -> str:
    if not re.fullmatch(patterns.SHA256, text.lower()):
        raise ValueError("expected 64 hex digits")
    return text.lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
