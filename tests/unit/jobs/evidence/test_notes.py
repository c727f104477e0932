"""Notes are added one after the other, and what is done to one of them later is seen."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from jobs import note_case
from jobs.errors import BadInput
from jobs.evidence.check_notes import check_notes
from jobs.evidence.notes import Note, append_note, described_notes, read_notes
from jobs.evidence.open_case import case_at
from jobs.storage.whole_objects import create_bytes, write_bytes
from tests.support.made_case import CASE, RUNS, make_run
from tests.support.paths import ROOT

AT = datetime(2026, 11, 28, 12, 0, tzinfo=timezone(timedelta(hours=2)))


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case of one run."""
    folder = tmp_path / CASE
    folder.mkdir()
    make_run(folder, 0)
    return folder


def add(case: Path | str, text: str) -> Note:
    return append_note(str(case), case_at(str(case)), text=text, by="ada", caller=None, now=AT)


def problems(case: Path | str, expect_note: str | None = None) -> list[str]:
    return list(check_notes(str(case), case_at(str(case)), expect_note).problems)


def content_of(case: Path, number: int) -> dict[str, object]:
    found: dict[str, object] = json.loads((case / f"notes/{number:05}.json").read_text())
    return found


def digest(content: dict[str, object]) -> str:
    """SHA-256 of the JSON text of a note without its own SHA-256, made here anew."""
    content = {name: value for name, value in content.items() if name != "sha256"}
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    return hashlib.sha256(text.encode()).hexdigest()


def test_each_note_names_the_one_before_and_the_first_one_its_manifest(case: Path) -> None:
    manifest = hashlib.sha256((case / "manifest.json").read_bytes()).hexdigest()
    add(case, "first")
    last = add(case, "second")

    first, second = content_of(case, 1), content_of(case, 2)
    assert first == {
        "number": 1, "at": "2026-11-28T10:00:00+00:00", "by": "ada", "caller": None,
        "text": "first", "case_id": CASE, "run_id": RUNS[0], "manifest_sha256": manifest,
        "previous": manifest, "sha256": digest(first),
    }  # fmt: skip
    assert (second["previous"], second["sha256"]) == (digest(first), digest(second))
    assert problems(case, last.sha256) == []
    assert check_notes(str(case), case_at(str(case)), None).holds == (
        f"2 notes linked, the last with SHA-256 {digest(second)}"
    )
    assert [(found.note.text, found.note.at) for found in read_notes(str(case))] == [
        ("first", datetime(2026, 11, 28, 10, 0, tzinfo=UTC)),
        ("second", datetime(2026, 11, 28, 10, 0, tzinfo=UTC)),
    ]


def test_a_case_without_notes_says_nothing_of_them(case: Path) -> None:
    assert check_notes(str(case), case_at(str(case)), None) == ("", [], ())


def test_notes_go_on_when_the_case_is_traced_again(case: Path) -> None:
    add(case, "on the first run")
    make_run(case, 1)
    add(case, "on the second run")

    assert problems(case) == []
    assert [found.note.run_id for found in read_notes(str(case))] == list(RUNS[:2])
    assert content_of(case, 2)["previous"] == digest(content_of(case, 1))


def rewrite(case: Path, number: int, **changed: object) -> None:
    """The note with other content and, as its writer knows the rules, with a fitting SHA-256."""
    content = {**content_of(case, number), **changed}
    content["sha256"] = digest(content)
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    (case / f"notes/{number:05}.json").write_text(text)


def edit(case: Path, number: int) -> None:
    path = case / f"notes/{number:05}.json"
    path.write_text(path.read_text().replace("note", "Note", 1))


def remove(case: Path, number: int) -> None:
    (case / f"notes/{number:05}.json").unlink()


def swap(case: Path) -> None:
    one, two = (case / f"notes/{number:05}.json" for number in (1, 2))
    first, second = one.read_text(), two.read_text()
    one.write_text(second)
    two.write_text(first)


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        pytest.param(lambda case: edit(case, 3),
                     ["notes/00003.json: it does not have its own SHA-256: it was altered"],
                     id="an editor on the last note"),
        pytest.param(lambda case: rewrite(case, 1, text="nothing happened"),
                     ["notes/00002.json: it follows SHA-256 "], id="a rewritten first note"),
        pytest.param(lambda case: remove(case, 1), ["notes/00001.json: missing, yet a later "],
                     id="no first note"),
        pytest.param(lambda case: remove(case, 2), ["notes/00002.json: missing, yet a later "],
                     id="a note in between is gone"),
        pytest.param(swap, ["notes/00001.json: it is note 2 of case ",
                            "notes/00001.json: it follows SHA-256 ",
                            "notes/00002.json: it is note 1 of case ",
                            "notes/00002.json: it follows SHA-256 ",
                            "notes/00003.json: it follows SHA-256 "], id="two change places"),
        pytest.param(lambda case: rewrite(case, 3, case_id="another-case"),
                     ["notes/00003.json: it is note 3 of case another-case"], id="another case"),
        pytest.param(lambda case: rewrite(case, 3, manifest_sha256="0" * 64),
                     [f"notes/00003.json: this case has no manifest {RUNS[0]} with "],
                     id="a manifest that never was"),
        pytest.param(lambda case: (case / "notes/00003 (copy).json").write_text("{}"),
                     ["notes/00003 (copy).json: no note has such a name"], id="a stray file"),
        pytest.param(lambda case: (case / "notes/00003.json").write_text('{"number": true}'),
                     ["notes/00003.json: it is no note: number: expected a whole number; "],
                     id="no note at all"),
        pytest.param(lambda case: (case / "notes/00003.json").write_text("[" * 100_000),
                     ["notes/00003.json: it is no note: "], id="a deep one"),
    ],
)  # fmt: skip
def test_what_is_done_to_a_note_has_a_line(
    alter: Callable[[Path], None], expected: list[str], case: Path
) -> None:
    for text in ("note one", "note two", "note three"):
        add(case, text)
    assert problems(case) == []

    alter(case)

    found = problems(case)
    assert len(found) == len(expected), found
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda case: remove(case, 2), id="taken away"),
        pytest.param(lambda case: rewrite(case, 2, text="nothing happened"), id="written anew"),
        pytest.param(lambda case: shutil.rmtree(case / "notes"), id="all taken away"),
    ],
)
def test_the_next_run_names_the_last_note(alter: Callable[[Path], None], case: Path) -> None:
    add(case, "one")
    last = add(case, "two")
    named = described_notes(str(case))
    assert named == {"number": 2, "sha256": last.sha256}
    make_run(case, 1, notes=named)
    assert problems(case) == []

    alter(case)

    assert problems(case) == [
        f"notes/00002.json: the manifest has SHA-256 {last.sha256} of it: it was altered or taken "
        "away"
    ]


