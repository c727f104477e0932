"""What a run says on the terminal when it is done: plain text, no colour, no cursor tricks."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from jobs.cli.arguments import Arguments
from jobs.opensearch.sink import Indexed
from jobs.pipeline.answer import Answered
from jobs.pipeline.books import Books
from jobs.pipeline.case_coverage import CaseCoverage, coverage_lines, refused_object_lines
from jobs.sources.findings import FindingFile
from jobs.sources.labels import said_of_labels
from jobs.sources.listing import Listing
from transforms.finding.claim import ClaimAnswer
from transforms.questions.catalogue import Answer
from transforms.subject.identity import Subject
from transforms.text import sanitise

CLAIMS_SHOWN = 5
# P0-1 is the first line. The second list is shown only where something was seen.
ANSWERS_SHOWN = ("P0-3", "P0-4", "P0-5", "P0-6", "P0-7", "P0-8", "P1-16")
ASKED_IF_SEEN = ("P0-2b", "P0-9", "P0-10", "P1-11", "P1-12", "P1-12b", "P1-14", "P1-17", "P2-18")


_MOST_PRESSING = ("DATA", "ANSWERED", "ATTEMPTED", "CANNOT TELL", "NO EVIDENCE")
_READINGS = {"baseline": "the baseline", "hop_2": "the second hop"}


class Result(NamedTuple):
    """One finished run."""

    arguments: Arguments
    subject: Subject
    listing: Listing
    run_id: str
    all_books: Mapping[str, Books]
    indexed: Indexed | None
    seconds: dict[str, float]
    finding: FindingFile | None = None
    claims: Sequence[ClaimAnswer] = ()
    was_read_twice: bool = False
    answered: Answered | None = None
    label_conflicts: Sequence[str] = ()
    coverage: CaseCoverage | None = None
    manifest: Mapping[str, object] = MappingProxyType({})

    @property
    def books(self) -> Books:
        """Those of the window."""
        return self.all_books[""]


def render(result: Result) -> str:
    """The summary, as lines."""
    return "\n".join(_lines(result))


def render_list(results: Sequence[Result]) -> str:
    """A line for each case of one pass, the most pressing verdict first."""
    found = [
        (_MOST_PRESSING.index(result.answered.verdict.step), result)
        for result in results
        if result.answered
    ]
    lines = [
        f"  {_MOST_PRESSING[rank]:<12}{result.subject.instance_ids[0]:<21}"
        f"{result.arguments.table('report.html')}"
        for rank, result in sorted(found, key=lambda each: each[0])
    ]
    return "\n".join(["", f"Watch-list  {len(results):,} instances, a case each", *lines])


def _lines(result: Result) -> Iterator[str]:
    arguments, books = result.arguments, result.books
    yield ""
    if result.answered:
        yield f"{result.answered.verdict.step}: {result.answered.verdict.sentence}"
        yield "  Attempts, answers and volume are what flow logs show; never a login."
        yield from _answers(result.answered.answers)
        yield ""
    if result.coverage:
        yield from (sanitise(line, 400) for line in coverage_lines(result.coverage))
        yield ""
    yield f"Case {arguments.case_id}, run {result.run_id}"
    yield from _finding(result)
    yield f"  subject   {_subject(result)}"
    yield from _known_by(result)
    yield f"  window    {arguments.window}"
    yield from _reading(result)
    yield (
        f"  flows     {books.flows:,} kept (with {books.flows_nodata:,} NODATA, "
        f"{books.flows_skipdata:,} SKIPDATA), {books.others:,} others {_others(arguments)}"
    )
    for sentence in said_of_labels(result.label_conflicts):
        yield f"  warning   {sentence}"
    yield ""
    if result.coverage and result.coverage.refused_objects:
        refused = refused_object_lines(result.coverage, books.objects_refused)
        yield from (sanitise(line, 400) for line in refused)
        yield ""
    for reading, each in result.all_books.items():
        yield from _books(each, f" of {_READINGS[reading]}" if reading else "")
    yield ""
    beside = "conversations, peers, answers, coverage, objects, quarantine"
    yield f"Delta       {arguments.table('flows')}  (beside it: {beside})"
    if result.answered:
        yield f"Report      {arguments.table('report.html')}"
    if result.indexed:
        view = result.indexed
        yield f"OpenSearch  {view.documents:,} documents in {view.index_name}, alias {view.alias}"
    yield "Seconds     " + ", ".join(f"{name} {s:.1f}" for name, s in result.seconds.items())


def _others(arguments: Arguments) -> str:
    of_the_list = "of the other instances, or " if arguments.one_case_each else ""
    return f"{of_the_list}that only looked alike"


def _subject(result: Result) -> str:
    if result.arguments.scope == "everything":
        return "every flow of the window"
    subject = result.subject
    text = ", ".join(subject.names())
    if not subject.interface_ids and not subject.addresses:
        text += "  (no interface or address is known: only records with its id can be found)"
    return text


def _finding(result: Result) -> Iterator[str]:
    """The finding, and what the records say of each of its claims: the first question."""
    if result.finding is None:
        return
    said = result.finding.finding
    types = ", ".join(sanitise(name, 80) for name in said.types[:3])
    types += f" and {len(said.types) - 3} more" if len(said.types) > 3 else ""
    sample = ", a SAMPLE that GuardDuty made up" if said.is_sample else ""
    others = f"; {said.others:,} findings of others left out" if said.others else ""
    seen = ""
    if said.first_seen and said.last_seen:
        seen = (
            f", seen {said.first_seen:%Y-%m-%d %H:%M:%S} to {said.last_seen:%Y-%m-%d %H:%M:%S} UTC"
        )
    yield f"  finding   {types}{seen}{sample}{others}"
    for answer in result.claims[:CLAIMS_SHOWN]:
        claim = sanitise(answer.claim, 120)
        yield f"  claim     {claim}: {answer.verdict.upper()}, {answer.sentence}"
    if not result.claims:
        yield "  claim     none: the finding names no connection"
    if len(result.claims) > CLAIMS_SHOWN:
        yield f"  … and {len(result.claims) - CLAIMS_SHOWN} more claims, all in manifest.json"


def _known_by(result: Result) -> Iterator[str]:
    """Where each part of the subject comes from."""
    if result.arguments.scope == "everything":
        return
    known = result.subject.known_by()
    if known:
        by_source = (f"{source} ({', '.join(values)})" for source, values in known.items())
        yield f"  known by  {'; '.join(by_source)}"
    if result.was_read_twice:
        yield "            what only the records knew was searched for in a second reading"
    launch = result.finding.finding.launch_at if result.finding else None
    if launch is not None and launch > result.arguments.window.from_at:
        yield (
            f"            before its launch at {launch:%Y-%m-%d %H:%M:%S} UTC an address of the "
            "finding counts only where labels say so"
        )


def _reading(result: Result) -> Iterator[str]:
    books = result.books
    yield (
        f"  objects   {books.listed:,} listed, {books.objects_skipped:,} skipped, "
        f"{books.objects_read:,} read, {books.objects_empty:,} empty, "
        f"{books.objects_refused:,} refused{_other_kind(books.objects_other_kind)}; "
        f"{len(result.listing.left_folders):,} folders left out"
    )
    for left_out in result.listing.left_out():
        yield f"            {sanitise(left_out.sentence(), 400)}"
    yield (
        f"  bytes     {_size(books.bytes_read)} read, {_size(books.bytes_inflated)} of text in them"
    )
    yield (
        f"  lines     {books.lines:,}: {books.header_lines:,} header, {books.blank_lines:,} blank, "
        f"{books.set_aside_lines:,} set aside, {books.parsed_lines:,} parsed, "
        f"{books.refused_lines:,} refused; NODATA {books.nodata_lines:,}, "
        f"SKIPDATA {books.skipdata_lines:,}"
    )


def _other_kind(objects: int) -> str:
    return f", {objects:,} of transit gateways or core networks" if objects else ""


def _answers(answers: Sequence[Answer]) -> Iterator[str]:
    """The answers that a responder asks for first, each with its sentence; the table has all."""
    shown = [
        answer
        for answer in answers
        if answer.question in ANSWERS_SHOWN
        or (answer.question in ASKED_IF_SEEN and (answer.rows or answer.verdict == "cannot tell"))
    ]
    for answer in shown:
        yield f"  {answer.question:<7}{answer.title}"
        yield from textwrap.wrap(
            sanitise(answer.sentence, 600), 100, initial_indent=" " * 9, subsequent_indent=" " * 9
        )


def _books(books: Books, of: str) -> Iterator[str]:
    verdict = "balanced" if books.balanced else "NOT BALANCED"
    yield f"Books{of}".ljust(11) + f" {verdict}"
    for identity in books.identities():
        mark = "ok " if identity.holds else "BAD"
        yield f"  {mark} {identity.what}: {identity.left:,} = {identity.right:,}"
    if books.refusals:
        yield (
            f"  in quarantine: {books.quarantined_objects:,} objects, "
            f"{books.quarantined_lines:,} lines, {books.quarantined_documents:,} documents"
        )


def _size(octets: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= size:
            return f"{octets / size:.1f} {unit}"
    return f"{octets} bytes"
