"""What the manifest says of each table: its version, its rows, and every file by SHA-256."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobs.evidence.case_lock import LockLost
from jobs.evidence.file_digests import (
    LOG_FOLDER,
    FileDigest,
    Unreadable,
    digest_files,
    digest_of,
    table_files,
)
from jobs.storage.delta_log import DeltaLog, TableFiles
from jobs.storage.delta_sink import SHAPES
from transforms import patterns

# Names of this job's files, as Delta makes them; nothing else is opened, whatever a manifest says.
_DATA_FILE = re.compile(r"part-[\w.-]{1,200}\.parquet", re.ASCII)
_LOG_FILE = re.compile(rf"{LOG_FOLDER}/\d{{20}}\.[\w.-]{{1,100}}", re.ASCII)
_SHA256 = re.compile(patterns.SHA256)


class FileLost(LockLost):
    """A file that this run wrote cannot be read any more; the run must not complete."""


@dataclass(frozen=True)
class TableEvidence:
    """One version of a table; `sha256` is over `contents`, the files of data and log."""

    version: int
    rows: int
    files: int
    octets: int
    sha256: str
    contents: tuple[FileDigest, ...]

    def described(self) -> dict[str, object]:
        """As it stands in the manifest."""
        return {
            "version": self.version,
            "rows": self.rows,
            "files": self.files,
            "bytes": self.octets,
            "sha256": self.sha256,
            "contents": [
                {"name": file.name, "bytes": file.octets, "sha256": file.sha256}
                for file in self.contents
            ],
        }


class _Written(NamedTuple):
    version: int
    totals: TableFiles
    names: list[str]


def describe_tables(case_uri: str, run_id: str) -> dict[str, dict[str, object]]:
    """Every table whose newest version is of this run, with the digest of each of its files.

    The files are read again, all tables together and many at a time. Raises FileLost.
    """
    written: dict[str, _Written] = {}
    for name in SHAPES:
        log = DeltaLog(f"{case_uri}/{name}")
        if log.version is None or log.written_by(log.version).get("userMetadata") != run_id:
            continue
        names = table_files(f"{case_uri}/{name}", log.version)
        written[name] = _Written(log.version, log.files(log.version), names)
    paths = [f"{name}/{file}" for name, table in written.items() for file in table.names]
    digests = iter(digest_files(case_uri, paths))
    found = {}
    for name, table in written.items():
        contents = tuple(_named(next(digests), file) for file in table.names)
        found[name] = TableEvidence(
            table.version,
            table.totals.rows,
            table.totals.number,
            table.totals.octets,
            digest_of(contents),
            contents,
        ).described()
    return found


def read_tables(described: object) -> dict[str, TableEvidence]:
    """The tables of a manifest, checked; raises ValueError, which says what is wrong.

    Names of tables and files become paths: only those that a run writes are let through.
    """
    if not isinstance(described, Mapping):
        raise ValueError("tables: expected an object")
    if unknown := sorted(map(str, described.keys() - SHAPES.keys())):
        raise ValueError(f"tables: found {unknown[0][:80]!r}; expected tables of this job")
    return {name: _read_table(name, value) for name, value in described.items()}


def _read_table(name: str, value: object) -> TableEvidence:
    where = f"tables.{name}"
    fields = _object(value, where)
    contents = fields.get("contents")
    if not isinstance(contents, list):
        raise ValueError(f"{where}.contents: expected a list of files")
    return TableEvidence(
        version=_number(fields, "version", where),
        rows=_number(fields, "rows", where),
        files=_number(fields, "files", where),
        octets=_number(fields, "bytes", where),
        sha256=_sha256(fields, where),
        contents=tuple(_read_file(item, f"{where}.contents") for item in contents),
    )


def _read_file(value: object, where: str) -> FileDigest:
    fields = _object(value, where)
    name = fields.get("name")
    if not isinstance(name, str) or not (_DATA_FILE.fullmatch(name) or _LOG_FILE.fullmatch(name)):
        raise ValueError(f"{where}: found {str(name)[:80]!r}; expected a file of a Delta table")
    return FileDigest(name, _number(fields, "bytes", where), _sha256(fields, where))


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{where}: expected an object")
    return value


def _number(fields: Mapping[str, Any], name: str, where: str) -> int:
    found = fields.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ValueError(f"{where}.{name}: expected a whole number")
    return found


def _sha256(fields: Mapping[str, Any], where: str) -> str:
    found = fields.get("sha256")
    if not isinstance(found, str) or not _SHA256.fullmatch(found):
        raise ValueError(f"{where}.sha256: expected 64 hex digits")
    return found


def _named(digest: FileDigest | Unreadable, name: str) -> FileDigest:
    if isinstance(digest, Unreadable):
        raise FileLost(
            f"{digest.name}: {digest.reason}, though this run wrote it; the run stops without "
            "completing; find out what else writes to the case, then run it again"
        )
    return digest._replace(name=name)


def names_of(files: Iterable[FileDigest], *, in_log: bool) -> set[str]:
    """The names of a table's data files, or of its log's."""
    return {file.name for file in files if file.name.startswith(f"{LOG_FOLDER}/") == in_log}
