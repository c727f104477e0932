"""GETs that run ahead: the bytes of exactly the objects that were listed, or why there are none."""

import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, NamedTuple, cast

import obstore
from obstore.exceptions import BaseError, PreconditionError

from jobs.sources.pace import NO_PACE, Pace
from jobs.storage.any_key import KeyFailure, OddObject, chunks_of, get_odd, is_plain
from jobs.storage.object_store import Place, first_line, open_store, stop_if_expired
from transforms.scan.inflate import Damaged, Unreadable

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult

# Up to this an object is fetched whole, ahead of its turn, while not too much is waiting;
# above, it is streamed in its turn, which costs three times as much for each octet.
_WHOLE = 16 * 1024 * 1024
_WAITING = 64 * 1024 * 1024
_STREAMED = 1024 * 1024
# On top of the store's own retries, which end where a response has begun.
_RESUME_AFTER_S = (1.0, 5.0, 20.0)


class ObjectToRead(NamedTuple):
    """An object as it was listed; with a version id, exactly that version is requested."""

    place: Place
    etag: str | None
    size: int
    version: str | None = None
    archived: str | None = None  # its storage class; then it is not requested


UNREADABLE = "unreadable"
_RESTORE = "restore it and run again"
# Amazon S3 API reference, "GetObject": of an object in an archive.
_IN_ARCHIVE = "InvalidObjectState"


class NotFetched(NamedTuple):
    """Why there are no bytes. Refused: it is not what was listed. Unreadable: its store did not
    give it, which another try may change.
    """

    reason: str
    outcome: str = "refused"

    def may_change(self, wanted: ObjectToRead) -> bool:
        """Whether it is worth another try."""
        return self.outcome == UNREADABLE and wanted.archived is None


class Fetched(NamedTuple):
    """Its bytes, and the S3 version that they are of."""

    version: str | None
    chunks: Iterable[bytes]


def fetch_ahead(
    objects: Iterable[ObjectToRead], in_flight: int, max_bytes: int, pace: Pace = NO_PACE
) -> Iterator[tuple[ObjectToRead, Fetched | NotFetched]]:
    """Objects in order, with their bytes or the reason why there are none; GETs run ahead, at the
    pace that is given.

    Objects of more than `max_bytes` as stored are not requested.
    """
    ahead: deque[tuple[ObjectToRead, Future[Fetched | NotFetched] | None]] = deque()
    waiting = 0
    with ThreadPoolExecutor(in_flight) as pool:
        for wanted in objects:
            is_whole = wanted.size <= min(_WHOLE, max_bytes) and wanted.archived is None
            if wanted.size <= max_bytes and wanted.archived is None:
                pace.wait(wanted.place)
            ahead.append((wanted, pool.submit(_fetch, wanted) if is_whole else None))
            waiting += wanted.size if is_whole else 0
            while len(ahead) >= in_flight or (ahead and waiting > _WAITING):
                first, future = ahead.popleft()
                waiting -= first.size if future else 0
                yield _in_turn(first, future, max_bytes)
        while ahead:
            yield _in_turn(*ahead.popleft(), max_bytes)


def _in_turn(
    wanted: ObjectToRead, future: Future[Fetched | NotFetched] | None, max_bytes: int
) -> tuple[ObjectToRead, Fetched | NotFetched]:
    """A large object is requested only now: a waiting response would hold a connection open."""
    if wanted.size > max_bytes:
        reason = f"it has {wanted.size} bytes, more than --max_object_bytes {max_bytes}"
        return wanted, NotFetched(reason)
    if wanted.archived is not None:
        return wanted, NotFetched(f"it is archived ({wanted.archived}); {_RESTORE}", UNREADABLE)
    return wanted, future.result() if future else _fetch(wanted)


