"""Rows of a Parquet object → the lines that the same records have in text.

AWS, "Flow log files": Parquet names columns with `_` for `-` and types numbers. Rows are written as
lines, so that they are searched, parsed and refused by the same code as text is.
"""

from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.scan.blocks import RecordBlock
from transforms.scan.inflate import RATIO_COUNTS_FROM, Damaged

MAGIC = b"PAR1"
# With lines of at most 16 KiB a block stays below 64 MiB, whatever the rows say.
_ROWS_TOGETHER = 4 * 1024
# Writers that take account ids for numbers lose their leading zeros; an id has 12 digits.
_ACCOUNT_DIGITS = 12
# What no value of a line can hold; tags outside ASCII are percent-encoded in both formats.
_UNWRITABLE = r"[^\x21-\x7E]"
_SHOWN_OF_A_VALUE, _SHOWN_OF_A_ROW = 64, 1024
_NONE = pa.array([b"-", b"", b"None"])


class ParquetRows:
    """A Parquet object, opened. Raises Damaged, here and on the way, when it cannot be read."""

    def __init__(self, file: IO[bytes], size: int, max_ratio: int) -> None:
        with _Reading():
            self._file = pq.ParquetFile(file)
            fields = self._file.schema_arrow
            self._file = pq.ParquetFile(
                file,
                metadata=self._file.metadata,
                # Kept once however often they repeat: a few bytes can say a long text very often.
                read_dictionary=[field.name for field in fields if _is_text(field.type)],
                buffer_size=1024 * 1024,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            metadata = self._file.metadata
            said = sum(
                metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)
            )
            least = metadata.num_rows * len(fields.names) * 2
            self.names: list[str] = fields.names
        if max(said, least) > max(RATIO_COUNTS_FROM, size * max_ratio):
            raise Damaged(f"it inflates to more than {max_ratio} times its size")

    def blocks(self, max_line_bytes: int) -> Iterator[RecordBlock]:
        """All rows, in order."""
        batches = self._file.iter_batches(batch_size=_ROWS_TOGETHER, use_threads=False)
        columns = [_Column(name, max_line_bytes) for name in self.names]
        while True:
            with _Reading():
                batch = next(batches, None)
                if batch is None:
                    return
                block = _as_lines(batch, columns, max_line_bytes)
            yield block


class _Reading:
    """Says of anything that Arrow finds wrong that the object is damaged."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError | ValueError | MemoryError):
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise Damaged(f"its Parquet data is damaged: {first[:200]}") from error


def _is_text(kind: pa.DataType) -> bool:
    of = pa.types
    return bool(
        of.is_string(kind)
        or of.is_binary(kind)
        or of.is_large_string(kind)
        or of.is_large_binary(kind)
    )


class _Words(NamedTuple):
    """Texts of values, null for none; which of them no line can hold; and how long each is."""

    texts: pa.Array
    unwritable: npt.NDArray[np.bool_]
    lengths: npt.NDArray[np.int64]


class _Column:
    """One column; remembers the dictionary of its row group, which every batch brings again."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self._name = name
        self._max_bytes = max_bytes
        self._dictionary: pa.Array = None
        self._known: _Words | None = None

    def words(self, values: pa.Array) -> _Words:
        kind = values.type
        if pa.types.is_dictionary(kind):
            known = self._of_dictionary(values.dictionary)
            # One past the end stands for null.
            at = pc.fill_null(values.indices, len(known.unwritable)).to_numpy().astype(np.int64)
            return _Words(
                pc.take(known.texts, values.indices),
                np.append(known.unwritable, False)[at],
                np.append(known.lengths, 1)[at],
            )
        return _words(values if _is_text(kind) else self._as_text(values), self._max_bytes)

    def _of_dictionary(self, dictionary: pa.Array) -> _Words:
        is_same = self._dictionary is not None and _address(dictionary) == _address(
            self._dictionary
        )
        if self._known is None or not is_same:
            self._dictionary, self._known = dictionary, _words(dictionary, self._max_bytes)
        return self._known

    def _as_text(self, values: pa.Array) -> pa.Array:
        kind = values.type
        if pa.types.is_timestamp(kind):
            values = pc.cast(pc.cast(values, pa.timestamp("s"), safe=False), pa.int64())
        elif pa.types.is_floating(kind):
            return _whole_where_possible(values)
        elif not pa.types.is_integer(kind) and not pa.types.is_null(kind):
            raise Damaged(
                f"its column {self._name[:64]} holds {str(kind)[:64]}, not a field's value"
            )
        text = pc.cast(values, pa.string())
        is_account = self._name.replace("-", "_") == "account_id"
        return pc.utf8_lpad(text, width=_ACCOUNT_DIGITS, padding="0") if is_account else text


