"""Rows of a case's tables as the manifest's run wrote them, and nothing else; no Spark.

The manifest names every data file of a table by SHA-256. A file is read whole, its bytes are
compared, and the rows come from these very bytes: between check and use nobody can change them.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.errors import BadInput, ExitCode
from jobs.evidence.file_digests import FileDigest, digest_of
from jobs.evidence.stored_case import StoredCase
from jobs.evidence.tables import names_of
from jobs.storage.delta_sink import SHAPES
from jobs.storage.whole_objects import StorageFailed, read_bytes, reason_of
from transforms.network.addresses import canonical
from transforms.table_shape import columns_of_ddl
from transforms.text import sanitise

_LONGEST = 1_000
_ADDRESSES = ("subject_address", "peer", "from_address", "to_address")


class CaseAltered(BadInput):
    """A case is not what its run wrote."""

    exit_code = ExitCode.UNBALANCED


def rows_of(case_uri: str, case: StoredCase, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a table: times in UTC, texts sanitised. Raises BadInput and CaseAltered."""
    table = case.tables.get(name)
    if table is None:
        raise BadInput(
            [
                f"{case_uri}: found no table {name} of run {case.run_id}; expected a case of one "
                "instance; trace it without --scope everything and without --derive false"
            ]
        )
    data_names = names_of(table.contents, in_log=False)
    if digest_of(table.contents) != table.sha256 or len(data_names) != table.files:
        raise _altered(f"{name}: the manifest's list of its files is not the one of its digest")
    count = 0
    for file in (each for each in table.contents if each.name in data_names):
        for row in _rows_in(name, _checked(f"{case_uri}/{name}", file)):
            if row["run_id"] != case.run_id:
                raise _altered(f"{name}/{file.name}: it has rows of another run")
            count += 1
            yield _fit(name, row)
    if count != table.rows:
        raise _altered(f"{name}: its files have {count:,} rows, the manifest says {table.rows:,}")


def _checked(table_uri: str, file: FileDigest) -> bytes:
    try:
        data = read_bytes(f"{table_uri}/{file.name}", file.octets)
    except StorageFailed as error:
        if error.exit_code != ExitCode.FAILED:
            raise
        raise _altered(f"{table_uri}/{file.name}: {reason_of(error)}") from error
    if (found := hashlib.sha256(data).hexdigest()) != file.sha256:
        raise _altered(
            f"{table_uri}/{file.name}: its SHA-256 is {found}, the manifest says {file.sha256}"
        )
    return data


def _rows_in(name: str, data: bytes) -> Iterator[dict[str, Any]]:
    columns = list(columns_of_ddl(SHAPES[name]))
    try:
        # Spark writes times as INT96, which pyarrow would read as nanoseconds.
        file = pq.ParquetFile(io.BytesIO(data), coerce_int96_timestamp_unit="us")
        if missing := sorted(set(columns) - set(file.schema_arrow.names)):
            raise _altered(f"{name}: its files have no column {', '.join(missing)}")
        for batch in file.iter_batches(columns=columns):
            yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise _altered(f"{name}: a file of it is no Parquet file") from error


def _fit(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    for column in _ADDRESSES:
        if (address := row.get(column)) is not None and canonical(address) is None:
            raise _altered(f"{name}: found {sanitise(address, 80)!r} in {column}, no address")
    return {column: _fit_value(value) for column, value in row.items()}


def _fit_value(value: Any) -> Any:
    if isinstance(value, str):
        return sanitise(value, _LONGEST)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, list):
        return [_fit_value(item) for item in value]
    return value


def _altered(problem: str) -> CaseAltered:
    return CaseAltered(
        [f"{problem}; expected what its run wrote; run verify_case, and do not use what it names"]
    )
