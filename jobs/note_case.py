"""Add an analyst's note to a case: who, when, what; earlier notes and the run stay as they are."""

import getpass
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.flags import CASE, VERBOSE, Command, Flag, FlagGroup
from jobs.cli.main import run_main
from jobs.errors import BadInput, ExitCode
from jobs.evidence.aws_caller import aws_caller
from jobs.evidence.notes import LONGEST_NAME, LONGEST_TEXT, append_note, note_name, one_line
from jobs.evidence.open_case import case_at

NOTE = Command(
    start="python -m jobs.note_case",
    purpose="Add a note to a case: who, when, what. Notes are chained; verify_case checks them.",
    groups=(
        FlagGroup(
            "What to note",
            (
                CASE,
                Flag(
                    "text",
                    "TEXT",
                    f"the note, on one line, at most {LONGEST_TEXT:,} characters",
                    is_required=True,
                ),
                Flag("by", "NAME", "who writes it; without it, the login name of this machine"),
                VERBOSE,
            ),
            '--case out/cases/demo --text "app-2 isolated at 09:40, ticket 1182" --by "D. Okoro"',
        ),
    ),
    exit_codes={
        ExitCode.COMPLETE: "the note is there",
        ExitCode.FAILED: "it could not be written",
        ExitCode.BAD_INPUT: "wrong flags, or no case there; nothing was written",
        ExitCode.EXPIRED: "the credentials expired; nothing was written",
        ExitCode.DISK_FULL: "the disk of the case is full",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)


class Request(NamedTuple):
    """What is to be noted, and where."""

    case_uri: str
    text: str
    by: str


def main(argv: Sequence[str]) -> int:
    """Add the note; prints where it is and its SHA-256."""
    return run_main(_note, argv, logging.WARNING)


def _note(argv: Sequence[str]) -> int:
    request = _arguments(argv)
    case = case_at(request.case_uri)
    note = append_note(
        request.case_uri,
        case,
        text=request.text,
        by=request.by,
        caller=aws_caller([request.case_uri]),
        now=datetime.now(UTC),
    )
    print(
        f"Note {note.number:,} of case {case.case_id}, on run {case.run_id}: "
        f"{request.case_uri}/{note_name(note.number)}\n"
        f"SHA-256 {note.sha256}\n"
        "Keep the SHA-256 elsewhere: verify_case --expect_note shows with it that no note was "
        "taken away. The report of the run stays as it is."
    )
    return ExitCode.COMPLETE


def _arguments(argv: Sequence[str]) -> Request:
    flags = Parser(NOTE).read(argv)
    request = Request(
        case_uri=flags.required("case", values.uri, "").rstrip("/"),
        text=flags.required("text", lambda text: one_line(text, LONGEST_TEXT), ""),
        by=flags.optional("by", lambda text: one_line(text, LONGEST_NAME), "") or _login_name(),
    )
    if not request.by:
        flags.problems.append("--by is missing; expected a name, as this machine knows no login")
    if flags.problems:
        raise BadInput(flags.problems)
    return request


def _login_name() -> str:
    """Who is logged in here; empty where the machine does not know."""
    try:
        return one_line(getpass.getuser(), LONGEST_NAME)
    except (ImportError, KeyError, OSError, ValueError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
