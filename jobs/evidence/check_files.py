"""Are the files of the case those that its run wrote: tables and their logs, report, finding."""

import io
import re
from collections.abc import Iterator, Sequence

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import BaseError

from jobs.evidence.case_lock import holder_of
from jobs.evidence.check import Check
from jobs.evidence.file_digests import (
    LOG_FOLDER,
    FileDigest,
    Unreadable,
    digest_files,
    digest_of,
    table_files,
)
from jobs.evidence.stored_case import NamedFile, StoredCase
from jobs.evidence.tables import TableEvidence, names_of
from jobs.storage.delta_log import LOG_ERRORS, DeltaLog
from jobs.storage.object_store import first_line, open_store, place_of
from jobs.storage.whole_objects import reason_of

_NUMBER = re.compile(rf"{LOG_FOLDER}/(\d{{20}})\.")
_FOOTER = 8
_FOOTER_MOST = 64 * 1024 * 1024


def check_tables(case_uri: str, case: StoredCase, in_flight: int) -> Check:
    """Every file of every table, data and log, is read again and has the bytes it was given.

    The log names exactly these files for the version, their footers have the rows of the manifest,
    and the version is of the run.
    """
    paths = [f"{name}/{file.name}" for name, of in case.tables.items() for file in of.contents]
    found = iter(digest_files(case_uri, paths, in_flight))
    problems: list[str] = []
    notes: list[str] = []
    octets = 0
    for name, table in case.tables.items():
        altered = list(_altered(name, table, [next(found) for _ in table.contents]))
        problems += altered
        octets += sum(file.octets for file in table.contents)
        if not altered:
            problems += _rows(case_uri, name, table)
        wrong, newer = _log(case_uri, name, table, case.run_id)
        problems += wrong
        notes += newer
    files = sum(len(table.contents) for table in case.tables.values())
    versions = ", ".join(f"{name} {table.version}" for name, table in sorted(case.tables.items()))
    holds = (
        f"{files:,} files of the tables are, byte for byte, what was written ({octets:,} bytes): "
        f"versions {versions}"
    )
    return Check(holds, problems, notes)


def check_named_files(case_uri: str, case: StoredCase) -> Check:
    """Report and notice as people find them, the run's own copies, and the finding: their bytes."""
    expected: list[NamedFile] = []
    for shown, own in (("report.html", case.report), ("notice.json", case.notice)):
        if own is not None:
            expected += [NamedFile(shown, own.sha256), own]
    if case.finding is not None:
        expected.append(case.finding)
    problems = []
    for file, digest in zip(
        expected, digest_files(case_uri, [file.name for file in expected]), strict=True
    ):
        if isinstance(digest, Unreadable):
            problems.append(f"{file.name}: {digest.reason}")
        elif digest.sha256 != file.sha256:
            problems.append(
                f"{file.name}: its SHA-256 is {digest.sha256}, the manifest says {file.sha256}"
            )
    if not expected:
        return Check("the run wrote no report")
    files = (
        ("the report", case.report),
        ("the notice", case.notice),
        ("the finding", case.finding),
    )
    what = " and ".join(name for name, there in files if there is not None)
    return Check(f"{what} {'have their' if ' and ' in what else 'has its'} bytes", problems)


def _altered(
    name: str, table: TableEvidence, found: Sequence[FileDigest | Unreadable]
) -> Iterator[str]:
    for expected, digest in zip(table.contents, found, strict=True):
        if isinstance(digest, Unreadable):
            yield f"{digest.name}: {digest.reason}, yet it belongs to version {table.version}"
        elif digest.sha256 != expected.sha256:
            yield (
                f"{digest.name}: its SHA-256 is {digest.sha256}, the manifest says "
                f"{expected.sha256}"
            )
    if digest_of(table.contents) != table.sha256:
        yield f"table {name}: the manifest's list of its files is not the one of its digest"
    if (listed := len(names_of(table.contents, in_log=False))) != table.files:
        yield f"table {name}: the manifest lists {listed:,} data files, and says {table.files:,}"


def _rows(case_uri: str, name: str, table: TableEvidence) -> Iterator[str]:
    """The rows in the footers of the data files, whose bytes are those that were written."""
    rows = 0
    for file in sorted(names_of(table.contents, in_log=False)):
        try:
            rows += _rows_of(f"{case_uri}/{name}/{file}")
        except (BaseError, OSError, ValueError, pa.ArrowException) as error:
            yield f"{name}/{file}: it is no Parquet file: {first_line(error)}"
            return
    if rows != table.rows:
        yield f"table {name}: its files have {rows:,} rows, the manifest says {table.rows:,}"


def _rows_of(uri: str) -> int:
    place = place_of(uri)
    store = open_store(place.bucket)
    size = obstore.head(store, place.path)["size"]
    length = obstore.get_range(store, place.path, start=max(0, size - _FOOTER), end=size)
    footer = int.from_bytes(bytes(length)[:4], "little") + _FOOTER
    if footer > min(size, _FOOTER_MOST):
        raise ValueError("its footer is larger than the file")
    tail = bytes(obstore.get_range(store, place.path, start=size - footer, end=size))
    return int(pq.read_metadata(io.BytesIO(tail)).num_rows)


def _log(
    case_uri: str, name: str, table: TableEvidence, run_id: str
) -> tuple[list[str], list[str]]:
    """Problems with what the table's log says, and newer versions worth a note."""
    uri = f"{case_uri}/{name}"
    try:
        log = DeltaLog(uri)
        if table.version not in log.versions:
            return [f"table {name}: version {table.version} is gone from its log"], []
        named = set(table_files(uri, table.version))
        by = log.written_by(table.version).get("userMetadata")
        problems = []
        if by != run_id:
            problems.append(f"table {name}: version {table.version} is of run {by}")
        expected = {file.name for file in table.contents}
        problems += [
            f"{name}/{file}: version {table.version} has it, the manifest does not name it"
            for file in sorted(named - expected)
        ]
        problems += [
            f"{name}/{file}: the manifest names it, version {table.version} does not have it"
            for file in sorted(expected - named)
            if _NUMBER.match(file) is None  # a missing file of the log is reported already
        ]
        newer, note = _newer(case_uri, name, log, table.version)
        return problems + newer, note
    except LOG_ERRORS as error:
        return [f"table {name}: its log cannot be read: {reason_of(error)}"], []


def _newer(case_uri: str, name: str, log: DeltaLog, version: int) -> tuple[list[str], list[str]]:
    """Whoever reads the table without a version reads its newest one, not the manifest's."""
    newest = log.version
    if newest is None or newest <= version:
        return [], []
    writers = {str(log.written_by(v).get("userMetadata")) for v in log.versions if v > version}
    sentence = (
        f"table {name}: version {newest} is newer than {version}, the manifest's, and of run "
        f"{', '.join(sorted(writers))}: whoever reads the table without a version reads that"
    )
    holder = holder_of(f"{case_uri}/run.lock")
    if holder is not None and writers == {holder.run_id}:
        return [], [f"{sentence}; that run holds the case, and is going on or was killed"]
    return [f"{sentence}; read version {version}, or run the case again"], []
