"""Columns of Arrow as numbers: work is done once for each distinct value, not once for each row."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_LARGEST = 2**62


class Coded(NamedTuple):
    """A column of texts as codes of its distinct values; -1 where it is null."""

    codes: Numbers
    values: list[str]

    def at(self, row: int) -> str | None:
        """The text of a row."""
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]

    def column(self) -> pa.DictionaryArray:
        """The texts."""
        return of_codes(self.codes, pa.array(self.values, pa.string()))


def coded(column: pa.ChunkedArray | pa.Array) -> Coded:
    """A column of texts, coded."""
    encoded = flat(column).dictionary_encode()
    return Coded(codes(encoded), encoded.dictionary.to_pylist())


def codes(column: pa.ChunkedArray | pa.Array) -> Numbers:
    """A number for each text, -1 where there is none."""
    encoded = flat(column).dictionary_encode()
    found: Numbers = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def of_codes(codes: Numbers, values: pa.Array) -> pa.DictionaryArray:
    """A column of texts by their codes, -1 where there is none."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, values)


def repeated(text: str, times: int) -> pa.DictionaryArray:
    """A column with one text."""
    return pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(times, np.int32)), pa.array([text], pa.string())
    )


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece; one that is in one piece already is not copied."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def flags(column: pa.ChunkedArray | pa.Array) -> Flags:
    """A column of yes and no; null is no."""
    return np.asarray(flat(pc.fill_null(column, False)).to_numpy(zero_copy_only=False), bool)


def numbers(column: pa.ChunkedArray | pa.Array) -> tuple[Numbers, Flags]:
    """A column of whole numbers, 0 where it is null, and where it is not."""
    values = flat(pc.fill_null(column, 0)).to_numpy(zero_copy_only=False).astype(np.int64)
    return values, flags(pc.is_valid(column))


def take(values: pa.Array, rows: Numbers) -> pa.Array:
    """The value at each place; null where the place is -1."""
    return values.take(pa.array(rows, mask=rows < 0))


def take_coded(values: pa.Array, rows: Numbers) -> pa.DictionaryArray:
    """The same for texts, as codes: each text that is taken is there once."""
    used = pa.array(rows, mask=rows < 0).dictionary_encode()
    return recoded(values.take(used.dictionary), used.indices)


def recoded(texts: pa.Array, places: pa.Array) -> pa.DictionaryArray:
    """The text at each place, as codes; texts that are there twice get one code."""
    encoded = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(places), encoded.dictionary)


def plain(column: pa.Array) -> pa.Array:
    """A column of texts as such, if it is coded."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def taken(values: Sequence[int] | Numbers, rows: Numbers) -> Numbers:
    """The same for numbers; -1 where the place is -1."""
    return np.append(np.asarray(values, dtype=np.int64), -1)[rows]


def combined(*columns: Numbers) -> tuple[Numbers, Numbers]:
    """Which combination each row has, as a number from 0 on, and the first row of each.

    Columns have numbers from -1 on.
    """
    code, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        width = int(column.max(initial=-1)) + 2
        if size * width >= _LARGEST:
            code, _ = _numbered(code)
            size = int(code.max(initial=0)) + 1
        code, size = code * width + column + 1, size * width
    return _numbered(code)


def _numbered(code: Numbers) -> tuple[Numbers, Numbers]:
    encoded = pa.array(code).dictionary_encode()
    number = encoded.indices.to_numpy().astype(np.int64)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[number[::-1]] = np.arange(len(code), dtype=np.int64)[::-1]
    return number, first


def with_columns(
    frame: DataFrame, fields: Sequence[pa.Field], columns_of: Callable[[pa.Table], list[pa.Array]]
) -> DataFrame:
    """Every row of a frame with further columns, which the executors work out batch by batch."""

    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [plain(column) for column in columns_of(pa.Table.from_batches([batch]))]
            schema = pa.schema([*batch.schema, *fields])
            yield pa.RecordBatch.from_arrays([*batch.columns, *columns], schema=schema)

    added = from_arrow_schema(pa.schema(fields))
    return frame.mapInArrow(add, StructType([*frame.schema.fields, *added.fields]))
