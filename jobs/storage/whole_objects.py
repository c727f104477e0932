"""Objects, read and written whole: manifests, reports, labels, findings, lists, exports.

One way for `s3://` and for folders, for every key that S3 has, with one kind of failure.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from jobs.errors import ExitCode, Failure
from jobs.storage.any_key import KeyFailure, chunks_of, get_odd, is_plain, put_odd
from jobs.storage.object_store import (
    Place,
    expired_code,
    first_line,
    is_full,
    open_store,
    place_of,
)

_CHUNK = 1024 * 1024
_IN_MEMORY = 64 * 1024 * 1024


class StorageFailed(Failure):
    """An object could not be read or written; `reason` says why without naming it."""

    def __init__(self, uri: str, reason: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(f"{uri}: {reason}")
        self.reason = reason
        self.exit_code = exit_code


class NotThere(StorageFailed):
    """There is no object at the URI."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri, "found nothing there")


class TooLarge(StorageFailed):
    """The object is larger than its reader takes."""

    def __init__(self, uri: str, size: int, limit: int) -> None:
        super().__init__(uri, f"found {size:,} bytes; expected at most {limit:,}")


def read_bytes(uri: str, limit: int | None = None) -> bytes:
    """The object at a URI. Raises NotThere, StorageFailed, and BadInput for a URI that is none.

    With a `limit`, a larger object is refused before it is fetched.
    """
    place = place_of(uri)
    try:
        if place.bucket is None:
            return _read_file(Path(f"/{place.path}"), uri, limit)
        if not is_plain(place.path):
            odd = get_odd(place, None, None)
            _refuse_larger(uri, odd.size, limit)
            return b"".join(chunks_of(odd, _CHUNK))
        found = obstore.get(open_store(place.bucket), place.path)
        _refuse_larger(uri, found.meta["size"], limit)
        return found.bytes().to_bytes()
    except FileNotFoundError as error:
        raise NotThere(uri) from error
    except (BaseError, KeyFailure, OSError) as error:
        raise _failed(uri, "it cannot be read", error) from error


def write_bytes(uri: str, data: bytes) -> None:
    """Put the object at a URI, in one step. Raises StorageFailed, and BadInput as `read_bytes`."""
    place = place_of(uri)
    try:
        if place.bucket is not None and not is_plain(place.path):
            put_odd(place, data)
        else:
            obstore.put(open_store(place.bucket), place.path, data)
    except (BaseError, KeyFailure, OSError) as error:
        raise _failed(uri, "it cannot be written", error) from error


def create_bytes(uri: str, data: bytes) -> bool:
    """Put a new object at a URI; False, and nothing is changed, where there is one already.

    Of several writers one creates it: a new file, on S3 a PUT with If-None-Match.
    """
    place = place_of(uri)
    try:
        if place.bucket is not None and not is_plain(place.path):
            put_odd(place, data, only_new=True)
        else:
            obstore.put(open_store(place.bucket), place.path, data, mode="create")
    except (AlreadyExistsError, PreconditionError):
        return False
    except (BaseError, KeyFailure, OSError) as error:
        if isinstance(error, KeyFailure) and error.code in ("PreconditionFailed", "412"):
            return False
        raise _failed(uri, "it cannot be written", error) from error
    return True


class Written(NamedTuple):
    """An object that was written: its size in octets, and the SHA-256 of its bytes."""

    octets: int
    sha256: str


def write_chunks(uri: str, chunks: Iterable[bytes]) -> Written:
    """Put an object piece by piece, however large it is; it is there whole or not at all.

    Raises what `chunks` raises, StorageFailed, and BadInput as `read_bytes`.
    """
    place = place_of(uri)
    digest, octets = hashlib.sha256(), 0
    try:
        with SpooledTemporaryFile(_IN_MEMORY) as file:
            # Not handed to the store as they come: they may be read from a store themselves.
            for chunk in chunks:
                digest.update(chunk)
                octets += file.write(chunk)
            file.seek(0)
            if place.bucket is not None and not is_plain(place.path):
                put_odd(place, file.read())
            else:
                obstore.put(open_store(place.bucket), place.path, file)
    except (BaseError, KeyFailure, OSError) as error:
        raise _failed(uri, "it cannot be written", error) from error
    return Written(octets, digest.hexdigest())


def reason_of(error: Exception) -> str:
    """What went wrong, for a sentence that names the object itself."""
    return error.reason if isinstance(error, StorageFailed) else first_line(error)


def below(folder: Place, name: str) -> str:
    """The URI of an object in a folder."""
    return folder.uri_of(f"{folder.path.rstrip('/')}/{name}".lstrip("/"))


def _read_file(path: Path, uri: str, limit: int | None) -> bytes:
    """A file of this machine, whatever its name is."""
    with path.open("rb") as file:
        data = file.read() if limit is None else file.read(limit + 1)
    _refuse_larger(uri, len(data) if limit is None else max(len(data), path.stat().st_size), limit)
    return data


def _refuse_larger(uri: str, size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise TooLarge(uri, size, limit)


def _failed(uri: str, what: str, error: Exception) -> StorageFailed:
    text = str(error)
    if expired_code(error.code if isinstance(error, KeyFailure) else text) is not None:
        reason = f"{what}: S3 no longer accepts the credentials; renew them and run again"
        return StorageFailed(uri, reason, ExitCode.EXPIRED)
    if is_full(text):
        reason = f"{what}: the disk is full; free some, or choose another place, and run again"
        return StorageFailed(uri, reason, ExitCode.DISK_FULL)
    why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
    return StorageFailed(uri, f"{what}: {why}")
