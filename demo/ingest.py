"""`make ingest`: a week into a flow table in three runs, a watch in the last, then a case from it.

Each run takes what has come since the one before. The last one watches two web servers: the
suspect, and a neighbour that does nothing new and is only tried by it.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from demo.generate import DEMO_DAY
from demo.submitted import ROOT, command, environment, submit
from demo.vpc import SUSPECT, WEB
from demo.week import DAYS, generate_week

WEEK, TABLE, TOLD, LISTED = (
    "out/demo-week", "out/week-table", "out/watch.jsonl", "out/demo-week/watched.txt",
)  # fmt: skip
_SHOWN = 3


def main() -> int:
    """The exit code of the first command that fails."""
    shutil.rmtree(ROOT / TABLE, ignore_errors=True)
    lines = generate_week(ROOT / WEEK)
    print(f"A week of {lines:,} lines is in {WEEK}; the last day is the demo day", flush=True)
    (ROOT / LISTED).write_text(f"{SUSPECT.instance_id}  # web-3\n{WEB[0].instance}\n")
    for job, flags in _commands():
        print(f"\n{job} {' '.join(flags)}\n", flush=True)
        began = time.monotonic()
        run = _watched if "--watch_list" in flags else submit
        if code := run(job, flags):
            return code
        print(f"\n{time.monotonic() - began:.0f} s, with the start of Spark", flush=True)
    return 0


def _commands() -> Iterator[tuple[str, Sequence[str]]]:
    """Five days, a day, and the demo day; each run looks back to the start of the week."""
    begin = DEMO_DAY - timedelta(days=DAYS - 1)
    where = ["--flow_logs", f"{WEEK}/flow-logs", "--flow_table", TABLE]
    where += ["--labels", f"{WEEK}/labels", "--from", f"{begin:%Y-%m-%dT%H:%M:%SZ}"]
    for days in (5, 6, 7):
        until = f"{begin + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        watching = ["--watch_list", LISTED] if days == DAYS else []
        yield "jobs/ingest_flows.py", [*where, "--to", until, *watching]
    of_case = ["--labels", f"{WEEK}/labels", "--finding", f"{WEEK}/finding.json"]
    of_case += ["--case_id", "demo-week", "--output", "out/cases"]
    yield "jobs/trace_instance.py", ["--flow_table", TABLE, *of_case]


def _watched(job: str, flags: Sequence[str]) -> int:
    """Run it with its lines of JSON in a file, as a sweep of a subnet has one for each address."""
    ended = subprocess.run(
        command(job, flags), cwd=ROOT, env=environment(), check=False, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    printed = ended.stdout.splitlines()
    told = [line for line in printed if line.startswith("{")]
    (ROOT / TOLD).write_text("".join(f"{line}\n" for line in told))
    print("\n".join(told[:_SHOWN]))
    if len(told) > _SHOWN:
        print(f"… and {len(told) - _SHOWN:,} more lines, all of them in {TOLD}\n")
    print("\n".join(line for line in printed if not line.startswith("{")))
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
