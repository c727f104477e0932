"""The id of a flow record, which is that of its row in Delta and of its document in OpenSearch."""

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql import functions as F

from transforms.coded import codes, combined

_DIGITS = 40


def record_id() -> Column:
    """40 hex digits of SHA-256 over object URI, version (or etag) and line number.

    The same line of the same version of an object has the same id in every run.
    """
    source = F.concat_ws("\n", "object_uri", F.coalesce("object_version", F.lit("")), "object_line")
    return F.substring(F.sha2(source, 256), 1, _DIGITS)


def record_ids(uris: pa.Array, versions: pa.Array, lines: pa.Array) -> pa.Array:
    """The same for columns of Arrow; neighbours are mostly of one source."""
    places, sources = combined(codes(uris), codes(versions))
    begun = [
        hashlib.sha256(f"{uris[at].as_py()}\n{versions[at].as_py() or ''}\n".encode())
        for at in sources.tolist()
    ]
    numbers = lines.to_pylist()
    starts = np.flatnonzero(np.diff(places, prepend=-1)).tolist()
    digests: list[bytes] = []
    for first, end in pairwise([*starts, len(numbers)]):
        begin = begun[places[first]].copy
        for number in numbers[first:end]:
            digest = begin()
            digest.update(b"%d" % number)
            digests.append(digest.digest())
    return _hex(digests)


def _hex(digests: list[bytes]) -> pa.StringArray:
    """The first digits of each, as text."""
    octets = np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), -1)
    text = octets[:, : _DIGITS // 2].tobytes().hex().encode()
    ends = np.arange(0, len(text) + 1, _DIGITS, dtype=np.int32)
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(ends), pa.py_buffer(text))
