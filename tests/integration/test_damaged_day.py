"""A day with every kind of damage: the run goes to its end and says what it could not see."""

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from demo.damage import damage
from demo.generate import generate
from jobs.trace_instance import main
from tests.support.services import DemoDay

WORDS = {
    "cut in half": "cut",
    "one bit flipped": "damaged",
    "wrong check sum": "damaged",
    "bytes after the end": "bytes follow the end",
    "a bomb": "times its size",
}


def test_all_damage_is_named_and_makes_coverage_partial_for_the_right_reasons(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(tmp_path / "day", seed=5, factor=0.05)
    told = damage(tmp_path / "day")
    day = DemoDay(tmp_path / "day", {})

    assert main(day.flags(tmp_path / "cases")) == 0

    said = capsys.readouterr().out
    rows = spark.read.format("delta").load(str(tmp_path / "cases/case/objects")).collect()
    found = {row["uri"].rsplit("/", 1)[-1]: row for row in rows}
    for object_ in told:
        row = found.pop(str(object_["object"]), None)
        got = (row["outcome"], row["refused_lines"]) if row else ("missing", 0)
        assert got == (object_["outcome"], object_["refused_lines"]), object_["damage"]
        if row and row["outcome"] == "refused":
            assert f"{object_['object']}: {row['reason']}" in said
            assert WORDS[str(object_["damage"])] in row["reason"]
    assert {row["outcome"] for row in found.values()} == {"read"}

    head, _, rest = said.partition("Coverage    PARTIAL: ")
    reasons = rest.split("\n\n")[0].splitlines()
    assert "\nDATA: Yes" in head
    assert reasons[0].startswith("280 of 288 five-minute slots of 1 interface seen whole")
    assert reasons[1:-1] == [
        "  - 2 slots without an object: 2026-11-23 11:30 to 2026-11-23 11:35, "
        "2026-11-23 11:40 to 2026-11-23 11:45",
        "  - 5 slots with a refused object: 2026-11-23 10:00 to 2026-11-23 10:05, "
        "2026-11-23 10:10 to 2026-11-23 10:15, 2026-11-23 10:20 to 2026-11-23 10:25 and 2 more",
        "  - 1 slot with nothing recorded: 2026-11-23 11:10 to 2026-11-23 11:15",
        "  - 3 lines of its flow logs refused",
    ]
    assert reasons[-1].startswith("  - aggregation intervals, from the records: eni-")
    assert reasons[-1].endswith(": 60 s from second 0 of their cycle on, slack 6 s")
    assert "Books       balanced" in said
    assert json.loads((tmp_path / "cases/case/manifest.json").read_text())["coverage"][
        "verdict"
    ] == "PARTIAL"  # fmt: skip