def test_a_run_names_the_last_note_before_what_is_none(case: Path) -> None:
    assert described_notes(str(case)) is None
    last = add(case, "one")
    (case / "notes/00002.json").write_text("{}")
    (case / "notes/99999.json").write_text("planted")

    assert described_notes(str(case)) == {"number": 1, "sha256": last.sha256}


def test_only_a_digest_that_was_kept_tells_that_the_last_note_is_gone(case: Path) -> None:
    add(case, "one")
    last = add(case, "two")
    remove(case, 2)

    assert problems(case) == []
    (problem,) = problems(case, last.sha256)
    assert problem.startswith(f"notes: no note has the SHA-256 {last.sha256} of --expect_note")


def test_nothing_is_added_after_what_is_no_note(case: Path) -> None:
    add(case, "one")
    (case / "notes/00002.json").write_text("{}")

    with pytest.raises(BadInput) as caught:
        add(case, "three")
    (problem,) = caught.value.problems
    assert "notes/00002.json: found what is no note (number: expected a whole number; " in problem
    assert sorted(path.name for path in (case / "notes").iterdir()) == ["00001.json", "00002.json"]


def test_no_note_of_several_writers_is_lost(case: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda number: add(case, f"note {number}"), range(16)))

    assert sorted(note.number for note in written) == list(range(1, 17))
    assert sorted(found.note.text for found in read_notes(str(case))) == sorted(
        f"note {number}" for number in range(16)
    )
    assert problems(case) == []


@pytest.mark.parametrize("prefix", ["cases", "odd//cases"])
def test_notes_on_s3_are_a_chain_and_are_never_replaced(
    prefix: str, case: Path, bucket: str
) -> None:
    """One after the other: moto looks and puts in two steps, where S3 does both in one."""
    uri = f"s3://{bucket}/{prefix}/{CASE}"
    write_bytes(f"{uri}/manifest.json", (case / "manifest.json").read_bytes())
    for text in ("first", "second", "third"):
        add(uri, text)

    assert problems(uri) == []
    assert [found.note.text for found in read_notes(uri)] == ["first", "second", "third"]
    assert not create_bytes(f"{uri}/notes/00002.json", b"another")
    assert [found.note.text for found in read_notes(uri)] == ["first", "second", "third"]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = note_case.main(words)
    printed = capsys.readouterr()
    return code, printed.out or printed.err


def test_the_command_says_where_the_note_is_and_what_to_keep(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "@app-2\x1b[31m is\nours \u202egnp.exe, =cmd|' /C calc'!A1"
    code, printed = run(capsys, "--case", f"{case}/", f"--text={hostile}", "--by", "Eve\x07")

    assert code == 0
    content = content_of(case, 1)
    assert printed.startswith(
        f"Note 1 of case {CASE}, on run {RUNS[0]}: {case}/notes/00001.json\n"
        f"SHA-256 {digest(content)}\n"
    )
    assert content["text"] == "@app-2\ufffd[31m is ours \ufffdgnp.exe, =cmd|' /C calc'!A1"
    assert content["by"] == "Eve\ufffd"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_passes_a_text_on_without_running_what_stands_in_it(case: Path) -> None:
    trap = case / "ran"
    text = f'$(shell touch {trap}) `touch {trap}` $40 "it\'s"'
    words = [f"BIN={Path(sys.executable).parent}", f"CASE={case}", f"TEXT={text}"]

    subprocess.run(
        ["make", "-s", "-o", ".venv/ready", "-o", "jars/ready", "note", *words],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip

    assert content_of(case, 1)["text"] == text
    assert not trap.exists()


def test_what_is_wrong_with_a_note_is_said_at_once_and_nothing_is_written(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = run(capsys, "--case", str(case), "--text", " \n ", "--by", "x" * 201)

    assert code == 2
    assert "error: --text: found ' \ufffd '; expected some text\n" in printed
    assert "expected at most 200 characters, not 201\n" in printed
    assert not (case / "notes").exists()
    shutil.rmtree(case)
    assert run(capsys, "--case", str(case), "--text", "x")[0] == 2
