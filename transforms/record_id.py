"""The id of a flow record, which is that of its row in Delta and of its document in OpenSearch."""

import hashlib

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
    """The same for columns of Arrow."""
    places, sources = combined(codes(uris), codes(versions))
    begun = [
        hashlib.sha256(f"{uris[at].as_py()}\n{versions[at].as_py() or ''}\n".encode())
        for at in sources.tolist()
    ]
    found = []
    for place, line in zip(places.tolist(), lines.to_pylist(), strict=True):
        digest = begun[place].copy()
        digest.update(b"%d" % line)
        found.append(digest.hexdigest()[:_DIGITS])
    return pa.array(found, pa.string())