def _fetch(wanted: ObjectToRead) -> Fetched | NotFetched:
    """Bytes of exactly the object that was listed, or the reason why they cannot be had."""
    if wanted.place.bucket is not None and not is_plain(wanted.place.path):
        return _fetch_odd(wanted)
    try:
        options: GetOptions = {"if_match": wanted.etag} if wanted.etag else {}
        if wanted.version:
            options["version"] = wanted.version
        found = obstore.get(open_store(wanted.place.bucket), wanted.place.path, options=options)
        if found.meta["size"] != wanted.size:
            return NotFetched("it changed between listing and reading")
        version = found.meta["version"]
        if wanted.size <= _WHOLE:
            return Fetched(version, [found.bytes().to_bytes()])
        return Fetched(version, _streamed(wanted, found))
    except FileNotFoundError:
        return NotFetched("it vanished between listing and reading", UNREADABLE)
    except PreconditionError:
        return NotFetched("it changed between listing and reading")
    except (BaseError, PermissionError) as error:
        stop_if_expired(str(error))
        return NotFetched(_why(error), UNREADABLE)


def _why(error: Exception) -> str:
    if _IN_ARCHIVE in str(error):
        return f"it is archived; {_RESTORE}"
    return f"reading it failed: {first_line(error)}"


def _fetch_odd(wanted: ObjectToRead) -> Fetched | NotFetched:
    """The same for a key that obstore does not take."""
    try:
        found = get_odd(wanted.place, wanted.etag, wanted.version)
        if found.size != wanted.size:
            return NotFetched("it changed between listing and reading")
        chunks = _streamed_odd(found)
        return Fetched(found.version, [*chunks] if wanted.size <= _WHOLE else chunks)
    except FileNotFoundError:
        return NotFetched("it vanished between listing and reading", UNREADABLE)
    except KeyFailure as error:
        if error.code in ("412", "PreconditionFailed"):
            return NotFetched("it changed between listing and reading")
        stop_if_expired(error.code)
        return NotFetched(_why(error), UNREADABLE)
    except Damaged as damage:
        return NotFetched(str(damage), damage.outcome)


def _streamed_odd(found: OddObject) -> Iterator[bytes]:
    try:
        yield from chunks_of(found, _STREAMED)
    except KeyFailure as error:
        stop_if_expired(error.code)
        raise Unreadable(f"reading it failed on the way: {first_line(error)}") from error


def spooled(chunks: Iterable[bytes]) -> IO[bytes]:
    """The bytes in a file of their own, which is gone when it is closed; small ones in memory."""
    file = tempfile.SpooledTemporaryFile(max_size=_STREAMED)
    for chunk in chunks:
        file.write(chunk)
    file.seek(0)
    return cast(IO[bytes], file)


def _streamed(wanted: ObjectToRead, found: "GetResult") -> Iterator[bytes]:
    """The bytes, chunk by chunk; what breaks off is taken up where it broke, a few times."""
    at = 0
    for pause_s in (*_RESUME_AFTER_S, None):
        try:
            for chunk in found.stream(min_chunk_size=_STREAMED):
                at += len(chunk)
                yield bytes(chunk)
            return
        except BaseError as error:
            stop_if_expired(str(error))
            if pause_s is None:
                raise Unreadable(f"reading it failed on the way: {first_line(error)}") from error
            time.sleep(pause_s)
            found = _rest_of(wanted, at)


def _rest_of(wanted: ObjectToRead, at: int) -> "GetResult":
    """The same object from an offset on."""
    options: GetOptions = {"range": {"offset": at}}
    if wanted.etag:
        options["if_match"] = wanted.etag
    if wanted.version:
        options["version"] = wanted.version
    try:
        return obstore.get(open_store(wanted.place.bucket), wanted.place.path, options=options)
    except PreconditionError as error:
        raise Damaged("it changed while it was read") from error
    except (BaseError, OSError) as error:
        stop_if_expired(str(error))
        raise Unreadable(f"reading it failed on the way: {first_line(error)}") from error
