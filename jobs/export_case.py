"""Write a complete case in the formats of other tools: only what its run wrote, checked."""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.flags import CASE, VERBOSE, Command, Flag, FlagGroup
from jobs.cli.main import run_main
from jobs.cli.packages import missing_packages
from jobs.errors import BadInput, ExitCode
from jobs.evidence.exported_case import ExportedCase, exported_case
from jobs.evidence.open_case import case_at
from jobs.storage.object_store import place_of
from jobs.storage.whole_objects import write_chunks
from transforms.exports.formats import FORMATS

EXPORT = Command(
    start="python -m jobs.export_case",
    purpose="Write a complete case in the formats of other tools: Timesketch, CSV, STIX 2.1, OCSF, "
    "ATT&CK Navigator. Verify the case first.",
    groups=(
        FlagGroup(
            "What to export",
            (
                CASE,
                Flag(
                    "format",
                    "FORMAT,…",
                    f"{', '.join(FORMATS)}: one of them or several",
                    is_required=True,
                ),
                Flag(
                    "output",
                    "URI",
                    "the folder for the files, or s3://…; not inside the case",
                    "out/exports",
                ),
                VERBOSE,
            ),
            "--case s3://my-cases/cases/web-3 --format timesketch,stix --output exports",
        ),
    ),
    exit_codes={
        ExitCode.COMPLETE: "everything was written",
        ExitCode.FAILED: "something failed on the way",
        ExitCode.BAD_INPUT: "wrong flags, no case there, or a package is missing",
        ExitCode.UNBALANCED: "the case is not what its run wrote; do not use what was written",
        ExitCode.EXPIRED: "the credentials expired on the way",
        ExitCode.HELD: "a run holds the case",
        ExitCode.DISK_FULL: "a disk is full",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)


class Request(NamedTuple):
    """What is to be exported, and where to."""

    case_uri: str
    formats: tuple[str, ...]
    output: str


def main(argv: Sequence[str]) -> int:
    """Export the case: a line for each file that is written."""
    return run_main(_export, argv, logging.WARNING)


def _export(argv: Sequence[str]) -> int:
    request = _arguments(argv)
    case = exported_case(request.case_uri, case_at(request.case_uri))
    print(
        f"Case {case.facts.case_id}, run {case.facts.run_id}, manifest SHA-256 "
        f"{case.facts.manifest_sha256}"
    )
    for line in write_files(case, request.formats, request.output):
        print(line)
    return ExitCode.COMPLETE


def write_files(case: ExportedCase, formats: Sequence[str], output: str) -> Iterator[str]:
    """Write the files of each format; a line for each. A file is there whole or not at all."""
    facts = case.facts
    for name in formats:
        for file in FORMATS[name](case):
            uri = f"{output}/{facts.case_id}-{facts.run_id}.{file.ending}"
            written = write_chunks(uri, file.chunks)
            yield f"{uri}  {written.octets:,} bytes, SHA-256 {written.sha256}"


def _arguments(argv: Sequence[str]) -> Request:
    flags = Parser(EXPORT).read(argv)
    request = Request(
        case_uri=flags.required("case", values.uri, "").rstrip("/"),
        formats=flags.required("format", _formats, ()),
        output=flags.value("output", values.uri).rstrip("/"),
    )
    if "stix" in request.formats:
        flags.problems.extend(f"--format stix: {each}" for each in missing_packages("stix2"))
    if flags.problems:
        raise BadInput(flags.problems)
    case, output = place_of(request.case_uri), place_of(request.output)
    if case.bucket == output.bucket and _is_in(output.path, case.path):
        raise BadInput(
            [
                f"--output: found {request.output!r}, which is inside the case; expected a folder "
                "elsewhere, as a case holds only what its runs wrote and notes"
            ]
        )
    return request


def _formats(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(values.items(text)))
    if not found or set(found) - FORMATS.keys():
        raise ValueError(f"expected one or several of {', '.join(FORMATS)}, with commas between")
    return found


def _is_in(path: str, folder: str) -> bool:
    if os.path.isdir(f"/{folder}"):  # the same folder by another way
        path, folder = (os.path.realpath(f"/{each}").lstrip("/") for each in (path, folder))
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
