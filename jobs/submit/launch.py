"""The command: check, upload, start, follow, say what came out.

`python -m jobs.submit glue|emr|emr-serverless --artifacts … FLAGS-OF-THE-JOB`
"""

import logging
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

from botocore.exceptions import BotoCoreError

from jobs.cli.main import print_error, run_main
from jobs.errors import BadInput, ExitCode
from jobs.submit.artifacts import files_of, upload
from jobs.submit.emr import check_emr, emr_run, start_emr
from jobs.submit.emr_serverless import (
    check_emr_serverless,
    emr_serverless_run,
    start_emr_serverless,
)
from jobs.submit.flags import Launch, parse_launch
from jobs.submit.follow import follow
from jobs.submit.glue import check_glue, glue_run, start_glue
from jobs.submit.outcome import outcome_of
from jobs.submit.runs import Refused, Run
from transforms.text import sanitise


class _Platform(NamedTuple):
    check: Callable[[Launch], None]
    start: Callable[[Launch, Mapping[str, str]], Run]
    started: Callable[[Launch, str], Run]


_PLATFORMS = {
    "glue": _Platform(check_glue, start_glue, glue_run),
    "emr": _Platform(check_emr, start_emr, emr_run),
    "emr-serverless": _Platform(check_emr_serverless, start_emr_serverless, emr_serverless_run),
}


def main(
    argv: Sequence[str], out: TextIO = sys.stdout, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Launch for these flags; returns the exit code that `--help` explains."""
    return run_main(lambda words: _launch(words, out, sleep), argv, logging.WARNING)


def _launch(argv: Sequence[str], out: TextIO, sleep: Callable[[float], None]) -> int:
    try:
        launch = parse_launch(argv)
        run = _started(launch, out)
    except Refused as refused:
        raise refused.and_so("no run was started") from refused
    except BotoCoreError as error:  # no region, no credentials: before any call was made
        raise BadInput([f"{error}; set AWS_REGION and credentials"]) from error
    if not launch.follow:
        _print_commands(argv, run, out)
        return ExitCode.COMPLETE
    try:
        return _to_the_end(launch, run, out, sleep)
    except KeyboardInterrupt:
        _interrupted(argv, launch, run, out)
        return ExitCode.INTERRUPTED
    except Refused as refused:
        _print_commands(argv, run, out)
        raise refused.and_so("the run goes on") from refused


def _started(launch: Launch, out: TextIO) -> Run:
    """A run of this launch, or the one that `--follow_run` names."""
    platform = _PLATFORMS[launch.platform]
    if launch.follow_run is not None:
        return platform.started(launch, launch.follow_run)
    files_of(launch)
    platform.check(launch)
    run = platform.start(launch, upload(launch, lambda line: print(line, file=out)))
    print(f"started     {launch.platform} {launch.target}, run {run.run_id}", file=out)
    return run


def _to_the_end(launch: Launch, run: Run, out: TextIO, sleep: Callable[[float], None]) -> int:
    """Follow the run and print what its cases hold; nothing that happens here ends the run."""
    status = follow(run, out, sleep, lambda: datetime.now(UTC))
    outcomes = [
        outcome_of(case_uri, status, launch.report_folder) for case_uri in launch.job.case_uris
    ]
    for outcome in outcomes:
        print("\n".join(["", *outcome.lines]), file=out)
        if outcome.error is not None:
            print_error(outcome.error)
    if not status.is_good:
        reason = sanitise(status.reason or "no reason given", 1000)
        print(f"The run ended {status.state}: {reason}", file=out)
    for line in run.log_lines():
        print(f"Logs        {line}", file=out)
    codes = {outcome.exit_code for outcome in outcomes}
    return ExitCode.FAILED if ExitCode.FAILED in codes else max(codes)


def _interrupted(argv: Sequence[str], launch: Launch, run: Run, out: TextIO) -> None:
    """Ctrl-C while following: the run goes on, unless the flags say to stop it."""
    print(file=out)
    if not launch.stop_on_interrupt:
        print(f"No longer followed; run {run.run_id} goes on.", file=out)
        _print_commands(argv, run, out)
        return
    try:
        run.stop()
    except Refused as refused:
        print_error(str(refused.and_so("the run goes on")))
    else:
        print(f"Run {run.run_id} is asked to stop.", file=out)


def _print_commands(argv: Sequence[str], run: Run, out: TextIO) -> None:
    """The commands that follow the run again and that stop it."""
    words = [*argv, "--follow_run", run.run_id, "--follow", "true"]
    print(f"Follow it:  python -m jobs.submit {shlex.join(words)}", file=out)
    print(f"Stop it:    {run.stop_command()}", file=out)
