"""One run of a case at a time: who waits, who is taken over, and what is said."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from jobs.errors import BadInput
from jobs.evidence.case_lock import LockLost, locked_case

FIRST, SECOND, THIRD = "20261124t100000z-0001", "20261124t100001z-0002", "20261124t100002z-0003"

HOLD = """
import sys, time
from jobs.evidence.case_lock import locked_case
with locked_case(sys.argv[1], sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """A process that holds a lock until it is told to end."""

    def __init__(self, uri: str, run_id: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, uri, run_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def kill(self) -> None:
        """Leave the process a zombie: its parent has not asked for its end yet."""
        os.kill(self.process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)

    def end(self) -> None:
        self.process.communicate("\n", timeout=20)


@pytest.fixture(params=["folder", "bucket"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "case/run.lock")
    return f"s3://{request.getfixturevalue('bucket')}/case/run.lock"


def held_by(uri: str) -> str | None:
    if not uri.startswith("s3://"):
        return json.loads(Path(uri).read_text())["run_id"] if Path(uri).exists() else None
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    found = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)
    if not found["KeyCount"]:
        return None
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    return str(json.loads(body.read())["run_id"])


def edit(uri: str, **changed: str) -> None:
    """Make the lock one that another machine, or another process, left."""
    if not uri.startswith("s3://"):
        path = Path(uri)
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))
        return
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    s3 = boto3.client("s3")
    lock = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({**lock, **changed}))


def test_the_second_of_two_processes_is_told_who_was_first(uri: str) -> None:
    first = Holder(uri, FIRST)
    try:
        with pytest.raises(BadInput) as caught, locked_case(uri, SECOND):
            pass
    finally:
        first.end()

    (sentence,) = caught.value.problems
    assert re.fullmatch(
        rf"lock {uri}: found that run {FIRST} \(host {socket.gethostname()}, "
        rf"pid {first.process.pid}\) has held the case since 20\S+ and was last seen \d+ s ago; "
        r"expected one run of a case at a time; wait for it, or, once it is known to be dead, add "
        rf"--break_lock {FIRST}",
        sentence,
    )
    assert held_by(uri) is None


def test_a_killed_run_of_this_machine_is_taken_over(uri: str) -> None:
    first = Holder(uri, FIRST)
    first.kill()
    try:
        with locked_case(uri, SECOND) as lock:
            assert held_by(uri) == SECOND
            assert lock.predecessor is not None
            assert lock.predecessor.run_id == FIRST
    finally:
        first.process.wait()
    assert held_by(uri) is None


def test_a_process_that_got_the_number_of_a_dead_one_is_not_its_owner(uri: str) -> None:
    first = Holder(uri, FIRST)
    edit(uri, pid_started="1")  # the process of the lock began when the machine did
    try:
        with locked_case(uri, SECOND):
            assert held_by(uri) == SECOND
    finally:
        first.end()


def test_a_dead_run_of_another_machine_needs_its_name(uri: str) -> None:
    first = Holder(uri, FIRST)
    first.kill()
    first.process.wait()
    edit(uri, host="elsewhere")

    with pytest.raises(BadInput, match="host elsewhere"), locked_case(uri, SECOND):
        pass
    with pytest.raises(BadInput, match=f"run {FIRST}"), locked_case(uri, SECOND, break_lock=THIRD):
        pass
    with locked_case(uri, SECOND, break_lock=FIRST) as lock:
        assert held_by(uri) == SECOND
        lock.check()


def test_a_run_whose_lock_was_broken_may_not_complete_nor_release(uri: str) -> None:
    with locked_case(uri, FIRST) as first:
        first.check()
        with locked_case(uri, SECOND, break_lock=FIRST):
            with pytest.raises(LockLost, match=f"found that run {SECOND} took the case over"):
                first.check()
            first.release()
            assert held_by(uri) == SECOND


def test_a_failing_run_releases_the_case(uri: str) -> None:
    with pytest.raises(ZeroDivisionError), locked_case(uri, FIRST):
        raise ZeroDivisionError
    assert held_by(uri) is None


def test_of_many_that_find_a_dead_lock_one_gets_it(tmp_path: Path) -> None:
    uri = str(tmp_path / "run.lock")
    dead = Holder(uri, FIRST)
    dead.kill()
    dead.process.wait()

    race = HOLD.replace('"held"', "sys.argv[2]")
    ids = [f"20261124t10001{n}z-000{n}" for n in range(6)]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", race, uri, run_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for run_id in ids
    ]
    said = []
    # The winner waits for a word; the others have ended by then.
    losers = []
    for run in runs:
        assert run.stdout is not None
        line = run.stdout.readline()
        if line:
            said.append(line.strip())
        else:
            losers.append(run.wait(timeout=20))
    for run in runs:
        run.communicate("\n" if run.poll() is None else None, timeout=20)

    assert len(said) == 1
    assert losers == [1] * 5
    assert held_by(uri) is None


def test_a_lock_that_cannot_be_read_is_not_broken(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    lock.write_text("{}")

    with pytest.raises(BadInput, match=r"found a lock that cannot be read; expected .*; delete it"):
        with locked_case(str(lock), FIRST):
            pass
    assert lock.read_text() == "{}"
