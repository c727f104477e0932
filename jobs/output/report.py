"""Answers → one HTML file: no script, no request, the same bytes for the same inputs.

Only the block at the end holds the run's id and time.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC
from importlib.resources import files

from jobs.output.report_drawings import drawings
from jobs.output.report_tables import answer_for_report, hour_matrix, peer_matrix
from jobs.pipeline.books import Books
from jobs.pipeline.case_coverage import CaseCoverage, coverage_lines
from jobs.pipeline.result import RunResult
from jobs.storage.whole_objects import read_bytes, write_bytes
from transforms.conversations.build import CONVERSATIONS_VERSION
from transforms.network.service_classes import SERVICE_CLASSES, SERVICE_CLASSES_VERSION
from transforms.questions.catalogue import QUESTIONS, Answer, shown_in, the_one_in
from transforms.questions.judgement import VERDICT_VERSION
from transforms.questions.novelty import why_nothing_is_new
from transforms.questions.question import QUESTIONS_VERSION, Place
from transforms.questions.silence import NOT_SEEN
from transforms.subject.identity import Subject
from transforms.text import sanitise

# A question that was not asked, or of which nothing was seen, was not answered with nothing.
_UNANSWERED = ("not asked", "cannot tell", NOT_SEEN)
_BEYOND = (
    ("Logins, commands, processes", "logs of the hosts"),
    ("Session Manager, Run Command, EC2 Instance Connect, the serial console",
     "StartSession, SendCommand, SendSSHPublicKey, SendSerialConsoleSSHPublicKey in CloudTrail"),
    ("The metadata service, 169.254.169.254", "CloudTrail, for what its credentials did"),
    ("Queries to Amazon's resolver", "Route 53 Resolver query logs"),
    ("DHCP, Amazon's time service, mirrored traffic, the VPC router", "nothing else records it"),
    ("API calls to AWS", "CloudTrail"),
    ("What a peer's security group rejected, where the peer's interface has no flow log",
     "a flow log on the peer's subnet"),
)  # fmt: skip


def store_report(case_uri: str, run_id: str, text: str) -> dict[str, object]:
    """Put the report of a run into the case; returns what the manifest says of it.

    Readers find it as `report.html` once the manifest names it, by `show_report`.
    """
    octets = text.encode()
    name = report_name(run_id)
    write_bytes(f"{case_uri}/{name}", octets)
    return {"name": name, "sha256": hashlib.sha256(octets).hexdigest(), "bytes": len(octets)}


def report_name(run_id: str) -> str:
    """Where in the case the report of a run is."""
    return f"reports/{run_id}.html"


def show_report(case_uri: str, run_id: str) -> None:
    """Make the report of a run `report.html`."""
    write_bytes(f"{case_uri}/report.html", read_bytes(f"{case_uri}/{report_name(run_id)}"))


def render_report(result: RunResult, inputs_sha256: str) -> str | None:
    """The file, as text; None where no subject was investigated."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    if result.investigation is None:
        return None
    folder = files("jobs.output") / "templates"
    css = (folder / "report.css").read_text()
    pages = DictLoader({"report.html": (folder / "report.html").read_text()})
    environment = Environment(loader=pages, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("report.html").render(
        css=_Safe(css),
        css_sha256=b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        inputs_sha256=inputs_sha256,
        **_head(result),
        **_body(result),
        **_method_and_evidence(result),
    )


def _head(result: RunResult) -> dict[str, object]:
    """The verdict, coverage, and what was seen and not seen."""
    assert result.investigation is not None
    case, answers = result.case, result.investigation.answers
    headline, coverage = result.investigation.headline, result.coverage
    others = [answer for answer in answers if answer is not headline and not answer.rows]
    return {
        "case_id": case.arguments.case_id,
        "step": headline.verdict,
        "headline": result.investigation.story.headline,
        "story": [act.line() for act in result.investigation.story.acts],
        "sentence": sanitise(headline.sentence, 1000),
        "coverage": _coverage(coverage),
        "is_unseen": coverage is not None and coverage.judged.verdict == "NONE",
        "window": str(case.arguments.window),
        "subject": _subject(result.subject),
        "saw": _sentences([each for each in shown_in(answers, Place.REPORT_SAW) if each.rows]),
        "not_seen": _sentences([each for each in others if each.verdict not in _UNANSWERED]),
        "cannot_see": [
            *_gaps(coverage),
            *dict.fromkeys(
                _sentences([each for each in others if each.verdict in ("cannot tell", NOT_SEEN)])
            ),
            *(f"{what}: see {where}." for what, where in _BEYOND[:5]),
        ],
        "is_sample": case.finding is not None and case.finding.finding.is_sample,
        "claims": [
            {
                "claim": sanitise(claim.claim, 200),
                "verdict": claim.verdict,
                "sentence": claim.sentence,
            }
            for claim in result.claims
        ],
    }


def _body(result: RunResult) -> dict[str, object]:
    """Key numbers, drawings, tables and every answer."""
    investigation = result.investigation
    assert investigation is not None
    answers = investigation.answers
    return {
        "by_id": {answer.question.id: answer for answer in answers},
        "key_numbers": [
            (question.id, figure.figure, figure.words)
            for question in QUESTIONS
            for figure in question.key_figures
        ],
        "new_note": why_nothing_is_new(investigation.context.baseline),
        **drawings(result, investigation, _subject(result.subject)["name"]),
        "matrix": peer_matrix(the_one_in(answers, Place.PEER_MATRIX)),
        "hours": hour_matrix(the_one_in(answers, Place.HOUR_MATRIX)),
        "answers": [answer_for_report(answer) for answer in answers],
    }


def _method_and_evidence(result: RunResult) -> dict[str, object]:
    """Versions of rules, thresholds, books, and what flow logs cannot show."""
    assert result.investigation is not None
    case = result.case
    started_at = case.started_at.astimezone(UTC)
    return {
        "versions": {
            "questions": QUESTIONS_VERSION, "conversations": CONVERSATIONS_VERSION,
            "service_classes": SERVICE_CLASSES_VERSION, "verdict": VERDICT_VERSION,
        },
        "thresholds": list(result.investigation.context.thresholds._asdict().items()),
        "service_classes": [
            (name, ", ".join(map(str, ports))) for name, ports in SERVICE_CLASSES.items()
        ],
        "all_books": [
            (reading.described, each.identities(), _quarantine_note(each))
            for reading, each in result.books.items()
        ],
        "beyond": _BEYOND,
        "run_note": f"Run {case.run_id} of {started_at:%Y-%m-%d %H:%M:%S} UTC.",
    }  # fmt: skip


def _sentences(answers: Sequence[Answer]) -> list[str]:
    return [sanitise(answer.sentence, 600) for answer in answers]


def _quarantine_note(books: Books) -> str:
    return (
        f"In quarantine: {books.quarantined_objects:,} objects, {books.quarantined_lines:,} lines, "
        f"{books.quarantined_documents:,} documents."
    )


class _Safe(str):
    """Our own text, which goes in as it is."""

    def __html__(self) -> str:
        return self


def _subject(subject: Subject) -> dict[str, str]:
    known, more = subject.names(), len(subject.instance_ids) - 1
    name = known[0] if known else "the subject"
    if more > 0:
        name += f" or {more} more"
    return {"name": sanitise(name), "described": ", ".join(known)}


def _coverage(found: CaseCoverage | None) -> dict[str, object]:
    """What the report says of how complete the records are."""
    if found is None:
        return {"verdict": "NONE", "sentence": "How complete the records are was not judged."}
    lines = coverage_lines(found)
    return {
        "verdict": found.judged.verdict,
        "sentence": sanitise(
            " ".join(line.strip() for line in lines).removeprefix("Coverage").strip(), 2000
        ),
    }


def _gaps(found: CaseCoverage | None) -> list[str]:
    """What this case's records leave open, before what no flow log shows."""
    if found is None:
        return []
    gaps = [sanitise(f"{reason}.", 600) for reason in found.judged.reasons]
    if found.unlogged_peers:
        gaps.append(
            f"What {len(found.unlogged_peers):,} internal peers rejected: their own interfaces "
            "have no record."
        )
    return gaps
