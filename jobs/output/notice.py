"""The notice of a run: a few kB of JSON that a message, a chat or a ticket can be made of.

A manifest lists every file of a case and may be large; Step Functions hands on at most 256 KiB.
Names, labels and findings are text of others, and a message is read where links come alive: all of
it goes through `for_mail`, and links are put together from what matches a pattern.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

from jobs.output.run_copy import show_copy, store_copy
from jobs.pipeline.result import RunResult
from jobs.storage.object_store import place_of
from transforms import patterns
from transforms.text import for_mail
from transforms.vocabulary import Reading

NOTICE = "notice.json"
_SENTENCE, _LINE, _REASONS = 600, 300, 5
# AWS general reference, "Service endpoints": what the regions of a partition begin with.
_CONSOLES = {
    "cn-": "console.amazonaws.cn",
    "us-gov-": "console.amazonaws-us-gov.com",
    "eusc-": "console.amazonaws-eusc.eu",
}
_FINDING_ID = r"[0-9a-f]{32}"


def store_notice(result: RunResult) -> dict[str, object]:
    """Put the notice of a run into the case; returns what the manifest says of it."""
    text = json.dumps(notice_of(result), indent=1, sort_keys=True) + "\n"
    return store_copy(result.case.arguments.case_uri, _name(result), text.encode())


def show_notice(result: RunResult) -> None:
    """Make the notice of a run `notice.json`."""
    show_copy(result.case.arguments.case_uri, _name(result), NOTICE)


def _name(result: RunResult) -> str:
    return f"notices/{result.case.run_id}.json"


def notice_of(result: RunResult) -> dict[str, object]:
    """`subject` and `message` are ready to be sent; the rest says the same field by field."""
    case, investigation = result.case, result.investigation
    coverage = result.coverage
    labels = case.labels.taken_at
    return {
        "case_id": case.arguments.case_id,
        "run_id": case.run_id,
        "subject": f"VPC Flow Trace: {_step(result)}",
        "message": "\n".join(_lines(result)),
        "verdict": str(investigation.headline.verdict) if investigation else None,
        "coverage": str(coverage.judged.verdict) if coverage else None,
        "exit_status": int(result.exit_code),
        "labels_taken_at": labels.isoformat(timespec="seconds") if labels else None,
        "report_link": _report_link(result),
        "finding_link": _finding_link(result),
    }


def _step(result: RunResult) -> str:
    if not all(books.balanced for books in result.books.values()):
        return "the books do NOT balance"
    investigation = result.investigation
    return str(investigation.headline.verdict) if investigation else "every flow of a window"


def _lines(result: RunResult) -> Iterator[str]:
    case = result.case
    yield from _told(result)
    yield ""
    yield from _coverage(result)
    balanced = all(books.balanced for books in result.books.values())
    books = "balanced" if balanced else "NOT BALANCED: do not use the figures"
    yield f"Books: {books}; {result.books[Reading.WINDOW].flows:,} flows"
    yield f"Labels: {case.age_of_labels()}"
    yield f"Window: {case.arguments.window}"
    yield ""
    yield from _places(result)


def _told(result: RunResult) -> Iterator[str]:
    investigation = result.investigation
    if investigation is None:
        yield "Every flow of a window was stored; no question was asked."
        return
    headline = investigation.headline
    yield f"{headline.verdict}: {for_mail(headline.sentence, _SENTENCE)}"
    if investigation.story.headline:
        yield for_mail(investigation.story.headline, _SENTENCE)
    yield "Attempts, answers and volume are what flow logs show; never a login."


def _coverage(result: RunResult) -> Iterator[str]:
    if result.coverage is None:
        return
    judged = result.coverage.judged
    seen, slots = judged.figures["seen"], judged.figures["slots"]
    yield f"Coverage: {judged.verdict}, {seen:,} of {slots:,} five-minute slots seen whole"
    yield from (f"  - {for_mail(reason, _LINE)}" for reason in judged.reasons[:_REASONS])
    if len(judged.reasons) > _REASONS:
        yield f"  - and {len(judged.reasons) - _REASONS} more"


def _places(result: RunResult) -> Iterator[str]:
    case = result.case
    if case.finding is not None:
        finding = case.finding.finding
        types = ", ".join(for_mail(name, 80) for name in finding.types[:3])
        sample = " (a SAMPLE that GuardDuty made up)" if finding.is_sample else ""
        yield f"Finding: {types}{sample}"
        if (link := _finding_link(result)) is not None:
            yield f"  {link}"
    if result.investigation is not None:
        yield f"Report: {case.table('report.html')}"
        if (link := _report_link(result)) is not None:
            yield f"  {link}"
    yield f"Case: {case.arguments.case_id}, run {case.run_id}"


def _report_link(result: RunResult) -> str | None:
    """To the report in the console of S3, which asks for a login; None for a folder.

    A presigned link would let in whoever has the message.
    """
    place = place_of(result.case.table("report.html"))
    if place.bucket is None or result.investigation is None:
        return None
    where = f"region={place.bucket.region}&prefix={quote(place.path, safe='')}"
    return f"https://{_console(place.bucket.region)}/s3/object/{place.bucket.name}?{where}"


def _finding_link(result: RunResult) -> str | None:
    """To the finding in the console of GuardDuty, as its user guide puts it together."""
    if result.case.finding is None:
        return None
    finding = result.case.finding.finding
    ids = [id_ for id_ in finding.ids if re.fullmatch(_FINDING_ID, id_)]
    if not ids or not finding.homes:
        return None
    region = finding.homes[0].region
    where = f"region={region}#/findings?search=id%3D{ids[0]}"
    return f"https://{_console(region)}/guardduty/home?{where}"


def _console(region: str) -> str:
    if not re.fullmatch(patterns.REGION, region):
        return "console.aws.amazon.com"
    for start, host in _CONSOLES.items():
        if region.startswith(start):
            return host
    return f"{region}.console.aws.amazon.com"
