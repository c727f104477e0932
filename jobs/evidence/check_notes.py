"""Are the notes of a case those that were written, in their order?"""

from collections.abc import Mapping

from obstore.exceptions import BaseError

from jobs.evidence.check import Check
from jobs.evidence.manifest_file import earlier_manifest, read_manifest
from jobs.evidence.notes import FOLDER, StoredNote, names_of_notes, note_name, read_note
from jobs.evidence.stored_case import StoredCase
from jobs.storage.any_key import KeyFailure
from jobs.storage.object_store import first_line
from jobs.storage.whole_objects import StorageFailed, reason_of
from transforms.text import sanitise
from transforms.wording import count_of


def check_notes(case_uri: str, case: StoredCase, expect_note: str | None) -> Check:
    """Each note names the one before it, the first one its manifest, and none is missing between.

    The manifest names the last note that its run found. Whoever takes away or rewrites the notes
    since then is caught by `expect_note` alone, the SHA-256 of a note.
    """
    try:
        numbers, odd = names_of_notes(case_uri)
    except (BaseError, KeyFailure, OSError) as error:
        return Check("", [f"{FOLDER}: cannot be listed: {first_line(error)}"])
    problems = [f"{FOLDER}/{name}: no note has such a name" for name in odd]
    problems += [
        f"{note_name(number)}: missing, yet a later note is there"
        for number in range(1, numbers[-1] if numbers else 1)
        if number not in numbers
    ]
    notes: dict[int, StoredNote] = {}
    for number in numbers:
        try:
            notes[number] = read_note(case_uri, number)
        except (ValueError, StorageFailed) as error:
            problems.append(f"{note_name(number)}: it is no note: {_reason(error)}")
    manifests: dict[str, str | None] = {case.run_id: case.stored.sha256}
    for number, stored in notes.items():
        run_id = stored.note.run_id
        if run_id not in manifests:
            manifests[run_id] = _sha256_of(case_uri, run_id)
        problems += _wrong(case, number, stored, notes.get(number - 1), manifests[run_id])
    problems += _wrong_in_manifest(case, notes)
    digests = {stored.note.sha256 for stored in notes.values()}
    if expect_note is not None and expect_note not in digests:
        problems.append(
            f"{FOLDER}: no note has the SHA-256 {expect_note} of --expect_note: it was altered or "
            "taken away"
        )
    if not notes:
        return Check("", problems)
    last = notes[max(notes)].note.sha256
    return Check(
        f"{count_of(len(notes), 'note', 'notes')} linked, the last with SHA-256 {last}", problems
    )


def _wrong(
    case: StoredCase,
    number: int,
    stored: StoredNote,
    before: StoredNote | None,
    manifest_sha256: str | None,
) -> list[str]:
    """What does not hold of a note; `before` is None for the first, and where it is missing."""
    note, name = stored.note, note_name(number)
    problems = []
    if (note.number, note.case_id) != (number, case.case_id):
        problems.append(f"{name}: it is note {note.number:,} of case {note.case_id}")
    if not stored.is_as_written:
        problems.append(f"{name}: it does not have its own SHA-256: it was altered")
    if note.manifest_sha256 != manifest_sha256:
        problems.append(f"{name}: this case has no manifest {note.run_id} with the SHA-256 in it")
    expected = note.manifest_sha256 if number == 1 else before.note.sha256 if before else None
    if expected is not None and note.previous != expected:
        what = "its manifest" if number == 1 else note_name(number - 1)
        problems.append(
            f"{name}: it follows SHA-256 {note.previous}, {what} has {expected}: one of them was "
            "altered, or a note was taken away"
        )
    return problems


def _wrong_in_manifest(case: StoredCase, notes: Mapping[int, StoredNote]) -> list[str]:
    """Whether the note that the manifest names is there, as it was."""
    if (named := case.last_note) is None:
        return []
    found = notes.get(named.number)
    if found is not None and found.note.sha256 == named.sha256:
        return []
    return [
        f"{note_name(named.number)}: the manifest has SHA-256 {named.sha256} of it: it was altered "
        "or taken away"
    ]


def _sha256_of(case_uri: str, run_id: str) -> str | None:
    try:
        found = read_manifest(earlier_manifest(case_uri, run_id))
    except (ValueError, StorageFailed):
        return None  # `check_chain` says what is wrong with it
    return found.sha256 if found else None


def _reason(error: Exception) -> str:
    return reason_of(error) if isinstance(error, StorageFailed) else sanitise(error, 300)
