"""Answers and notes → one HTML file: no script, no request, the same bytes for the same inputs.

Only the block at the end holds the run's id and time.
"""

import hashlib
from base64 import b64encode
from datetime import UTC
from importlib.resources import files

from jobs.output.report_graph import graph_of
from jobs.output.report_head import BEYOND, first_screen, in_short
from jobs.output.report_layout import draw
from jobs.output.report_notes import notes_for_report
from jobs.output.report_tables import answer_for_report, hour_matrix, peer_matrix
from jobs.output.report_timeline import timelines
from jobs.output.report_units import shown_number
from jobs.output.run_copy import show_copy, store_copy
from jobs.pipeline.books import Books
from jobs.pipeline.near import shown_name
from jobs.pipeline.result import RunResult
from transforms.conversations.build import CONVERSATIONS_VERSION
from transforms.network.service_classes import SERVICE_CLASSES, SERVICE_CLASSES_VERSION
from transforms.questions.catalogue import QUESTIONS, the_one_in
from transforms.questions.judgement import VERDICT_VERSION
from transforms.questions.novelty import why_nothing_is_new
from transforms.questions.question import QUESTIONS_VERSION, Place
from transforms.text import sanitise


def store_report(case_uri: str, run_id: str, text: str) -> dict[str, object]:
    """Put the report of a run into the case; returns what the manifest says of it.

    Readers find it as `report.html` once the manifest names it, by `show_report`.
    """
    return store_copy(case_uri, report_name(run_id), text.encode())


def report_name(run_id: str) -> str:
    """Where in the case the report of a run is."""
    return f"reports/{run_id}.html"


def show_report(case_uri: str, run_id: str) -> None:
    """Make the report of a run `report.html`."""
    show_copy(case_uri, report_name(run_id), "report.html")


def render_report(result: RunResult, inputs_sha256: str) -> str | None:
    """The file, as text; None where no subject was investigated."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    if result.investigation is None:
        return None
    folder = files("jobs.output") / "templates"
    texts = {each.name: each.read_text() for each in folder.iterdir()}
    css = texts["report.css"]
    environment = Environment(
        loader=DictLoader(texts),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        css=_Safe(css),
        css_sha256=b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        inputs_sha256=inputs_sha256,
        **first_screen(result),
        **in_short(result),
        **_drawings(result),
        **_body(result),
        **_method_and_evidence(result),
        **notes_for_report(result.case.arguments.case_uri),
    )


def _drawings(result: RunResult) -> dict[str, object]:
    """The graph and the timeline; nothing where nothing was seen."""
    investigation, name = result.investigation, shown_name(result.case, result.subject)
    assert investigation is not None
    graph = graph_of(investigation, name, result.subject.addresses)
    followed = the_one_in(investigation.answers, Place.CONTACT_NOTE)
    return {
        "graph": draw(graph) if len(graph.nodes) > 1 else None,
        "graph_note": sanitise(followed.sentence, 600),
        "timeline": timelines(result.case, investigation),
    }


def _body(result: RunResult) -> dict[str, object]:
    """Key numbers, tables and every answer."""
    investigation = result.investigation
    assert investigation is not None
    answers = investigation.answers
    by_id = {answer.question.id: answer for answer in answers}
    return {
        "key_numbers": [
            {
                "id": question.id,
                "name": figure.figure,
                "words": figure.words,
                "value": value,
                "shown": shown_number(figure.figure, value) if value is not None else None,
            }
            for question in QUESTIONS
            for figure in question.key_figures
            for value in [by_id[question.id].figures.get(figure.figure)]
        ],
        "new_note": why_nothing_is_new(investigation.context.baseline),
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
        "beyond": BEYOND,
        "run_id": case.run_id,
        "started_at": f"{started_at:%Y-%m-%d %H:%M:%S} UTC",
    }  # fmt: skip


def _quarantine_note(books: Books) -> str:
    return (
        f"In quarantine: {books.quarantined_objects:,} objects, {books.quarantined_lines:,} lines, "
        f"{books.quarantined_documents:,} documents."
    )


class _Safe(str):
    """Our own text, which goes in as it is."""

    def __html__(self) -> str:
        return self
