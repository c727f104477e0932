"""Follow a number of a case to the flow records that it comes from, and count it again."""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.flags import CASE, VERBOSE, Command, Flag, FlagGroup
from jobs.cli.main import run_main
from jobs.cli.packages import missing_packages
from jobs.errors import BadInput, ExitCode
from jobs.evidence.explained import Explained, explain, question_of
from jobs.evidence.open_case import case_at
from transforms.questions.catalogue import QUESTIONS
from transforms.text import sanitise
from transforms.wording import count_of

EXPLAIN = Command(
    start="python -m jobs.explain_case",
    purpose="Follow a number of a case to the conversations and flow records that it comes from, "
    "with object and line, and count it again without Spark.",
    groups=(
        FlagGroup(
            "What to explain",
            (
                CASE,
                Flag(
                    "number",
                    "QUESTION",
                    "the question that the number answers, as in the report: P0-8, or its short "
                    "name, volume",
                    is_required=True,
                ),
                Flag("limit", "COUNT", "conversations and flow records that are printed", "20"),
                VERBOSE,
            ),
            "--case s3://my-cases/cases/web-3 --number P0-8",
        ),
    ),
    exit_codes={
        ExitCode.COMPLETE: "the number follows from the records",
        ExitCode.FAILED: "something failed on the way",
        ExitCode.BAD_INPUT: "wrong flags, no case there, or a package is missing",
        ExitCode.UNBALANCED: "the number does not follow, or the case is not what its run wrote",
        ExitCode.EXPIRED: "the credentials expired on the way",
        ExitCode.INTERRUPTED: "Ctrl-C",
    },
)


class Request(NamedTuple):
    """What is to be explained."""

    case_uri: str
    number: str
    limit: int


def main(argv: Sequence[str]) -> int:
    """Explain a number: what it is, its SQL, its conversations, its flow records."""
    return run_main(_explain, argv, logging.WARNING)


def _explain(argv: Sequence[str]) -> int:
    request = _arguments(argv)
    question = question_of(request.number)
    assert question is not None  # the flag was checked
    case = case_at(request.case_uri)
    found = explain(request.case_uri, case, question, request.limit)
    print(f"Case {case.case_id}, run {case.run_id}, manifest SHA-256 {case.stored.sha256}\n")
    for line in _lines(found):
        print(line)
    return ExitCode.UNBALANCED if found.problems else ExitCode.COMPLETE


def _arguments(argv: Sequence[str]) -> Request:
    flags = Parser(EXPLAIN).read(argv)
    request = Request(
        case_uri=flags.required("case", values.uri, "").rstrip("/"),
        number=flags.required("number", _number, ""),
        limit=flags.value("limit", values.number_from(1, 1_000_000)),
    )
    flags.problems.extend(missing_packages("duckdb"))
    if flags.problems:
        raise BadInput(flags.problems)
    return request


def _number(text: str) -> str:
    if question_of(text) is None:
        known = ", ".join(question.id for question in QUESTIONS)
        raise ValueError(f"expected one of {known}, or a short name such as volume")
    return text


def _lines(found: Explained) -> Iterator[str]:
    question, totals = found.question, found.totals
    yield f"{question.id}  {question.title}"
    yield f"  {sanitise(found.sentence, 1_000)}"
    yield ""
    yield f"{found.source};"
    yield ""
    for name, value in found.figures.items():
        again = found.recomputed.get(name)
        mark = "ok " if again == value else "BAD"
        yield f"  {mark} {sanitise(name, 60)} = {value:,}" + (
            "" if again == value else f", the tables give {again}"
        )
    yield ""
    number = totals["conversations"]
    yield f"Behind it: {count_of(number, 'conversation', 'conversations')}" + _first(
        len(found.conversations), number
    )
    yield from (f"  {_conversation(row)}" for row in found.conversations)
    yield ""
    number = totals["records"]
    yield (
        f"Their records: {count_of(number, 'flow record', 'flow records')} in "
        f"{count_of(totals['objects'], 'object', 'objects')}" + _first(len(found.records), number)
    )
    yield from (f"  {_record(row)}" for row in found.records)
    yield ""
    if found.problems:
        yield f"NOT CONFIRMED: {count_of(len(found.problems), 'problem', 'problems')}"
        yield from (f"  {sanitise(problem, 400)}" for problem in found.problems[:20])
        return
    yield (
        "Confirmed: the tables give the figures, and each conversation has the number of records, "
        "the time and the volume of its flow records."
    )


def _first(shown: int, of: int) -> str:
    return f" (the first {shown:,}; more with --limit)" if shown < of else ""


def _conversation(row: Mapping[str, Any]) -> str:
    peer = row["peer_name"] or row["peer"]
    return sanitise(
        f"{_moment(row['first_at'])}  {row['subject_address']} and {peer} ({row['peer']}), port "
        f"{_port(row['service_port'])}, protocol {_port(row['protocol'])}: {row['outcome']}, "
        f"begun by {row['initiator']} ({row['certainty']}); {_known(row['bytes_out'])} bytes out, "
        f"{_known(row['bytes_in'])} in, {count_of(row['records'], 'record', 'records')}; "
        f"{row['conversation_id']}",
        600,
    )


def _record(row: Mapping[str, Any]) -> str:
    at = _moment(datetime.fromtimestamp(row["first_s"], UTC))
    return sanitise(
        f"{at}  {row['srcaddr']}:{_port(row['srcport'])} > {row['dstaddr']}:"
        f"{_port(row['dstport'])} protocol {_port(row['protocol'])}, {_known(row['packets'])} "
        f"packets, {_known(row['bytes'])} bytes, {row['action'] or '-'}; {row['object_uri']} line "
        f"{row['object_line']}",
        2_000,
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _port(value: object) -> str:
    return "unknown" if value is None else str(value)


def _known(value: object) -> str:
    return "unknown" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
