"""`make ingest`: the demo day into a flow table in three runs, then a case that reads it.

Each run takes what has come since the one before; the last one, run again, finds nothing new.
"""

import sys
from collections.abc import Iterator, Sequence

from demo.generate import DEMO_DAY, generate
from demo.submitted import ROOT, submit

DAY, TABLE = "out/demo", "out/flow-table"


def main() -> int:
    """The exit code of the first command that fails."""
    if not (ROOT / DAY / "truth.json").exists():
        generate(ROOT / DAY)
    for job, flags in _commands():
        print(f"\n{job} {' '.join(flags)}\n", flush=True)
        if code := submit(job, flags):
            return code
    return 0


def _commands() -> Iterator[tuple[str, Sequence[str]]]:
    where = ["--flow_logs", f"{DAY}/flow-logs", "--flow_table", TABLE]
    for hour in (8, 16, 24, 24):
        until = f"{DEMO_DAY:%Y-%m-%d}T{hour:02}:00:00Z" if hour < 24 else "2026-11-24T02:00:00Z"
        yield "jobs/ingest_flows.py", [*where, "--labels", f"{DAY}/labels", "--to", until]
    of_case = ["--labels", f"{DAY}/labels", "--finding", f"{DAY}/finding.json"]
    of_case += ["--case_id", "demo", "--output", "out/cases"]
    yield "jobs/trace_instance.py", ["--flow_table", TABLE, *of_case]


if __name__ == "__main__":
    sys.exit(main())
