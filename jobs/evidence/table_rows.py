"""Rows of a case's tables as the manifest's run wrote them, and nothing else; no Spark.

The manifest names every data file of a table by SHA-256. A file is read whole, its bytes are
compared, and the rows come from these very bytes: between check and use nobody can change them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.errors import BadInput, ExitCode
from jobs.evidence.file_digests import FileDigest, digest_of
from jobs.evidence.stored_case import StoredCase
from jobs.evidence.tables import names_of
from jobs.storage.delta_log import parquet_of
from jobs.storage.delta_sink import SHAPES
from jobs.storage.whole_objects import StorageFailed, read_bytes, reason_of
from transforms.network.addresses import canonical
from transforms.table_shape import columns_of_ddl
from transforms.text import sanitise
from transforms.utc import in_utc

_LONGEST = 1_000
_TYPES = {
    "BIGINT": pa.int64(), "INT": pa.int32(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", "UTC"), "ARRAY<STRING>": pa.list_(pa.string()),
}  # fmt: skip
_ADDRESSES = ("subject_address", "peer", "from_address", "to_address")


class CaseAltered(BadInput):
    """A case is not what its run wrote."""

    exit_code = ExitCode.UNBALANCED


def rows_of(case_uri: str, case: StoredCase, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a table: times in UTC, texts sanitised. Raises BadInput and CaseAltered."""
    count = 0
    for file, data in _files_of(case_uri, case, name):
        for row in _rows_in(name, data):
            if row["run_id"] != case.run_id:
                raise _altered(f"{name}/{file.name}: it has rows of another run")
            count += 1
            yield _fit(name, row)
    _demand_rows(case, name, count)


def table_of(
    case_uri: str, case: StoredCase, name: str, columns: Sequence[str] = ()
) -> pa.Table:  # fmt: skip
    """A table as it is stored, or these columns of it; times in UTC. Raises BadInput, CaseAltered.

    Its texts are those of others: nothing of it goes to a terminal or into SQL unseen.
    """
    read = list(dict.fromkeys([*(columns or columns_of_ddl(SHAPES[name])), "run_id"]))
    found = [_table_in(name, data, read) for _, data in _files_of(case_uri, case, name)]
    table = pa.concat_tables(found) if found else _empty(name).select(read)
    if table.num_rows and pc.unique(table["run_id"]).to_pylist() != [case.run_id]:
        raise _altered(f"{name}: it has rows of another run")
    _demand_rows(case, name, table.num_rows)
    return table


def _empty(name: str) -> pa.Table:
    kinds = columns_of_ddl(SHAPES[name])
    return pa.schema([(column, _TYPES.get(kind, pa.string())) for column, kind in kinds.items()]
                     ).empty_table()  # fmt: skip


def _demand_rows(case: StoredCase, name: str, count: int) -> None:
    if count != case.tables[name].rows:
        raise _altered(
            f"{name}: its files have {count:,} rows, the manifest says {case.tables[name].rows:,}"
        )


def _files_of(case_uri: str, case: StoredCase, name: str) -> Iterator[tuple[FileDigest, bytes]]:
    """The data files of a table, with bytes whose SHA-256 is the manifest's."""
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
    for file in (each for each in table.contents if each.name in data_names):
        yield file, _checked(f"{case_uri}/{name}", file)


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
    with _parquet(name, data) as file:
        for batch in file.iter_batches(columns=list(columns_of_ddl(SHAPES[name]))):
            yield from batch.to_pylist()


def _table_in(name: str, data: bytes, columns: list[str]) -> pa.Table:
    with _parquet(name, data) as file:
        table = file.read(columns=columns)
    in_utc = [
        field.with_type(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(in_utc))


@contextmanager
def _parquet(name: str, data: bytes) -> Iterator[pq.ParquetFile]:
    """The file, which has the columns of the table; raises CaseAltered where it is none."""
    try:
        file = parquet_of(data)
        columns = columns_of_ddl(SHAPES[name])
        if missing := sorted(set(columns) - set(file.schema_arrow.names)):
            raise _altered(f"{name}: its files have no column {', '.join(missing)}")
        yield file
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
        return in_utc(value)
    if isinstance(value, list):
        return [_fit_value(item) for item in value]
    return value


def _altered(problem: str) -> CaseAltered:
    return CaseAltered(
        [f"{problem}; expected what its run wrote; run verify_case, and do not use what it names"]
    )
