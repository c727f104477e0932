"""`make redteam`: hostile conversations with known truth against the verdict, as many as one likes.

SEED= and CONVERSATIONS= set which and how many. Ends with 1 where a law is broken; each kind of
fault is then shown once, made as small as it stays a fault.
"""

import os
import sys
import time
from collections.abc import Sequence

from pyspark.sql import SparkSession

from tests.redteam.shrink import shrunk
from tests.redteam.stories import Case, case_of
from tests.redteam.verdicts import Fault, Tried, try_cases

# So many cases share a job; their addresses are all in one condition.
BATCH = 2_000
_SHOWN = 12


def run(spark: SparkSession, seed: int, conversations: int) -> list[Tried]:
    """Cases until so many hostile conversations were tried."""
    tried = []
    for first in range(1, conversations + 1, BATCH):
        numbers = range(first, min(first + BATCH, conversations + 1))
        tried.append(try_cases(spark, [case_of(seed, number) for number in numbers]))
    return tried


def smallest(spark: SparkSession, fault: Fault) -> Case:
    """The case of a fault, shrunk while it breaks the same law."""

    def fails(cases: Sequence[Case]) -> list[bool]:
        broken = {
            found.case.number for found in try_cases(spark, cases).faults if found.law == fault.law
        }
        return [case.number in broken for case in cases]

    return shrunk(fault.case, fails)


def _session() -> SparkSession:
    """A small local Spark: one batch is some ten thousand rows."""
    builder = SparkSession.builder.master("local[2]").appName("redteam")
    settings = {
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def main() -> int:
    """Run, print the figures, show the faults."""
    seed = int(os.environ.get("SEED") or time.time())
    conversations = int(os.environ.get("CONVERSATIONS") or 10_000)
    print(f"SEED={seed} CONVERSATIONS={conversations}", flush=True)
    spark = _session()
    began = time.monotonic()
    tried = run(spark, seed, conversations)
    seconds = time.monotonic() - began
    faults = [fault for each in tried for fault in each.faults]
    likely, right = sum(t.likely for t in tried), sum(t.likely_right for t in tried)
    print(
        f"{conversations:,} hostile conversations in {sum(t.conversations for t in tried):,}, "
        f"{seconds:.0f} s; {sum(t.proven for t in tried):,} rows proven; of {likely:,} likely "
        f"{right:,} right ({100 * right / max(likely, 1):.1f} %); {len(faults):,} faults"
    )
    kinds: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.law, fault.case.family, fault.found), []).append(fault)
    for (law, family, found), same in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        print(f"{len(same):>6,}  {law} | {family} | {found}")
    for same in list(kinds.values())[: _SHOWN if os.environ.get("SHRINK", "1") == "1" else 0]:
        print(f"{same[0].law}: {smallest(spark, same[0])}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
