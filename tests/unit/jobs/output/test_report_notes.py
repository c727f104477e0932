"""Notes in the report of the next run: in their order, harmless, and never a reason to stop."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.evidence.notes import Note, note_name
from jobs.output.report import render_report
from jobs.output.report_notes import notes_for_report
from tests.support.made_stories import attack

RUN = "20261128t000000z-0001"
HOSTILE = "<script>alert(1)</script> \x1b[31m\u202egnp.exe </li></ol>"


def write_note(case: Path, number: int, text: str, by: str = "D. Okoro") -> Path:
    note = Note(
        number=number, at=datetime(2026, 11, 28, 9, number, tzinfo=UTC), by=by, caller=None,
        text=text, case_id="case", run_id=RUN, manifest_sha256="0" * 64, previous="0" * 64,
    )  # fmt: skip
    file = case / note_name(number)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(note.stored())
    return file


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # where `--output out` of the made case is
    return tmp_path / "out/case"


def shown(text: str) -> str:
    (section,) = re.findall(r'<section id="notes".*?</section>', text, re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", section).split()))


def test_a_case_without_notes_has_no_such_section(case: Path) -> None:
    assert 'id="notes"' not in str(render_report(attack(), "0" * 64))


def test_notes_stand_in_their_order_with_who_when_and_on_which_run(case: Path) -> None:
    write_note(case, 2, "second", by="A. Mori")
    write_note(case, 1, "app-2 isolated at 09:40")

    told = shown(str(render_report(attack(), "0" * 64)))

    first = f"app-2 isolated at 09:40 2026-11-28 09:01:00 UTC, D. Okoro, on run {RUN}"
    assert first in told
    assert told.index(first) < told.index("second 2026-11-28 09:02:00 UTC, A. Mori")
    assert "altered" not in told


def test_a_note_that_was_altered_is_marked(case: Path) -> None:
    file = write_note(case, 1, "app-2 isolated")
    file.write_bytes(file.read_bytes().replace(b"isolated", b"released"))

    told = shown(str(render_report(attack(), "0" * 64)))

    assert "app-2 released" in told
    assert "altered since it was written" in told


def test_a_hostile_note_is_text_and_nothing_else(case: Path) -> None:
    write_note(case, 1, HOSTILE, by=HOSTILE)

    text = str(render_report(attack(), "0" * 64))

    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert shown(text).count("alert(1)") == 2


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"number": 1}'])
def test_what_is_no_note_is_said_and_stops_nothing(case: Path, data: bytes) -> None:
    write_note(case, 1, "fine").write_bytes(data)

    found = notes_for_report(str(case))

    assert found["notes"] == []
    assert found["notes_problem"]
