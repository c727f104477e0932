"""The job beside tests/support/reference.py, which reads the same specification in another way."""

import gzip
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from jobs.cli.arguments import parse_arguments
from jobs.evidence.case_lock import locked_case
from jobs.pipeline.prepare import prepare
from jobs.pipeline.publish import begin_case
from jobs.pipeline.read_flows import read_window
from jobs.spark.phases import Phases
from jobs.trace_instance import run
from tests.support import days, reference

# A smaller seed is no simpler a day, so there is nothing to shrink; a failure names its seed.
# Each day is two whole runs; DAYS=100 looks longer.
few_days = settings(
    max_examples=int(os.environ.get("DAYS", "2")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)


WHOLE_RUN = 70


class Kept(NamedTuple):
    """What a day comes to: flows as comparable tuples, refused lines as (file name, line)."""

    flows: Counter[Any]
    refused: Counter[tuple[str, int]]


def trace(
    spark: SparkSession, day: days.Day, folder: Path, scope: str = "instance", *,
    is_judged: bool = True,
) -> Kept:  # fmt: skip
    """Run the job over a stored day, or only its reading, and read back what it wrote."""
    output = folder / f"out-{scope}"
    arguments = parse_arguments(_flags(day, folder, scope, output))
    case = prepare(arguments, datetime.now(UTC))
    with locked_case(arguments.table("run.lock"), case.run_id, arguments.break_lock) as lock:
        if is_judged:
            finished = run(spark, case, Phases(), lock)
            assert all(books.balanced for books in finished.result.books.values())
        else:
            begin_case(spark, case, lock)
            window = read_window(spark, case, Phases())
            assert window.books.balanced
            window.release()
    flows = spark.read.format("delta").load(str(output / "case-1" / "flows"))
    refused = spark.read.format("delta").load(str(output / "case-1" / "quarantine"))
    whole = ("object_uri", "object_line", "extra", "role")
    return Kept(
        Counter(
            _comparable(row.object_uri, row.object_line, row.asDict(), row.extra, row.role)
            for row in flows.select(*whole, *reference.KNOWN).collect()
        ),
        Counter(
            (Path(row.object_uri).name, row.object_line)
            for row in refused.where("stage = 'line'").collect()
        ),
    )


def _flags(day: days.Day, folder: Path, scope: str, output: Path) -> list[str]:
    # What records add has its own tests.
    return [*days.flags_of(day, folder, output, "case-1"), "--scope", scope]


def expect(day: days.Day, folder: Path) -> Kept:
    """What the reference says of the same files; flows that nobody asked for have no role."""
    labels: dict[str, list[dict[str, Any]]] = {"interfaces": [], "vpcs": []} | day.labels
    paths = sorted((folder / "logs").iterdir())
    flows, refused = reference.trace(paths, labels, day.subject, day.window)
    return Kept(
        Counter(_comparable(*flow) for flow in flows),
        Counter((path.name, line) for path, line in refused),
    )


def _comparable(
    where: object, line: int, fields: dict[str, Any], extra: dict[str, Any] | None, role: str | None
) -> tuple[Any, ...]:
    known = tuple((name, fields[name]) for name in reference.KNOWN if fields[name] is not None)
    return Path(str(where)).name, line, known, tuple(sorted((extra or {}).items(), key=str)), role


def of_subject(flows: Counter[Any]) -> Counter[Any]:
    return Counter({flow: count for flow, count in flows.items() if flow[-1] is not None})


def check_same(found: Counter[Any], expected: Counter[Any], day: days.Day, folder: Path) -> None:
    """Fail with each row that differs, its header and line, and how it was asked for."""
    __tracebackhide__ = True
    rows = [("only in the job", row) for row in found - expected]
    rows += [("only in the reference", row) for row in expected - found]
    shown = [f"{len(rows)} differ, asked for with {_flags(day, folder, 'instance', folder)}"]
    for side, (name, line, *rest) in sorted(rows, key=str)[:12]:
        lines = reference.text_of(folder / "logs" / name).split(b"\n")
        shown += [f"{side}: {name} line {line}", f"  header {lines[0]!r}"]
        shown += [f"  line   {lines[line - 1]!r}", *(f"  {part}" for part in rest)]
    if rows:
        pytest.fail("\n".join(shown))


@few_days
@example(seed=WHOLE_RUN)  # two headers glued into one line: that of another format
@given(seed=st.integers(0, 2**32 - 1))
def test_a_day_is_kept_as_the_reference_keeps_it_traced_or_taken_whole(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder = tmp_path_factory.mktemp(f"seed-{seed}-")
    day = days.draw_day(seed)
    days.store(day, folder)
    expected = expect(day, folder)

    # What is judged later changes no flow: one day of each run goes through all of it.
    traced = trace(spark, day, folder, is_judged=seed == WHOLE_RUN)
    check_same(traced.flows, of_subject(expected.flows), day, folder)
    check_same(traced.refused - expected.refused, Counter(), day, folder)

    whole = trace(spark, day, folder, scope="everything", is_judged=False)
    check_same(whole.flows, expected.flows, day, folder)
    check_same(whole.refused, expected.refused, day, folder)
    check_same(of_subject(whole.flows), traced.flows, day, folder)


def test_equal_lines_are_as_many_flows_whatever_the_labels_say(
    spark: SparkSession, tmp_path: Path
) -> None:
    line = days.flow_line(days.V2)
    other = days.flow_line(days.V2, srcport=50001)
    text = "\n".join([" ".join(days.V2), line, line, other, line]).encode()
    objects = {"a.log": text, "b.log.gz": gzip.compress(text)}
    subject = {"instance_id": None, "interface_ids": [], "addresses": ["10.0.0.7"], "vpc_id": None}
    window = days.NOON, days.NOON + 60
    labels = days.draw_labels(Random(1), window)
    day = days.Day(objects, labels, subject, window)
    days.store(day, tmp_path)

    kept = trace(spark, day, tmp_path)

    places = sorted(flow[:2] for flow in kept.flows.elements())
    assert places == [(name, number) for name in ("a.log", "b.log.gz") for number in (2, 3, 4, 5)]
