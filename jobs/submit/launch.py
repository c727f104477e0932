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

from jobs.errors import BadInput
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

COMPLETE, FAILED, BAD_INPUT, EXPIRED, INTERRUPTED = 0, 1, 2, 5, 130


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
    logging.getLogger("botocore").setLevel(logging.ERROR)
    try:
        launch = parse_launch(argv)
        platform = _PLATFORMS[launch.platform]
        if launch.follow_run is not None:
            run = platform.started(launch, launch.follow_run)
        else:
            files_of(launch)
            platform.check(launch)
            run = platform.start(launch, upload(launch, lambda line: print(line, file=out)))
            print(f"started     {launch.platform} {launch.target}, run {run.run_id}", file=out)
    except BadInput as bad:
        for problem in bad.problems:
            print(f"error: {problem}", file=sys.stderr)
        return BAD_INPUT
    except Refused as refused:
        print(f"error: {refused}; no run was started", file=sys.stderr)
        return EXPIRED if refused.has_expired else FAILED
    except BotoCoreError as error:  # no region, no credentials: before anything is asked
        print(f"error: {error}; set AWS_REGION and credentials", file=sys.stderr)
        return BAD_INPUT
    if not launch.follow:
        _say_how(argv, run, out)
        return COMPLETE
    return _to_the_end(argv, launch, run, out, sleep)


def _to_the_end(
    argv: Sequence[str],
    launch: Launch,
    run: Run,
    out: TextIO,
    sleep: Callable[[float], None],
) -> int:
    """Follow it, and say what its case holds; a run is never ended by what happens here."""
    try:
        seen = follow(run, out, sleep, lambda: datetime.now(UTC))
        outcomes = [
            outcome_of(case_uri, seen, launch.report_folder) for case_uri in launch.job.case_uris
        ]
        for outcome in outcomes:
            print("\n".join(["", *outcome.lines]), file=out)
        if not seen.is_good:
            print(f"The run ended {seen.state}: {seen.reason or 'no reason given'}", file=out)
        for line in run.log_lines():
            print(f"Logs        {line}", file=out)
        codes = {outcome.exit_code for outcome in outcomes}
        return FAILED if FAILED in codes else max(codes)
    except KeyboardInterrupt:
        print(file=out)
        if not launch.stop_on_interrupt:
            print(f"No longer followed; run {run.run_id} goes on.", file=out)
            _say_how(argv, run, out)
            return INTERRUPTED
        try:
            run.stop()
        except Refused as refused:
            print(f"error: {refused}; the run goes on", file=sys.stderr)
        else:
            print(f"Run {run.run_id} is asked to stop.", file=out)
        return INTERRUPTED
    except Refused as refused:
        print(f"error: {refused}; the run goes on", file=sys.stderr)
        _say_how(argv, run, out)
        return EXPIRED if refused.has_expired else FAILED


def _say_how(argv: Sequence[str], run: Run, out: TextIO) -> None:
    """How to look again, and how to stop it."""
    words = [*argv, "--follow_run", run.run_id, "--follow", "true"]
    print(f"Follow it:  python -m jobs.submit {shlex.join(words)}", file=out)
    print(f"Stop it:    {run.stop_command()}", file=out)
