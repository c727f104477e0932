"""What a run says on the terminal when it is done: plain text, no colour, no cursor tricks."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.cli.arguments import Arguments
from jobs.output.book_lines import books_in_full, books_in_short
from jobs.pipeline.books import Books
from jobs.pipeline.case_coverage import copy_lines, coverage_lines, refused_object_lines
from jobs.pipeline.result import Investigation, RunResult
from jobs.pipeline.transit import TransitSeen
from jobs.sources.labels import label_warnings
from jobs.spark.phases import seconds_line
from transforms.questions.catalogue import Answer
from transforms.questions.question import Place
from transforms.story import story_lines
from transforms.text import sanitise
from transforms.transit.passages import transit_lines
from transforms.vocabulary import Reading, Step
from transforms.wording import size

CLAIMS_SHOWN = 5

# The most pressing verdict first.
_PRESSING = (
    Step.DATA, Step.ANSWERED, Step.ATTEMPTED, Step.CANNOT_TELL, Step.ORDINARY_ONLY,
    Step.NO_EVIDENCE,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run that is complete: what it found out, how long it took, and its manifest."""

    result: RunResult
    seconds: Mapping[str, float]
    manifest: Mapping[str, object]


def summary(run: FinishedRun, *, is_full: bool = False) -> str:
    """The summary of a run, as lines; counts and books are a line each while all of them balance.

    `is_full` asks for every count and every identity of the books.
    """
    balanced = all(books.balanced for books in run.result.books.values())
    return "\n".join(_lines(run, is_full or not balanced))


def watch_list_summary(runs: Sequence[FinishedRun]) -> str:
    """A line for each case of one pass, the most pressing verdict first."""
    found = [
        (_PRESSING.index(Step(result.investigation.headline.verdict)), result)
        for result in (run.result for run in runs)
        if result.investigation
    ]
    lines = [
        f"  {_PRESSING[rank]:<14}{result.subject.instance_ids[0]:<21}"
        f"{_name_of(result)}{result.case.table('report.html')}"
        for rank, result in sorted(found, key=lambda each: each[0])
    ]
    return "\n".join(["", f"Watch-list  {len(runs):,} instances, a case each", *lines])


def _name_of(result: RunResult) -> str:
    """The name of the first instance, where labels have one; SAMPLE where the finding is one."""
    name = result.case.instance_names.get(result.subject.instance_ids[0])
    finding = result.case.finding
    sample = "SAMPLE  " if finding is not None and finding.finding.is_sample else ""
    return f"{sanitise(name, 40)}  {sample}" if name else sample


def _lines(run: FinishedRun, is_full: bool) -> Iterator[str]:
    result = run.result
    yield ""
    if result.investigation:
        yield from _told(result.investigation)
    if result.coverage:
        yield from (sanitise(line, 400) for line in coverage_lines(result.coverage))
        yield ""
    if result.transit and result.transit.passages:
        yield from (sanitise(line, 400) for line in _transit(result.transit))
        yield ""
    yield from _case(result, is_full)
    yield ""
    yield from _beside_the_books(result)
    yield from books_in_full(result.books) if is_full else books_in_short(result.books)
    yield ""
    yield from _places(result)
    yield seconds_line(run.seconds)


def _told(investigation: Investigation) -> Iterator[str]:
    """The story, the verdict, and the answers that a responder asks for first."""
    yield from _story(investigation)
    yield f"{investigation.headline.verdict}: {investigation.headline.sentence}"
    yield "  Attempts, answers and volume are what flow logs show; never a login."
    yield from _answers(investigation.answers)
    yield ""


def _case(result: RunResult, is_full: bool) -> Iterator[str]:
    case, books = result.case, result.books[Reading.WINDOW]
    yield f"Case {case.arguments.case_id}, run {case.run_id}"
    yield from _finding(result)
    yield f"  subject   {_subject(result)}"
    yield from _known_by(result, is_full)
    yield f"  window    {case.arguments.window}"
    yield f"  labels    {case.age_of_labels()}"
    yield from _reading(result)
    if is_full:
        yield from _read_in_full(books)
    yield (
        f"  flows     {books.flows:,} kept (with {books.flows_nodata:,} NODATA, "
        f"{books.flows_skipdata:,} SKIPDATA), {books.others:,} others {_others(case.arguments)}"
    )
    for sentence in label_warnings(case.labels.conflicts):
        yield f"  warning   {sentence}"


def _beside_the_books(result: RunResult) -> Iterator[str]:
    """Objects that were refused, and copies that count once."""
    coverage, books = result.coverage, result.books[Reading.WINDOW]
    if coverage and coverage.refused_objects:
        refused = books.objects_refused + books.objects_unreadable
        yield from (sanitise(line, 400) for line in refused_object_lines(coverage, refused))
        yield ""
    if coverage and books.objects_copied:
        yield from (sanitise(line, 400) for line in copy_lines(coverage, books.objects_copied))
        yield ""


def _places(result: RunResult) -> Iterator[str]:
    """Where everything is."""
    others = "conversations, peers, path, answers, coverage, objects, quarantine"
    yield f"Delta       {result.case.table('flows')}  (beside it: {others})"
    if result.investigation:
        yield f"Report      {result.case.table('report.html')}"
    if result.indexed:
        view = result.indexed
        yield f"OpenSearch  {view.documents:,} documents in {view.index_name}, alias {view.alias}"


def _transit(seen: TransitSeen) -> Iterator[str]:
    """What the subject sent through transit gateways to where no flow log of the run looks."""
    yield from transit_lines(seen.passages, seen.recorded_vpcs, are_all=seen.are_all)


