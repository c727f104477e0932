"""Exports and notes as fuzz targets: a case that is right but for one place."""

import json
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import BadInput
from jobs.evidence.check_notes import check_notes
from jobs.evidence.exported_case import exported_case
from jobs.evidence.notes import append_note
from jobs.evidence.open_case import case_at
from jobs.storage.whole_objects import StorageFailed
from jobs.verify_case import render
from tests.fuzz.altered import altered
from tests.support.export_checks import valid_bundle
from tests.support.export_rows import at
from tests.support.exportable_case import findings, tables
from tests.support.made_case import CASE, make_run
from transforms.exports.formats import FORMATS

_INSTEAD = (b"", b"[]", b"7", b"=1+1' OR '1'='1", b'{"a": "\\u001b[2J\\u202e"}', b"null",
            b'"9999-12-31T23:59:59-14:00"')  # fmt: skip


def manifest_seeds() -> Iterator[bytes]:
    """Each place of the manifest with a value that does not belong there."""
    for place in range(0, 200, 7):
        for instead in _INSTEAD:
            yield bytes([place]) + instead


def check_manifest(folder: Path, data: bytes) -> None:
    """An export is refused with BadInput, or its text is fit to be shown and its bundle valid."""
    case = folder / CASE
    if not case.exists():
        make_run(case, 0, tables(), **findings())
        (case / "right.json").write_bytes((case / "manifest.json").read_bytes())
    right = json.loads((case / "right.json").read_bytes())
    (case / "manifest.json").write_bytes(altered(right, data))
    try:
        found = exported_case(str(case), case_at(str(case)))
        files = {
            file.ending: b"".join(file.chunks).decode()
            for make in FORMATS.values()
            for file in make(found)
        }
    except BadInput:
        return
    for text in files.values():
        assert text.replace("\r", "").replace("\n", "").isprintable(), ascii(text)
    valid_bundle(files["stix.json"])


def note_seeds() -> Iterator[bytes]:
    """Each place of a note with a value that does not belong there, and what is no JSON."""
    for place in range(12):
        for instead in _INSTEAD:
            yield bytes([0, place]) + instead
    yield b"\xff{}"
    yield b"\xff" + b"[" * 3_000


def check_note(folder: Path, data: bytes) -> None:
    """Verifying ends with lines that may be shown; a note that is not as written has one."""
    case = folder / CASE
    if not case.exists():
        make_run(case, 0)
        append_note(str(case), case_at(str(case)), text="x", by="y", caller=None, now=at(1))
        (case / "right.json").write_bytes((case / "notes/00001.json").read_bytes())
    right = (case / "right.json").read_bytes()
    is_raw = not data or data[0] > 200
    found = data[1:] if is_raw else altered(json.loads(right), data[1:])
    (case / "notes/00001.json").write_bytes(found)
    stored = case_at(str(case))
    check = check_notes(str(case), stored, None)
    assert all(line.isprintable() for line in render(stored, [check]))
    assert bool(check.problems) == (found != right)
    try:
        append_note(str(case), stored, text="x", by="y", caller=None, now=at(2))
    except (BadInput, StorageFailed):
        return
    (case / "notes/00002.json").unlink()
