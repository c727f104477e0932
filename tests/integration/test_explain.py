"""A number of the report is followed to lines of objects; what is not true is named."""

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs import explain_case
from jobs.evidence.file_digests import FileDigest, digest_of
from tests.support.cases import TracedCase
from tests.support.services import DemoDay
from transforms.questions.catalogue import QUESTIONS

RECORD = re.compile(
    r"^  \S+ \S+  (?P<src>\S+):(?P<sport>\d+) > (?P<dst>\S+):(?P<dport>\d+) "
    r"protocol (?P<protocol>\d+), (?P<packets>[\d,]+) packets, (?P<bytes>[\d,]+) bytes, "
    r"(?P<action>\w+); (?P<uri>\S+) line (?P<line>\d+)$",
    re.MULTILINE,
)
PORTS = ("srcport", "dstport")


@pytest.mark.parametrize("number", [question.id for question in QUESTIONS])
def test_every_number_of_the_demo_is_confirmed(
    number: str, traced_day: TracedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain_case.main(["--case", str(traced_day.folder), "--number", number]) == 0

    said = capsys.readouterr().out
    assert "Confirmed: the tables give the figures" in said
    assert " BAD " not in said


def test_what_left_is_followed_to_lines_of_the_objects(
    traced_day: TracedCase, demo_day: DemoDay, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--case", str(traced_day.folder), "--number", "outside_addresses", "--limit", "1000"]
    assert explain_case.main(words) == 0

    said = capsys.readouterr().out
    drop = demo_day.truth["drop_site"]
    records = [found.groupdict() for found in RECORD.finditer(said)]
    assert f"Their records: {len(records):,} flow records in " in said
    assert records
    sent = 0
    for record in records:
        assert drop in (record["src"], record["dst"])
        lines = (
            gzip.decompress(Path(record["uri"].removeprefix("file:")).read_bytes())
            .decode()
            .splitlines()
        )
        header, line = lines[0].split(), lines[int(record["line"]) - 1].split()
        written = dict(zip(header, line, strict=True))
        for name, value in (
            ("srcaddr", record["src"]), ("dstaddr", record["dst"]), ("srcport", record["sport"]),
            ("dstport", record["dport"]), ("protocol", record["protocol"]),
            ("packets", record["packets"].replace(",", "")),
            ("bytes", record["bytes"].replace(",", "")), ("action", record["action"]),
        ):  # fmt: skip
            assert written[name] == value, record
        sent += int(written["bytes"]) if record["dst"] == drop else 0
    (figure,) = re.findall(r"ok  bytes_out = ([\d,]+)", said)
    assert int(figure.replace(",", "")) == sent


def test_a_question_that_was_not_asked_has_nothing_behind_it(
    traced_day: TracedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain_case.main(["--case", str(traced_day.folder), "--number", "P0-10"]) == 0

    assert "Behind it: 0 conversations" in capsys.readouterr().out


def test_an_unknown_number_is_answered_with_those_that_there_are(
    traced_day: TracedCase, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain_case.main(["--case", str(traced_day.folder), "--number", "P9-1"]) == 2

    assert "expected one of P0-1, P0-2, " in capsys.readouterr().err


Change = Callable[[list[dict[str, Any]]], None]


def rewrite(case: Path, table: str, change: Change) -> None:
    """Rewrite a table and the manifest's digests of it, as whoever can write to the bucket may."""
    manifest = json.loads((case / "manifest.json").read_text())
    described = manifest["tables"][table]
    (entry,) = [each for each in described["contents"] if each["name"].endswith(".parquet")]
    file = case / table / entry["name"]
    stored = pq.read_table(file, coerce_int96_timestamp_unit="us")
    rows = stored.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=stored.schema), file)
    data = file.read_bytes()
    entry |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    contents = [
        FileDigest(each["name"], each["bytes"], each["sha256"]) for each in described["contents"]
    ]
    described["sha256"] = digest_of(contents)
    (case / "manifest.json").write_text(json.dumps(manifest))


def set_volume(rows: list[dict[str, Any]]) -> None:
    rows[0]["bytes_out"] += 1


def set_time(rows: list[dict[str, Any]]) -> None:
    rows[0]["first_at"] = rows[0]["first_at"].replace(year=2020)


def set_records(rows: list[dict[str, Any]]) -> None:
    rows[0]["records"] += 1


def set_figure(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["figures"] = [(name, value + 1) for name, value in row["figures"]]


def plant_sql(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["source"] = "SELECT count(*) AS hours, 0 AS conversations FROM read_text('/etc/passwd')"


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("conversations", set_volume, "its volume is not the sum of its records"),
        ("conversations", set_records, "records, its flows are "),
        ("conversations", set_time, "its time is not that of its records"),
        ("answers", set_figure, "figure hours: the case says "),
        ("answers", plant_sql, "the statement of P2-19 is not the one that this version makes"),
    ],
)
def test_what_does_not_follow_is_named_though_every_digest_is_right(
    table: str, change: Change, said: str, traced_sample: TracedCase, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    case = tmp_path / traced_sample.case_id
    shutil.copytree(traced_sample.folder, case)
    words = ["--case", str(case), "--number", "hours"]
    assert explain_case.main(words) == 0
    capsys.readouterr()

    rewrite(case, table, change)

    assert explain_case.main(words) == 4
    assert said in " ".join("".join(capsys.readouterr()).split())