def _story(investigation: Investigation) -> Iterator[str]:
    """The headline, then what happened in order of time; nothing where nothing did."""
    story = investigation.story
    if not story.headline:
        return
    yield from textwrap.wrap(story.headline, 100)
    yield from (f"  {line}" for line in story_lines(story))
    yield ""


def _others(arguments: Arguments) -> str:
    of_the_list = "of the other instances, or " if arguments.one_case_each else ""
    return f"{of_the_list}that only looked alike"


def _subject(result: RunResult) -> str:
    if not result.case.has_subject:
        return "every flow of the window"
    subject = result.subject
    names = result.case.instance_names
    known = [f"{each} ({sanitise(names[each], 80)})" if each in names else each
             for each in subject.names()]  # fmt: skip
    text = ", ".join(known)
    if not subject.interface_ids and not subject.addresses:
        text += "  (no interface or address is known: only records with its id can be found)"
    return text


def _finding(result: RunResult) -> Iterator[str]:
    """The finding, and what the records say of each of its claims: the first question."""
    if result.case.finding is None:
        return
    told = result.case.finding.finding
    types = ", ".join(sanitise(name, 80) for name in told.types[:3])
    types += f" and {len(told.types) - 3} more" if len(told.types) > 3 else ""
    sample = ", a SAMPLE that GuardDuty made up" if told.is_sample else ""
    others = f"; {told.others:,} findings of others left out" if told.others else ""
    seen = ""
    if told.first_seen and told.last_seen:
        seen = (
            f", seen {told.first_seen:%Y-%m-%d %H:%M:%S} to {told.last_seen:%Y-%m-%d %H:%M:%S} UTC"
        )
    yield f"  finding   {types}{seen}{sample}{others}"
    for answer in result.claims[:CLAIMS_SHOWN]:
        claim = sanitise(answer.claim, 120)
        yield f"  claim     {claim}: {answer.verdict.upper()}, {answer.sentence}"
    if not result.claims:
        yield "  claim     none: the finding names no connection"
    if len(result.claims) > CLAIMS_SHOWN:
        yield f"  … and {len(result.claims) - CLAIMS_SHOWN} more claims, all in manifest.json"


def _known_by(result: RunResult, is_full: bool) -> Iterator[str]:
    """Where each part of the subject comes from, and what else was searched for."""
    if not result.case.has_subject:
        return
    known = result.subject.known_by()
    if known and is_full:
        by_source = (f"{source} ({', '.join(values)})" for source, values in known.items())
        yield f"  known by  {'; '.join(by_source)}"
    if result.was_scanned_twice:
        yield "            what only the records knew was searched for in a second reading"
    finding = result.case.finding
    launch = finding.finding.launch_at if finding else None
    if launch is not None and launch > result.case.arguments.window.from_at:
        yield (
            f"            before its launch at {launch:%Y-%m-%d %H:%M:%S} UTC an address of the "
            "finding counts only where labels say so"
        )


def _reading(result: RunResult) -> Iterator[str]:
    books = result.books[Reading.WINDOW]
    yield (
        f"  objects   {books.listed:,} listed, {books.objects_skipped:,} skipped, "
        f"{books.objects_read + books.objects_transit:,} read{_of_gateways(books)}, "
        f"{books.objects_empty:,} empty, "
        f"{books.objects_refused:,} refused{_unreadable(books.objects_unreadable)}"
        f"{_other_kind(books.objects_other_kind)}; "
        f"{len(result.case.listing.left_folders):,} folders left out"
    )
    if result.case.arguments.flow_table is not None:
        yield f"            {_from_table(books)}"
    for left_out in result.case.listing.left_out():
        yield f"            {sanitise(left_out.sentence(), 400)}"
    for sentence in result.case.of_listing():
        yield f"            {sanitise(sentence, 600)}"


def _read_in_full(books: Books) -> Iterator[str]:
    yield (
        f"  bytes     {size(books.bytes_read)} read, {size(books.bytes_inflated)} of text in them"
    )
    yield (
        f"  lines     {books.lines:,}: {books.header_lines:,} header, {books.blank_lines:,} blank, "
        f"{books.set_aside_lines:,} set aside, {books.parsed_lines:,} parsed, "
        f"{books.refused_lines:,} refused; NODATA {books.nodata_lines:,}, "
        f"SKIPDATA {books.skipdata_lines:,}"
    )


def _from_table(books: Books) -> str:
    if not books.objects_from_table:
        return "none of them from the flow table: no complete run of ingest_flows has read them"
    return (
        f"{books.objects_from_table:,} of them from the flow table: {size(books.octets_of_table)} "
        f"of it opened instead of {size(books.octets_not_read)} of text"
    )


def _unreadable(objects: int) -> str:
    return f", {objects:,} unreadable" if objects else ""


def _of_gateways(books: Books) -> str:
    found = books.objects_transit
    return f" ({found:,} of them of transit gateways)" if found else ""


def _other_kind(objects: int) -> str:
    return f", {objects:,} with records of other kinds" if objects else ""


def _answers(answers: Sequence[Answer]) -> Iterator[str]:
    """The answers that a responder asks for first, each with its sentence; the table has all."""
    shown = [
        answer
        for answer in answers
        if Place.SUMMARY in answer.question.places
        or (
            Place.SUMMARY_IF_FOUND in answer.question.places
            and (answer.rows or answer.verdict == "cannot tell")
        )
    ]
    for answer in shown:
        yield f"  {answer.question.id:<7}{answer.question.title}"
        yield from textwrap.wrap(
            sanitise(answer.sentence, 600), 100, initial_indent=" " * 9, subsequent_indent=" " * 9
        )
