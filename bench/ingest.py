"""A flow table beside text: filling it, a second case from it, and how both grow with its age.

Days of `bench.many_days` are added one run a day. `everything` writes the same days into a case, in
the same JVM. Then one machine is traced over the last day with the days before as its baseline:
from text, and from the table. Both must find the same flows. At the end the demo day and the case
from the table take turns, each in a fresh JVM.
`python -m bench.ingest [--days 30] [--lines 1700000] [--baseline_days 14]`
"""

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from bench.demo_job import command, until_verdict
from bench.harness import report, spread
from bench.local_spark import delta_settings, local_spark
from bench.many_days import FIRST_DAY, MACHINES, machines, write_day
from bench.scan import CORES
from demo import submitted
from demo.generate import generate
from jobs.ingest_flows import main as ingest
from jobs.storage.delta_read import read_table
from jobs.trace_instance import main as trace

_TURNS = 2


def timed(run: Callable[[Sequence[str]], int], words: Sequence[str]) -> float:
    """Seconds of a job that has to end well."""
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(words) == 0, words
    return time.perf_counter() - began


def merged(logs: Path, table: Path) -> tuple[float, str]:
    """Seconds of the upkeep that merges a day of three runs, by the job's own clock, and what it
    says of it.
    """
    begin = f"{FIRST_DAY:%Y-%m-%dT%H:%M:%SZ}"
    words = ["--flow_logs", str(logs), "--flow_table", str(table), "--from", begin, "--to"]
    for hours in (8, 16, 24):
        timed(ingest, [*words, (FIRST_DAY + timedelta(hours=hours)).isoformat()])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert ingest([*words, (FIRST_DAY + timedelta(hours=30)).isoformat()]) == 0
    found = re.search(r"upkeep ([\d.]+)", printed.getvalue())
    files = re.search(r"merged: (.*)", printed.getvalue())
    assert found, printed.getvalue()
    assert files, printed.getvalue()
    return float(found[1]), files[1]


def fresh(folder: Path, words: Sequence[str]) -> list[list[object]]:
    """From command to verdict by `spark-submit`: the demo day, and a case from the table."""
    day = folder / "demo"
    generate(day)
    demo, table = [], []
    for turn in range(_TURNS):
        demo.append(until_verdict(command(day, folder / f"demo-{turn}")))
        case = submitted.command("jobs/trace_instance.py", [*words, "--case_id", f"fresh-{turn}"])
        table.append(until_verdict(case))
    return [
        ["from command to the verdict, fresh JVM: the demo day", spread(demo)],
        ["the same: the case from the table", spread(table)],
    ]


def main(argv: Sequence[str]) -> int:
    """1 when a case from the table has other flows than one from text."""
    parser = argparse.ArgumentParser(prog="bench.ingest", allow_abbrev=False)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--lines", type=int, default=1_700_000)
    parser.add_argument("--baseline_days", type=int, default=14)
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    conf = {**delta_settings(), "spark.sql.shuffle.partitions": CORES}
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as name:
        folder = Path(name)
        spark = local_spark(CORES, "4g", conf)
        logs, table, cases = folder / "logs", folder / "table", folder / "cases"
        rows: list[list[object]] = []
        octets, added = 0, []
        for day in range(given.days):
            octets += write_day(logs, day, given.lines)
            last = FIRST_DAY + timedelta(days=day)
            words = ["--flow_logs", str(logs), "--flow_table", str(table), "--late_days", "3"]
            words += ["--to", (last + timedelta(days=1)).isoformat()]
            added.append(timed(ingest, words))
            if day + 1 in (1, 2, 10, 11, given.days - 1, given.days):
                rows.append([f"day {day + 1} into the table", f"{added[-1]:.1f}"])
        seconds, files = merged(logs, folder / "pieces")
        rows.append([f"upkeep: day 1, of three runs, merged: {files}", f"{seconds:.1f}"])
        rows.append(["a run with nothing new", f"{timed(ingest, words):.1f}"])
        window = ["--from", last.isoformat(), "--to", (last + timedelta(days=1)).isoformat()]
        of_case = ["--flow_logs", str(logs), "--output", str(cases), *window]
        for _ in range(2):
            shutil.rmtree(cases, ignore_errors=True)
            words = [*of_case, "--scope", "everything", "--case_id", "all"]
            seconds = timed(trace, words)
        rows.append(["the last day, everything into a case", f"{seconds:.1f}"])
        of_everything = seconds / statistics.median(added[1:] or added)
        rows.append(["days into the table, median: rate of everything's", f"{of_everything:.0%}"])
        subject = machines()[MACHINES // 2]  # with as many peers below as above
        whom = [
            "--instance_id", subject.instance_id, "--interface_ids", subject.interface_id,
            "--addresses", subject.address, "--baseline_days", str(given.baseline_days),
            "--max_hops", "1",
        ]  # fmt: skip
        found = {}
        for turn in range(2):
            for case_id, more in (("text", []), ("table", ["--flow_table", str(table)])):
                seconds = timed(trace, [*of_case, *whom, "--case_id", case_id, *more])
                if turn:
                    rows.append([f"a case from {case_id}", f"{seconds:.1f}"])
                flows = read_table(spark, str(cases / case_id / "flows"))
                found[case_id] = {row["record_id"] for row in flows.select("record_id").collect()}
        manifest = json.loads((cases / "table/manifest.json").read_text())
        readings = {"window": manifest, **manifest["further_readings"]}
        for reading, told in readings.items():
            books = told["books"]
            opened, instead = books["octets_of_table"], books["octets_not_read"]
            rows.append([
                f"{reading}: MB of the table opened, of text instead",
                f"{opened / 10**6:.1f} / {instead / 10**6:.1f} = {opened / instead:.1%}",
            ])  # fmt: skip
        stored = sum(path.stat().st_size for path in (table / "flows").rglob("*.parquet"))
        rows.append(["MB of text, of the table", f"{octets / 1e6:.0f}, {stored / 1e6:.0f}"])
        spark.stop()
        rows += fresh(folder, [*of_case, *whom, "--flow_table", str(table)])
    title = f"{given.days} days of {given.lines:,} lines"
    report("ingest", [title, "s"], rows)
    if found["text"] != found["table"]:
        print(f"DIFFERS {len(found['text'])} flows from text, {len(found['table'])} from the table")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
