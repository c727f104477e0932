"""SHA-256 of files of a case, read again as bytes after they were written; no Spark.

A digest of bytes is collision-resistant, which a sum of row hashes that ignores the order is not:
whoever can choose rows finds others with the same sum. Files of a Delta version never change, so
their digests, and those of the log that names them, fix every row of the table.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import obstore
from obstore.exceptions import BaseError

from jobs.storage.delta_log import DeltaLog
from jobs.storage.object_store import Place, first_line, open_store, place_of

_IN_FLIGHT = 16
_CHUNK = 4 * 1024 * 1024
LOG_FOLDER = "_delta_log"


class FileDigest(NamedTuple):
    """A file of a case: its name relative to its folder, its size and the SHA-256 of its bytes."""

    name: str
    octets: int
    sha256: str


class Unreadable(NamedTuple):
    """A file that could not be read, and why."""

    name: str
    reason: str


def digest_files(
    folder: str, names: Iterable[str], in_flight: int = _IN_FLIGHT
) -> list[FileDigest | Unreadable]:
    """The digest of each file of a folder, in the order of the names; reads run concurrently."""
    place = place_of(folder)
    with ThreadPoolExecutor(in_flight) as pool:
        return list(pool.map(lambda name: _digest(place, name), names))


def table_files(table_uri: str, version: int) -> list[str]:
    """The names of the files that make up a version of a table: its data, and its log."""
    log = DeltaLog(table_uri)
    return sorted(
        [
            *(file.path for file in log.data_files(version)),
            *(f"{LOG_FOLDER}/{name}" for name in log.log_files(version)),
        ]
    )


def digest_of(files: Sequence[FileDigest]) -> str:
    """One digest for several files, whatever their order: over their sorted JSON lines."""
    lines = sorted(json.dumps([file.name, file.octets, file.sha256]) for file in files)
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _digest(folder: Place, name: str) -> FileDigest | Unreadable:
    digest, octets = hashlib.sha256(), 0
    try:
        found = obstore.get(open_store(folder.bucket), f"{folder.path}/{name}")
        for chunk in found.stream(min_chunk_size=_CHUNK):
            digest.update(chunk)
            octets += len(chunk)
    except FileNotFoundError:
        return Unreadable(name, "it is missing")
    except (BaseError, OSError) as error:
        return Unreadable(name, f"it cannot be read: {first_line(error)}")
    return FileDigest(name, octets, digest.hexdigest())
