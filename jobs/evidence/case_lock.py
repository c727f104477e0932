"""One run of a case at a time: a lock object in the case's folder, with an owner and an age.

Taking it is one atomic step: a new file, on S3 a PUT with If-None-Match. Taking over a dead one is
too: under a file lock of the folder, on S3 a PUT with If-Match.
"""

import fcntl
import json
import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from jobs.errors import BadInput, ExitCode, Failure
from jobs.storage.object_store import Place, open_store, place_of
from jobs.storage.whole_objects import StorageFailed, read_bytes

logger = logging.getLogger(__name__)

_BEAT_S = 30.0
_MAX_BYTES = 64 * 1024


class CaseHeld(BadInput):
    """Another run holds the case: the same command may succeed later."""

    exit_code = ExitCode.HELD


class LockLost(Failure):
    """Another run took the case over; this one must not write any more."""


@dataclass(frozen=True)
class Owner:
    """The run that holds a case. `machine` and `pid_started` tell it from a namesake."""

    run_id: str
    host: str
    machine: str
    pid: int
    pid_started: str | None
    started_at: str
    seen_at: str


class _Held(NamedTuple):
    owner: Owner
    etag: str | None


class CaseLock:
    """The lock of a case while this run holds it; `predecessor` died holding it."""

    def __init__(self, uri: str, run_id: str) -> None:
        self.uri = uri
        self.predecessor: Owner | None = None
        self._place = place_of(uri)
        self._store = open_store(self._place.bucket)
        now = _now()
        pid = os.getpid()
        self._mine = Owner(run_id, socket.gethostname(), _machine(), pid, _started(pid), now, now)
        self._lost = False
        self._released = threading.Event()

    def check(self) -> None:
        """Raise LockLost when another run was let in; to be called before what readers see."""
        held = self._read()
        if self._lost or held is None or held.owner.run_id != self._mine.run_id:
            by = f"run {held.owner.run_id}" if held else "someone"
            raise LockLost(
                f"{self.uri}: found that {by} took the case over; this run stops without "
                "completing; what was complete before still is"
            )

    def take(self, break_lock: str | None) -> None:
        """Become the owner, or raise BadInput with who is, since when and what to do."""
        try:
            obstore.put(self._store, self._place.path, self._text(), mode="create")
            return
        except (AlreadyExistsError, PreconditionError):
            pass
        with _alone(self._place):
            held = self._read()
            if held is None:
                raise CaseHeld([f"{self._name()}: found another run ending; run this again"])
            if not _is_gone(held.owner) and held.owner.run_id != break_lock:
                raise CaseHeld([self._refusal(held.owner)])
            self._replace(held)
        self.predecessor = held.owner
        logger.info(
            "lock taken over from run=%s host=%s pid=%d held_since=%s",
            held.owner.run_id, held.owner.host, held.owner.pid, held.owner.started_at,
        )  # fmt: skip

    def beat(self) -> None:
        """Say every half minute that the run is alive, until it ends."""
        while not self._released.wait(_BEAT_S):
            self._mine = replace(self._mine, seen_at=_now())
            try:
                with _alone(self._place):
                    held = self._read()
                    if held is None or held.owner.run_id != self._mine.run_id:
                        self._lost = True
                        return
                    self._replace(held)
            except BadInput:
                self._lost = True
                return
            except BaseError as error:
                # Only the age is then wrong; `check` finds out whether the lock is still ours.
                logger.warning("lock not refreshed: %s", type(error).__name__)

    def release(self) -> None:
        """Let others in; leaves a lock alone that is no longer ours."""
        self._released.set()
        with _alone(self._place):
            held = self._read()
            if held is not None and held.owner.run_id == self._mine.run_id:
                obstore.delete(self._store, self._place.path)

    def _replace(self, held: _Held) -> None:
        if self._place.bucket is None:  # nobody else is between `_read` and here, see `_alone`
            obstore.put(self._store, self._place.path, self._text())
            return
        try:
            obstore.put(
                self._store, self._place.path, self._text(), mode={"e_tag": held.etag or ""}
            )
        except (PreconditionError, FileNotFoundError) as error:
            raise CaseHeld(
                [f"{self._name()}: found another run taking the case; run this again"]
            ) from error

    def _read(self) -> _Held | None:
        try:
            found = obstore.get(self._store, self._place.path)
            text = found.bytes().to_bytes()
        except FileNotFoundError:
            return None
        try:
            return _Held(Owner(**json.loads(text)), found.meta["e_tag"])
        except (ValueError, TypeError, RecursionError) as error:
            raise BadInput(
                [
                    f"{self._name()}: found a lock that cannot be read; expected one of this "
                    "version of the job; delete it once no run of the case is going on"
                ]
            ) from error

    def _text(self) -> bytes:
        return json.dumps(asdict(self._mine), indent=2, sort_keys=True).encode() + b"\n"

    def _name(self) -> str:
        return f"lock {self.uri}"

    def _refusal(self, owner: Owner) -> str:
        seen = (datetime.now(UTC) - datetime.fromisoformat(owner.seen_at)).total_seconds()
        return (
            f"{self._name()}: found that run {owner.run_id} (host {owner.host}, pid {owner.pid}) "
            f"has held the case since {owner.started_at} and was last seen {max(seen, 0):.0f} s "
            "ago; expected one run of a case at a time; wait for it, or, once it is known to be "
            f"dead, add --break_lock {owner.run_id}"
        )


@contextmanager
def locked_case(uri: str, run_id: str, break_lock: str | None = None) -> Iterator[CaseLock]:
    """Hold the lock at `uri` for the block; raises BadInput when another run holds it.

    A run of this machine whose process is gone is taken over; any other only with its id in
    `break_lock`.
    """
    lock = CaseLock(uri, run_id)
    lock.take(break_lock)
    beat = threading.Thread(target=lock.beat, name="lock", daemon=True)
    beat.start()
    try:
        yield lock
    finally:
        lock.release()


def holder_of(uri: str) -> Owner | None:
    """Who holds the lock at `uri`, alive or not; None without a lock that can be read."""
    try:
        return Owner(**json.loads(read_bytes(uri, _MAX_BYTES)))
    except (StorageFailed, ValueError, TypeError, RecursionError):
        return None


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Among the processes of this machine, be the only one that changes the lock.

    The kernel lets go when the process dies. On S3 conditional PUTs do what this does for files.
    """
    if place.bucket is not None:
        yield
        return
    folder = os.open(Path(f"/{place.path}").parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _machine() -> str:
    """Tells whether a process id of the lock means a process that can be seen from here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{uuid.getnode():x}"


def _stat(pid: int) -> list[str] | None:
    """State, …, start time of a process (proc(5), after the name); None where /proc is missing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _started(pid: int) -> str | None:
    stat = _stat(pid)
    return stat[19] if stat else None


def _is_gone(owner: Owner) -> bool:
    """Whether the owner was a process of this machine that has ended."""
    if (owner.host, owner.machine) != (socket.gethostname(), _machine()):
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    stat = _stat(owner.pid)
    if stat is None or owner.pid_started is None:
        return False
    return stat[0] in "ZX" or stat[19] != owner.pid_started
