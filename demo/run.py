"""`make run`: the demo day, a real OpenSearch, and the job on both, by spark-submit."""

import argparse
import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from demo.damage import damage
from demo.generate import generate
from demo.opensearch_node import opensearch_node
from demo.submitted import ROOT, submit


def main(argv: Sequence[str]) -> int:
    """Generate, start, trace, count, stop; returns the job's exit code."""
    parser = argparse.ArgumentParser(prog="demo.run", description=__doc__)
    parser.add_argument("--damaged", action="store_true", help="with every kind of damage, once")
    name = "demo-damaged" if parser.parse_args(argv).damaged else "demo"
    truth = generate(ROOT / "out" / name)
    print(f"The demo day: {truth.objects:,} objects with {truth.lines:,} lines in out/{name}")
    if name != "demo":
        told = damage(ROOT / "out" / name)
        print(f"{len(told)} of them are damaged now: out/{name}/damage.json says how")
    with _node(os.environ.get("OPENSEARCH_URL")) as url:
        print(
            f"OpenSearch is up at {url}; now the job, with the flags of conf/local.args", flush=True
        )
        of_day = [] if name == "demo" else _flags_of(name)
        flags = ["@conf/local.args", *of_day, "--opensearch_url", url]
        code = submit("jobs/trace_instance.py", flags)
        if code == 0:
            number = _count(url, name)
            print(f"\nAsked again from outside: {number:,} documents under the alias flows-{name}")
            print(f"What really happened that day is in out/{name}/truth.json")
    return code


def _node(running: str | None) -> AbstractContextManager[str]:
    return nullcontext(running) if running else opensearch_node()


def _flags_of(name: str) -> Sequence[str]:
    """What comes later in a list of flags wins."""
    day = f"out/{name}"
    where = ("--flow_logs", f"{day}/flow-logs", "--labels", f"{day}/labels")
    return (*where, "--finding", f"{day}/finding.json", "--case_id", name)


def _count(url: str, name: str) -> int:
    with urllib.request.urlopen(f"{url}/flows-{name}/_count", timeout=10) as answer:
        return int(json.load(answer)["count"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
