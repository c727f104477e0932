"""Following a run: what a terminal and a pipe show, and what happens when AWS stops answering."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from jobs.submit.follow import follow
from jobs.submit.launch import main
from jobs.submit.runs import RunStatus
from tests.support.http_server import served

BEGAN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


class Told:
    """A run whose states are known beforehand, one for each look."""

    run_id = "jr_1"

    def __init__(self, *states: str) -> None:
        self.states = iter(states)

    def status(self) -> RunStatus:
        state = next(self.states)
        return RunStatus(state, state == "SUCCEEDED", state == "SUCCEEDED", BEGAN)

    def stop(self) -> None:
        raise AssertionError("nobody asked for that")

    def stop_command(self) -> str:
        return "stop"

    def log_lines(self) -> Iterator[str]:
        yield "logs"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, *states: str, each: int = 10) -> str:
    seconds = iter(range(0, 10_000, each))
    follow(Told(*states), out, lambda _: None, lambda: BEGAN + timedelta(seconds=next(seconds)))
    return out.getvalue()


def test_a_terminal_shows_the_time_in_place_and_each_state_on_a_line_of_its_own() -> None:
    assert shown(Terminal(), "STARTING", "STARTING", "RUNNING", "SUCCEEDED") == (
        "\rSTARTING      0:00\rSTARTING      0:10\nRUNNING       0:20\nSUCCEEDED     0:30\n"
    )


def test_a_pipe_gets_each_state_once_and_a_sign_of_life_a_minute() -> None:
    states = ("RUNNING", "RUNNING", "RUNNING", "RUNNING", "SUCCEEDED")

    assert shown(io.StringIO(), *states, each=30).splitlines() == [
        "RUNNING       0:00", "RUNNING       1:00", "SUCCEEDED     2:00",
    ]  # fmt: skip


@pytest.fixture
def expired(s3_server: str) -> Iterator[None]:
    """A Glue that knows the caller no more."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            said = {"__type": "ExpiredTokenException", "message": "The security token is expired"}
            body = json.dumps(said).encode()
            self.send_response(400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with served(Handler) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_GLUE", url)
        yield


def test_credentials_that_expire_on_the_way_end_the_following_and_not_the_run(
    expired: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case.args"  # flags may stand in a file, as on the laptop
    case.write_text(
        "--flow_logs s3://b/AWSLogs\n--output s3://b/cases\n--finding s3://b/finding.json\n"
        "--case_id web-3\n"
    )
    flags = ["glue", "--artifacts", "s3://b/code", "--role", "tracer", f"@{case}"]
    out = io.StringIO()

    code = main([*flags, "--follow_run", "jr_1"], out=out)

    assert code == 5
    said = capsys.readouterr().err
    assert "glue:GetJobRun: AWS answered ExpiredTokenException: The security token is" in said
    assert "the run goes on" in said
    assert "--follow_run jr_1" in out.getvalue()
    assert "aws glue batch-stop-job-run --job-name vpc-flow-trace" in out.getvalue()