def _address(values: pa.Array) -> tuple[object, ...]:
    return (len(values), values.offset, *(part and part.address for part in values.buffers()))


def _words(values: pa.Array, max_bytes: int) -> _Words:
    texts = pc.cast(values, pa.binary())
    texts = pc.if_else(pc.is_in(texts, value_set=_NONE), pa.scalar(None, pa.binary()), texts)
    odd = pc.fill_null(pc.match_substring_regex(texts, _UNWRITABLE), False)
    lengths = np.array(pc.fill_null(pc.binary_length(texts), 1).to_numpy(), dtype=np.int64)
    # Not to be repeated by the thousand: a row with it is refused by its length alone.
    texts = pc.if_else(pa.array(lengths > max_bytes), pa.scalar(b"...", pa.binary()), texts)
    return _Words(texts, np.array(odd.to_numpy(zero_copy_only=False), dtype=bool), lengths)


def _whole_where_possible(values: pa.Array) -> pa.Array:
    """Floats, as some writers make of numbers with gaps: whole ones as such, NaN as none."""
    values = pc.cast(values, pa.float64())
    none = pa.scalar(None, pa.float64())
    values = pc.if_else(pc.is_nan(values), none, values)
    is_whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**53))
    whole = pc.cast(pc.cast(pc.if_else(is_whole, values, none), pa.int64()), pa.string())
    return pc.coalesce(whole, pc.cast(values, pa.string()))


def _as_lines(batch: pa.RecordBatch, columns: list[_Column], max_line_bytes: int) -> RecordBlock:
    words = [column.words(values) for column, values in zip(columns, batch.columns, strict=True)]
    lengths = np.sum([word.lengths for word in words], axis=0) + len(words) - 1
    reasons = {
        **dict.fromkeys(
            np.flatnonzero(np.any([word.unwritable for word in words], axis=0)).tolist(),
            "a value holds white space or bytes outside printable ASCII",
        ),
        **dict.fromkeys(
            np.flatnonzero(lengths > max_line_bytes).tolist(), f"longer than {max_line_bytes} bytes"
        ),
    }
    texts = [word.texts for word in words]
    refused = []
    if reasons:
        rows = sorted(reasons)
        shown = _shown(texts, rows)
        refused = [(row, text, reasons[row]) for row, text in zip(rows, shown, strict=True)]
        kept = np.ones(len(batch), dtype=bool)
        kept[list(reasons)] = False
        texts = [pc.if_else(pa.array(kept), text, pa.scalar(None, pa.binary())) for text in texts]
    dash, space = pa.scalar(b"-", pa.binary()), pa.scalar(b" ", pa.binary())
    lines = pc.binary_join_element_wise(*(pc.fill_null(text, dash) for text in texts), space)
    if reasons:
        lines = pc.if_else(pa.array(kept), lines, space)
    ended = pc.binary_join_element_wise(
        lines, pa.scalar(b"", pa.binary()), pa.scalar(b"\n", pa.binary())
    )
    return RecordBlock(_joined(ended), refused)


def _shown(texts: list[pa.Array], rows: list[int]) -> list[str]:
    """The values of some rows, each cut to its first bytes."""
    cut = [
        pc.fill_null(pc.binary_slice(pc.take(text, pa.array(rows)), 0, _SHOWN_OF_A_VALUE), b"-")
        for text in texts
    ]
    lines = pc.binary_join_element_wise(*cut, pa.scalar(b" ", pa.binary())).to_pylist()
    return [line.decode("ascii", "backslashreplace")[:_SHOWN_OF_A_ROW] for line in lines]


def _joined(lines: pa.Array) -> bytes:
    """The bytes of all values, one after the other, as they lie in memory."""
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return bytes(memoryview(data)[int(ends[0]) : int(ends[-1])]) if len(lines) else b""
