"""Values of one Parquet column → the words that the same values have in text.

Writers let types drift: numbers become text, floats, decimals or Glue's choices
(`struct<long, string>`). A value is taken where it is exact; else its row is refused.
"""

import json
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.flow_fields import FIELDS
from transforms.scan.formats import encoded

# Writers that take account ids for numbers lose their leading zeros; an id has 12 digits.
_ACCOUNT_DIGITS = 12
# What no value of a line can hold; tags outside ASCII are percent-encoded in both formats.
_UNWRITABLE = r"[^\x21-\x7E]"
_NONE = pa.array([b"-", b"", b"None"])
_TIMES = frozenset(field.name for field in FIELDS if field.kind == "time")
# Up to these, floats of 16, 32 and 64 bits hold every whole number.
_WHOLE_BELOW = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
UNWRITABLE = "a value holds white space or bytes outside printable ASCII"


class Words(NamedTuple):
    """Texts of values, null for none; which of them no line can hold; and how long each is."""

    texts: pa.Array
    unwritable: npt.NDArray[np.bool_]
    lengths: npt.NDArray[np.int64]


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are texts already."""
    of = pa.types
    return bool(
        of.is_string(kind)
        or of.is_binary(kind)
        or of.is_large_string(kind)
        or of.is_large_binary(kind)
    )


class Column:
    """One column; remembers the dictionary of its row group, which every batch brings again.

    A name that ends in `%` is that of a column that is no field (see `formats.encoded_column`).
    """

    def __init__(self, name: str, max_bytes: int) -> None:
        self._name = name
        self._is_field = not name.endswith("%")
        self._max_bytes = max_bytes
        self._dictionary: pa.Array = None
        self._known: Words | None = None

    def words(self, values: pa.Array) -> Words:
        """The words of a batch's values."""
        if pa.types.is_dictionary(values.type):
            known = self._of_dictionary(values.dictionary)
            # One past the end stands for null.
            at = pc.fill_null(values.indices, len(known.unwritable)).to_numpy().astype(np.int64)
            return Words(
                pc.take(known.texts, values.indices),
                np.append(known.unwritable, False)[at],
                np.append(known.lengths, 1)[at],
            )
        return self._words(values)

    def _of_dictionary(self, dictionary: pa.Array) -> Words:
        is_same = self._dictionary is not None and _address(dictionary) == _address(
            self._dictionary
        )
        if self._known is None or not is_same:
            self._dictionary, self._known = dictionary, self._words(dictionary)
        return self._known

    def _words(self, values: pa.Array) -> Words:
        inexact = np.zeros(len(values), dtype=bool)
        if not is_text(values.type):
            if self._is_field:
                values, inexact = self._field_text(values)
            else:
                values = _any_text(values)
        texts = pc.cast(values, pa.binary())
        texts = pc.if_else(pc.is_in(texts, value_set=_NONE), pa.scalar(None, pa.binary()), texts)
        if not self._is_field:
            texts = _encoded(texts)
        odd = pc.fill_null(pc.match_substring_regex(texts, _UNWRITABLE), False)
        unwritable = np.array(odd.to_numpy(zero_copy_only=False), dtype=bool) | inexact
        lengths = np.array(pc.fill_null(pc.binary_length(texts), 1).to_numpy(), dtype=np.int64)
        # Not to be repeated by the thousand: a row with it is refused by its length alone.
        is_long = pa.array(lengths > self._max_bytes)
        texts = pc.if_else(is_long, pa.scalar(b"...", pa.binary()), texts)
        return Words(texts, unwritable, lengths)

    def _field_text(self, values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
        """Texts of a field's values, and which of them are not exactly a field's value."""
        kind, of = values.type, pa.types
        exact = np.zeros(len(values), dtype=bool)
        if of.is_timestamp(kind) and self._name in _TIMES:
            seconds = pc.cast(pc.cast(values, pa.timestamp("s"), safe=False), pa.int64())
            return pc.cast(seconds, pa.string()), exact
        if of.is_floating(kind):
            text = _whole_where_possible(values)
        elif of.is_decimal(kind):
            text = pc.replace_substring_regex(pc.cast(values, pa.string()), r"\.0+$", "")
        elif of.is_integer(kind) or of.is_null(kind):
            text = pc.cast(values, pa.string())
        elif of.is_nested(kind):
            return _only_leaves(values)
        else:
            return _any_text(values), np.array(values.is_valid().to_numpy(zero_copy_only=False))
        if self._name == "account_id":
            text = pc.utf8_lpad(text, width=_ACCOUNT_DIGITS, padding="0")
        return text, exact


def _address(values: pa.Array) -> tuple[object, ...]:
    return (len(values), values.offset, *(part and part.address for part in values.buffers()))


def _whole_where_possible(values: pa.Array) -> pa.Array:
    """Floats, as some writers make of numbers with gaps: whole ones as such, NaN as none."""
    limit = _WHOLE_BELOW[values.type.bit_width]
    values = pc.cast(values, pa.float64())
    none = pa.scalar(None, pa.float64())
    values = pc.if_else(pc.is_nan(values), none, values)
    is_whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), limit))
    whole = pc.cast(pc.cast(pc.if_else(is_whole, values, none), pa.int64()), pa.string())
    # What is not whole, or may have been rounded, is refused as no number.
    rounded = pc.binary_join_element_wise(pc.cast(values, pa.string()), "(float)", "")
    return pc.coalesce(whole, rounded)


def _only_leaves(values: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """The one value in each nest, as Glue's choices have; a nest of several is not exact."""
    texts: list[str | None] = []
    inexact = np.zeros(len(values), dtype=bool)
    for at, value in enumerate(values.to_pylist()):
        leaves = list(_leaves(value))
        inexact[at] = len(leaves) > 1 or any(
            isinstance(leaf, bool) or not isinstance(leaf, str | int) for leaf in leaves
        )
        texts.append(str(leaves[0]) if leaves else None)
    return pa.array(texts, pa.string()), inexact


def _leaves(value: object) -> "list[object]":
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [] if value is None else [value]


def _any_text(values: pa.Array) -> pa.Array:
    """Any values as text: nested ones as JSON, the others as Arrow writes them."""
    if not pa.types.is_nested(values.type):
        try:
            return pc.cast(values, pa.string())
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            pass  # no text of Arrow's own: JSON, as of nested ones
    return pa.array(
        [None if value is None else json.dumps(value, default=str) for value in values.to_pylist()],
        pa.string(),
    )


def _encoded(texts: pa.Array) -> pa.Array:
    """Percent-encoded, by distinct value, where a line could not hold them as they stand."""
    needs = pc.fill_null(pc.match_substring_regex(texts, r"[^\x21-\x7E]|%"), False)
    if not pc.any(needs).as_py():
        return texts
    distinct = pc.unique(pc.filter(texts, needs))
    words = [encoded(text.decode("utf-8", "backslashreplace")) for text in distinct.to_pylist()]
    found = pc.index_in(texts, value_set=distinct)
    return pc.if_else(
        needs, pc.take(pa.array([word.encode() for word in words], pa.binary()), found), texts
    )
