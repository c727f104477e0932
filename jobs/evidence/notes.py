"""Notes of analysts in a case: one object each, numbered, chained by SHA-256.

`notes/00001.json` names the SHA-256 of the manifest that it was written on, each later note that of
the note before it, and each has its own, over everything else in it. The manifest of the next run
names the last one. A note is created and never replaced, so that two writers at once both get
theirs: the one whose number is taken tries the next. Nothing that a run wrote is changed.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from obstore.exceptions import BaseError

from jobs.errors import BadInput, Failure
from jobs.evidence import stored_fields as fields
from jobs.evidence.manifest_file import canonical
from jobs.evidence.stored_case import StoredCase
from jobs.storage.any_key import KeyFailure
from jobs.storage.folder_listing import list_folder
from jobs.storage.object_store import place_of
from jobs.storage.whole_objects import create_bytes, read_bytes
from transforms.text import sanitise

FOLDER = "notes"
LONGEST_TEXT, LONGEST_NAME = 4_000, 200
_NAME = re.compile(r"([0-9]{5})\.json", re.ASCII)
_MAX_BYTES = 64 * 1024
_MOST = 99_999
_TRIES = 100
_LOOKED_AT = 100  # of the last notes, for one that can be read


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note: who wrote what, when, on the state of which run.

    `by` is what the writer says; `caller` is what AWS says of them, where the case is on AWS.
    `previous` is the SHA-256 of the note before; of the manifest for the first one.
    """

    number: int
    at: datetime
    by: str
    caller: Mapping[str, object] | None
    text: str
    case_id: str
    run_id: str
    manifest_sha256: str
    previous: str

    @property
    def sha256(self) -> str:
        """Hex, over everything in it."""
        return hashlib.sha256(canonical(self._content())).hexdigest()

    def stored(self) -> bytes:
        """The one way to spell it, with its SHA-256."""
        return canonical({**self._content(), "sha256": self.sha256})

    def _content(self) -> dict[str, object]:
        return {**asdict(self), "at": self.at.isoformat(timespec="seconds")}


class StoredNote(NamedTuple):
    """A note as it lies in the case; whoever may write there may have altered it."""

    note: Note
    data: bytes

    @property
    def is_as_written(self) -> bool:
        """Whether its bytes, its own SHA-256 among them, are those that were written."""
        return self.data == self.note.stored()


def note_name(number: int) -> str:
    """The name of a note in the folder of its case."""
    return f"{FOLDER}/{number:05}.json"


def one_line(text: str, longest: int) -> str:
    """The text of a note or of a name, as it is stored. Raises ValueError for what is none."""
    found = " ".join(text.split())
    if not found:
        raise ValueError("expected some text")
    if len(found) > longest:
        raise ValueError(f"expected at most {longest:,} characters, not {len(found):,}")
    return sanitise(found, longest)


def names_of_notes(case_uri: str) -> tuple[list[int], list[str]]:
    """The numbers of the notes of a case, in order, and the names that no note has."""
    place = place_of(f"{case_uri}/{FOLDER}")
    try:
        found = list_folder(place)
    except FileNotFoundError:
        return [], []
    names = [meta["path"].rsplit("/", 1)[-1] for meta in found.objects]
    matched = {name: _NAME.fullmatch(name) for name in names}
    numbers = sorted(int(match[1]) for match in matched.values() if match)
    odd = [name for name, match in matched.items() if match is None]
    odd += [path.rstrip("/").rsplit("/", 1)[-1] + "/" for path in found.folders]
    return numbers, sorted(odd)


def append_note(
    case_uri: str,
    case: StoredCase,
    *,
    text: str,
    by: str,
    caller: Mapping[str, object] | None,
    now: datetime,
) -> Note:
    """Add a note after the last one; others may be adding theirs. `text` and `by` are one line."""
    for _ in range(_TRIES):
        numbers, _ = names_of_notes(case_uri)
        last = numbers[-1] if numbers else 0
        if last >= _MOST:
            break
        before = _last_note(case_uri, last) if last else None
        note = Note(
            number=last + 1,
            at=now.astimezone(UTC),
            by=by,
            caller=caller,
            text=text,
            case_id=case.case_id,
            run_id=case.run_id,
            manifest_sha256=case.stored.sha256,
            previous=before.sha256 if before else case.stored.sha256,
        )
        if create_bytes(f"{case_uri}/{note_name(note.number)}", note.stored()):
            return note
    raise Failure(
        f"{case_uri}/{FOLDER}: found that every number is taken, also after {_TRIES} tries; "
        "expected room for one more note; look what else writes there, and run again"
    )


def read_notes(case_uri: str) -> list[StoredNote]:
    """The notes of a case, in order, whether or not their chain holds.

    Raises StorageFailed, and ValueError where one of them is no note.
    """
    numbers, _ = names_of_notes(case_uri)
    return [read_note(case_uri, number) for number in numbers]


def described_notes(case_uri: str) -> Mapping[str, object] | None:
    """What the manifest of a run says of the notes before it: number and SHA-256 of the last one.

    What is no note is passed over: planted behind the notes, it does not free them of the manifest.
    None where they cannot be listed or none of the last hundred be read: no run stops for them.
    """
    try:
        numbers, _ = names_of_notes(case_uri)
    except (BaseError, KeyFailure, BadInput, OSError):
        return None
    for number in reversed(numbers[-_LOOKED_AT:]):
        try:
            last = read_note(case_uri, number).note
        except (ValueError, Failure):
            continue
        return {"number": number, "sha256": last.sha256}
    return None


def read_note(case_uri: str, number: int) -> StoredNote:
    """One note. Raises StorageFailed, and ValueError with everything that is wrong with it."""
    data = read_bytes(f"{case_uri}/{note_name(number)}", _MAX_BYTES)
    try:
        content = fields.mapping(json.loads(data), "it")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    collector = fields.Collector()
    read = collector.read
    parts = {
        "number": read(lambda: fields.number(content.get("number"), "number")),
        "at": read(lambda: fields.moment(content.get("at"), "at")),
        "by": read(lambda: fields.text(content.get("by"), "by")),
        "caller": read(lambda: _caller(content.get("caller"))),
        "text": read(lambda: fields.text(content.get("text"), "text")),
        "case_id": read(lambda: fields.case_id(content.get("case_id"))),
        "run_id": read(lambda: fields.run_id(content.get("run_id"), "run_id")),
        "manifest_sha256": read(
            lambda: fields.sha256(content, "manifest_sha256", "manifest_sha256")
        ),
        "previous": read(lambda: fields.sha256(content, "previous", "previous")),
    }
    collector.raise_if_any()
    return StoredNote(Note(**parts), data)


def _last_note(case_uri: str, number: int) -> Note:
    try:
        return read_note(case_uri, number).note
    except ValueError as error:
        raise BadInput(
            [
                f"{case_uri}/{note_name(number)}: found what is no note ({sanitise(error, 300)}); "
                "expected one of this job; run verify_case, and move it away once you know it"
            ]
        ) from error


def _caller(value: object) -> Mapping[str, object] | None:
    return None if value is None else fields.mapping(value, "caller")
