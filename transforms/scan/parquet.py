"""Rows of a Parquet object → the lines that the same records have in text.

AWS, "Flow log files": Parquet names columns with `_` for `-` and types numbers. Rows are written as
lines, so that they are searched, parsed and refused by the same code as text is.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.scan.blocks import RecordBlock
from transforms.scan.formats import check_columns, encoded_column, has_fields
from transforms.scan.inflate import RATIO_COUNTS_FROM, Damaged
from transforms.scan.ocsf_rows import OCSF_COLUMNS, flow_columns, is_ocsf
from transforms.scan.parquet_values import UNWRITABLE, Column, is_text

MAGIC = b"PAR1"
# With lines of at most 16 KiB a block stays below 64 MiB, whatever the rows say.
_ROWS_TOGETHER = 4 * 1024
_SHOWN_OF_A_VALUE, _SHOWN_OF_A_ROW = 64, 1024


class ParquetRows:
    """A Parquet object, opened. Raises Damaged, here and on the way, when it cannot be read."""

    def __init__(
        self,
        file: IO[bytes],
        size: int,
        max_ratio: int,
        partitions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Open it; `partitions` are fields that its key has instead of it (Hive partitions)."""
        with _Reading():
            self._file = pq.ParquetFile(file)
            fields = self._file.schema_arrow
            self._file = pq.ParquetFile(
                file,
                metadata=self._file.metadata,
                # Kept once however often they repeat: a few bytes can say a long text very often.
                read_dictionary=[field.name for field in fields if is_text(field.type)],
                buffer_size=1024 * 1024,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            metadata = self._file.metadata
            total = sum(
                metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)
            )
            least = metadata.num_rows * len(fields.names) * 2
            self._is_ocsf = is_ocsf(fields)
        names = list(OCSF_COLUMNS) if self._is_ocsf else fields.names
        plain = tuple(name.replace("-", "_") for name in names)
        if not has_fields(plain):
            raise Damaged("its columns are not fields of flow logs")
        check_columns(plain)
        self._added = [pair for pair in partitions.items() if pair[0] not in plain]
        self.columns = (*map(encoded_column, names), *(name for name, _ in self._added))
        if max(total, least) > max(RATIO_COUNTS_FROM, size * max_ratio):
            raise Damaged(f"it inflates to more than {max_ratio} times its size")

    def blocks(self, max_line_bytes: int) -> Iterator[RecordBlock]:
        """All rows, in order."""
        batches = self._file.iter_batches(batch_size=_ROWS_TOGETHER, use_threads=False)
        columns = [Column(name, max_line_bytes) for name in self.columns]
        while True:
            with _Reading():
                batch = next(batches, None)
                if batch is None:
                    return
                if self._is_ocsf:
                    batch = flow_columns(batch)
                values = [*batch.columns, *(pa.repeat(v, len(batch)) for _, v in self._added)]
                block = _as_lines(values, columns, max_line_bytes)
            yield block


class _Reading:
    """Says of anything that Arrow finds wrong that the object is damaged."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError | ValueError | MemoryError):
            first = next(iter(str(error).splitlines()), type(error).__name__)
            raise Damaged(f"its Parquet data is damaged: {first[:200]}") from error


def _as_lines(batch: list[pa.Array], columns: list[Column], max_line_bytes: int) -> RecordBlock:
    words = [column.words(values) for column, values in zip(columns, batch, strict=True)]
    lengths = np.sum([word.lengths for word in words], axis=0) + len(words) - 1
    reasons = {
        **dict.fromkeys(
            np.flatnonzero(np.any([word.unwritable for word in words], axis=0)).tolist(),
            UNWRITABLE,
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
        is_kept = np.ones(len(batch[0]), dtype=bool)
        is_kept[list(reasons)] = False
        texts = [
            pc.if_else(pa.array(is_kept), text, pa.scalar(None, pa.binary())) for text in texts
        ]
    dash, space = pa.scalar(b"-", pa.binary()), pa.scalar(b" ", pa.binary())
    lines = pc.binary_join_element_wise(*(pc.fill_null(text, dash) for text in texts), space)
    if reasons:
        lines = pc.if_else(pa.array(is_kept), lines, space)
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
