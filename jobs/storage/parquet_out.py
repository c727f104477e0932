"""A data file of a Delta table that an executor writes: Parquet, and what the log says of it."""

import io
import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.storage.whole_objects import write_bytes

# As codes until they are in a file, which has them as text: rows have few of them.
_FEW_LONG_TEXTS = ("object_uri", "object_version", "run_id")
_CODED = pa.dictionary(pa.int32(), pa.string())
_LEVEL = 3  # of Zstandard: a tenth smaller than 1, for next to no time
_UNIQUE_LEVEL = 1  # digits without a pattern: 3 takes twice as long and makes them larger


class Stored(NamedTuple):
    """A data file as it lies there; `statistics` is JSON, as Delta has it."""

    octets: int
    rows: int
    statistics: str


class ParquetOut:
    """A data file in the making, in memory; each `add` makes a group of rows.

    `bounded` are columns whose least and greatest value the log has. In `differing` columns of
    whole numbers next to no value repeats, but they are stored as differences. No value of `unique`
    texts repeats.
    """

    def __init__(
        self, schema: pa.Schema, bounded: Sequence[str], differing: Sequence[str],
        unique: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._data = io.BytesIO()
        self._bounded = tuple(bounded)
        self._least: dict[str, Any] = {}
        self._most: dict[str, Any] = {}
        self._missing = dict.fromkeys(self._bounded, 0)
        self._rows = 0
        # Without Arrow's own schema, which is as large as all the rest of a footer.
        self._writer = pq.ParquetWriter(
            self._data, schema, compression="zstd", store_schema=False,
            compression_level={
                name: _UNIQUE_LEVEL if name in unique else _LEVEL for name in schema.names
            },
            use_dictionary=[name for name in schema.names if name not in (*differing, *unique)],
            column_encoding=dict.fromkeys(differing, "DELTA_BINARY_PACKED"),
            write_statistics=list(self._bounded),
        )  # fmt: skip

    def add(self, rows: pa.Table) -> None:
        """Rows of the schema."""
        self._writer.write_table(rows, row_group_size=max(len(rows), 1))
        self._rows += len(rows)
        for name in self._bounded:
            self._missing[name] += rows[name].null_count
            values = rows[name]
            if pa.types.is_dictionary(values.type):
                values = pc.unique(values).cast(values.type.value_type)
            found = pc.min_max(values).as_py()
            if found["min"] is not None:
                self._least[name] = min(found["min"], self._least.get(name, found["min"]))
                self._most[name] = max(found["max"], self._most.get(name, found["max"]))

    def store(self, uri: str) -> Stored:
        """Put the file at a URI, in one step; raises StorageFailed."""
        self._writer.close()
        data = self._data.getvalue()
        write_bytes(uri, data)
        told = {
            "numRecords": self._rows,
            "minValues": {name: _in_json(value) for name, value in self._least.items()},
            "maxValues": {name: _in_json(value) for name, value in self._most.items()},
            "nullCount": self._missing,
        }
        return Stored(len(data), pq.read_metadata(io.BytesIO(data)).num_rows, json.dumps(told))


def _in_json(value: object) -> object:
    """A time as Delta's statistics have it: with milliseconds, in UTC."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"
    return value


def schema_of(frame: DataFrame, coded: Collection[str] = ()) -> pa.Schema:
    """The schema for `ParquetOut` of a table that has the shape of a frame.

    Further texts may come `coded`: in a group of rows most of the values of such a column repeat.
    """
    return pa.schema(
        [
            field.with_type(_CODED) if field.name in {*coded, *_FEW_LONG_TEXTS} else field
            for field in to_arrow_schema(frame.schema)
        ]
    )


def shaped(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of the schema; those that are missing have no values."""
    return pa.table([_as(rows, field) for field in schema], schema=schema)


def _as(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in rows.column_names:
        return pa.nulls(len(rows), field.type)
    column = rows[field.name]
    if column.type == field.type:
        return column
    if pa.types.is_dictionary(field.type):
        return column.dictionary_encode()
    return column.cast(field.type)
