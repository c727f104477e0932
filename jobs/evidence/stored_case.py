"""A manifest as `verify_case` needs it: read field by field, as its writer may be an attacker."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import Any, NamedTuple

from jobs.evidence import stored_fields as fields
from jobs.evidence.manifest_file import Stored
from jobs.evidence.tables import TableEvidence, read_tables
from jobs.pipeline.books import Books
from transforms.finding.copies import COPY_NAMES
from transforms.vocabulary import FURTHER_READINGS

_INDEX = re.compile(r"[a-z0-9][a-z0-9-]{0,200}", re.ASCII)
# A case without an index has no documents; every other count is one.
_MAY_BE_NULL = ("documents",)


class NamedFile(NamedTuple):
    """A file in the folder of the case, by the name that the job gives it."""

    name: str
    sha256: str


class StoredIndex(NamedTuple):
    """The index of the run, as the manifest has it."""

    name: str
    alias: str
    documents: int


class Link(NamedTuple):
    """The manifest before this one."""

    run_id: str
    sha256: str


class NoteLink(NamedTuple):
    """The last note that was there when the run ended."""

    number: int
    sha256: str


@dataclass(frozen=True)
class StoredCase:
    """What the manifest of a case says. `books` are by reading; that of the window is `""`."""

    stored: Stored
    case_id: str
    run_id: str
    tables: Mapping[str, TableEvidence]
    books: Mapping[str, Books]
    inputs_sha256: str
    max_ratio: int
    report: NamedFile | None
    notice: NamedFile | None
    finding: NamedFile | None
    index: StoredIndex | None
    previous: Link | None
    last_note: NoteLink | None
    sign_with: str | None


def read_case(stored: Stored) -> StoredCase:
    """The manifest, checked; raises ValueError with everything that is wrong, one sentence each.

    A manifest of another version of the job is refused here as well: it lacks what is checked.
    """
    content, collector = stored.content, fields.Collector()
    read = collector.read
    parts = {
        "case_id": read(lambda: fields.case_id(content.get("case_id"))),
        "run_id": read(lambda: fields.run_id(content.get("run_id"), "run_id")),
        "tables": read(lambda: _all_tables(content.get("tables"))),
        "books": read(lambda: _books(content)),
        "inputs_sha256": read(lambda: fields.sha256(content, "inputs_sha256", "inputs_sha256")),
        "index": read(lambda: _index(content.get("index"))),
        "previous": read(lambda: read_link(content)),
        "last_note": read(lambda: _last_note(content.get("notes"))),
        "report": read(lambda: _of_run(content, "report", "reports/{}.html")),
        "notice": read(lambda: _of_run(content, "notice", "notices/{}.json")),
        "finding": read(lambda: _finding(content.get("finding"))),
    }
    parameters = read(lambda: fields.mapping(content.get("parameters"), "parameters")) or {}
    ratio = read(lambda: fields.number(parameters.get("max_ratio", 100), "parameters.max_ratio"))
    key = read(lambda: fields.text_or_none(parameters.get("sign_with"), "parameters.sign_with"))
    collector.raise_if_any()
    return StoredCase(stored, max_ratio=ratio, sign_with=key, **parts)


def read_link(content: Mapping[str, object]) -> Link | None:
    """The run before, as a manifest names it; raises ValueError for anything else."""
    found = content.get("previous")
    if found is None:
        return None
    if not isinstance(found, Mapping):
        raise ValueError("previous: expected an object or null")
    return Link(
        fields.run_id(found.get("run_id"), "previous.run_id"), fields.sha256(found, "previous")
    )


def _last_note(value: object) -> NoteLink | None:
    if value is None:
        return None
    given = fields.mapping(value, "notes")
    return NoteLink(
        fields.number(given.get("number"), "notes.number"), fields.sha256(given, "notes")
    )


def _all_tables(value: object) -> dict[str, TableEvidence]:
    tables = read_tables(value)
    if missing := {"flows", "objects", "quarantine"} - tables.keys():
        raise ValueError(f"tables: found no {', '.join(sorted(missing))}")
    return tables


def _books(content: Mapping[str, Any]) -> dict[str, Books]:
    further = fields.mapping(content.get("further_readings", {}), "further_readings")
    if unknown := further.keys() - {reading.folder for reading in FURTHER_READINGS}:
        raise ValueError(f"further_readings: found {sorted(map(str, unknown))[0][:80]!r}")
    found = {"": _books_of(content.get("books"), "books")}
    for reading, of in further.items():
        where = f"further_readings.{reading}"
        found[reading] = _books_of(fields.mapping(of, where).get("books"), f"{where}.books")
    return found


def _books_of(value: object, where: str) -> Books:
    given = fields.mapping(value, where)
    expected = {field.name for field in fields_of(Books)}
    if given.keys() != expected:
        odd: Sequence[str] = sorted(map(str, given.keys() ^ expected))
        raise ValueError(f"{where}: {odd[0][:80]!r} is missing or unknown")
    counts = {
        name: fields.number_or_none(given[name], f"{where}.{name}")
        if name in _MAY_BE_NULL
        else fields.number(given[name], f"{where}.{name}")
        for name in given
    }
    return Books(**counts)


def _of_run(content: Mapping[str, object], what: str, name: str) -> NamedFile | None:
    """The run's own copy of a file; a run of an earlier release wrote no notice."""
    if content.get(what) is None:
        return None
    given = fields.mapping(content[what], what)
    name = name.format(fields.run_id(content.get("run_id"), "run_id"))
    if given.get("name") != name:
        raise ValueError(f"{what}.name: found {str(given.get('name'))[:80]!r}; expected {name}")
    return NamedFile(name, fields.sha256(given, what))


def _finding(value: object) -> NamedFile | None:
    if value is None:
        return None
    given = fields.mapping(value, "finding")
    if (name := given.get("copy")) not in COPY_NAMES:
        raise ValueError(f"finding.copy: found {str(name)[:80]!r}; expected finding.json")
    return NamedFile(str(name), fields.sha256(given, "finding"))


def _index(value: object) -> StoredIndex | None:
    if value is None:
        return None
    given = fields.mapping(value, "index")
    name, alias = given.get("name"), given.get("alias")
    if not all(isinstance(each, str) and _INDEX.fullmatch(each) for each in (name, alias)):
        raise ValueError("index: expected the names of an index and its alias")
    return StoredIndex(
        str(name), str(alias), fields.number(given.get("documents"), "index.documents")
    )
