"""The command: what it writes of a case with real files, and which cases it refuses."""

import csv
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs import export_case
from jobs.evidence.case_lock import Owner
from jobs.evidence.manifest_file import canonical
from tests.support.export_checks import check_finding, check_layer, check_timeline, valid_bundle
from tests.support.export_rows import CAME_IN, CONVERSATION_ROWS, PATH_ROWS, PEERS_ROWS, WENT_TO
from tests.support.exportable_case import findings, table_of, tables
from tests.support.made_case import CASE, RUNS, make_run, write_version
from transforms.schemas import PEERS
from transforms.standing.path import PATH

ALL = "timesketch,csv,stix,ocsf,navigator"
HOSTILE = "=cmd|' /C calc'!A1\x1b[31m\u202egnp.exe\n<script>alert(1)</script>\";-1+1"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "cases" / CASE
    folder.mkdir(parents=True)
    make_run(folder, 0, tables(), **findings())
    return folder


def export(
    case: Path, capsys: pytest.CaptureFixture[str], formats: str = ALL
) -> tuple[int, str, dict[str, bytes]]:
    """The exit code, what was printed, and the files by the end of their names."""
    output = case.parents[1] / "exports"
    capsys.readouterr()
    code = export_case.main(["--case", str(case), "--format", formats, "--output", str(output)])
    printed = capsys.readouterr()
    start = f"{CASE}-{RUNS[0]}."
    files = {path.name.removeprefix(start): path.read_bytes() for path in output.glob("*")}
    return code, printed.out + printed.err, files


def test_every_format_is_written_named_and_valid(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, files = export(case, capsys)

    assert (code, sorted(files)) == (0, [
        "conversations.csv", "indicators.csv", "navigator.json", "ocsf.json", "path.csv",
        "peers.csv", "stix.json", "timesketch.jsonl",
    ])  # fmt: skip
    manifest = hashlib.sha256((case / "manifest.json").read_bytes()).hexdigest()
    assert printed.startswith(f"Case {CASE}, run {RUNS[0]}, manifest SHA-256 {manifest}\n")
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        assert f".{name}  {len(data):,} bytes, SHA-256 {digest}\n" in printed
        assert all(text in data.decode() for text in (CASE, RUNS[0], manifest)), name
    events = [json.loads(line) for line in files["timesketch.jsonl"].splitlines()]
    check_timeline(events)
    assert [(event["datetime"], event["message"]) for event in events[1:3]] == [
        ("2026-11-23T03:39:52+00:00", "At most 2.4 GB went out."),
        ("2026-11-23T03:16:00+00:00", "web-3 reached app-2 at tcp 22: DATA (suspicious)"),
    ]
    check_finding(json.loads(files["ocsf.json"]))
    check_layer(json.loads(files["navigator.json"]))
    assert [each["pattern"] for each in valid_bundle(files["stix.json"].decode())
            if each["type"] == "indicator"] == [
        f"[ipv4-addr:value = '{CAME_IN}']", f"[ipv4-addr:value = '{WENT_TO}']",
    ]  # fmt: skip


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in texts_in(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in texts_in(inner))


def test_hostile_names_are_harmless_in_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"peer_name": HOSTILE, "peer_subnet_name": HOSTILE, "reasons": [HOSTILE]}
    peers = tuple({**row, **names} for row in PEERS_ROWS)
    talks = tuple({**row, "peer_name": HOSTILE} for row in CONVERSATION_ROWS)
    path = tuple({**row, "from_name": HOSTILE, "to_name": HOSTILE} for row in PATH_ROWS)
    changed = findings(HOSTILE, HOSTILE)
    changed["finding"] = {"ids": [HOSTILE], "types": [HOSTILE], "copy": "finding.json",
                          "sha256": "0" * 64}  # fmt: skip
    folder = tmp_path / "cases" / CASE
    folder.mkdir(parents=True)
    make_run(folder, 0, tables(path, peers, talks), **changed)

    code, printed, files = export(folder, capsys)

    assert code == 0, printed
    lines = files["timesketch.jsonl"].splitlines()
    bundle = files["stix.json"].decode()
    documents = [json.loads(text) for text in (*lines, files["ocsf.json"], files["navigator.json"])]
    shown = [text for each in (*documents, json.loads(bundle)) for text in texts_in(each)]
    assert any("<script>" in text for text in shown)
    assert [text for text in shown if not text.replace("\n", "").isprintable()] == []
    assert not any("\u202e" in text or "\x1b" in text for text in shown)
    valid_bundle(bundle)
    check_finding(json.loads(files["ocsf.json"]))
    check_layer(json.loads(files["navigator.json"]))
    cells = [
        cell
        for name, data in files.items()
        if name.endswith(".csv")
        for row in csv.reader(io.StringIO(data.decode(), newline=""))
        for cell in row
    ]
    assert any("calc" in cell for cell in cells)
    assert not [cell for cell in cells if re.match(r"[=+@\t\r-](?!\d+$)", cell)]
    # A spreadsheet that takes the semicolon for the separator finds no formula, either.
    parts = [part.strip(' "') for cell in cells for part in cell.split(";")]
    assert not [part for part in parts if re.match(r"[=+@-](?!\d+$)", part)]


def test_only_what_the_run_wrote_is_exported(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, before = export(case, capsys)
    later = table_of(PATH, (), RUNS[1])
    write_version(case / "path", 1, RUNS[1], rows=later)

    code, _, files = export(case, capsys)

    assert (code, files) == (0, before)


def alter_a_byte(case: Path) -> None:
    (file,) = (case / "peers").glob("*.parquet")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def remove_a_file(case: Path) -> None:
    (file,) = (case / "peers").glob("*.parquet")
    file.unlink()


def rewrite(case: Path, **changed: object) -> None:
    """The manifest with other content, by somebody who knows how it is spelled."""
    content = json.loads((case / "manifest.json").read_text())
    (case / "manifest.json").write_bytes(canonical({**content, **changed}))


def hold(case: Path) -> None:
    now = "2026-11-28T01:00:00+00:00"
    owner = Owner(RUNS[1], "host", "machine", 1, None, started_at=now, seen_at=now)
    (case / "run.lock").write_text(json.dumps(asdict(owner)))


def unbalance(case: Path) -> None:
    content = json.loads((case / "manifest.json").read_text())
    rewrite(case, books={**content["books"], "lines": 1})


def forget_a_file(case: Path) -> None:
    content = json.loads((case / "manifest.json").read_text())
    content["tables"]["peers"]["contents"] = content["tables"]["peers"]["contents"][:-1]
    rewrite(case, tables=content["tables"])


def drop_the_table(case: Path) -> None:
    content = json.loads((case / "manifest.json").read_text())
    del content["tables"]["peers"]
    rewrite(case, tables=content["tables"])


def act(**changed: object) -> dict[str, Any]:
    story: dict[str, Any] = findings()["story"]
    return {**story, "acts": [{**story["acts"][0], **changed}]}


@pytest.mark.parametrize(
    ("alter", "code", "sentence"),
    [
        pytest.param(alter_a_byte, 4, "its SHA-256 is ", id="a byte of a table"),
        pytest.param(remove_a_file, 4, ".parquet: found nothing there", id="a file is gone"),
        pytest.param(forget_a_file, 4, "list of its files is not the one of its digest",
                     id="a manifest that leaves a file out"),
        pytest.param(unbalance, 4, "do not balance", id="books that do not balance"),
        pytest.param(drop_the_table, 2, "found no table peers", id="nothing derived"),
        pytest.param(hold, 6, f"found a run.lock: run {RUNS[1]} holds it", id="a run holds it"),
        pytest.param(lambda case: (case / "run.lock").write_text("{"), 6, "somebody holds it",
                     id="a lock that nobody can read"),
        pytest.param(lambda case: rewrite(case, verdict=None, story=None), 2,
                     "story: expected an object; verdict: expected an object",
                     id="no investigation"),
        pytest.param(lambda case: rewrite(case, verdict={"step": "FINE", "sentence": ""}), 2,
                     "'FINE' is not a valid Step", id="an odd verdict"),
        pytest.param(lambda case: rewrite(case, story=act(technique="T1\x1b[31m")), 2,
                     "act.technique: found 'T1\\x1b[31m'", id="an odd technique"),
        pytest.param(lambda case: rewrite(case, story=act(address="1.2.3.4' OR '1'='1")), 2,
                     "expected an address", id="an odd address"),
        pytest.param(lambda case: rewrite(case, story=act(at="soon")), 2, "'soon'",
                     id="an odd time"),
        pytest.param(lambda case: rewrite(case, subject={"instance_ids": ["../x"]}), 2,
                     "expected ids of instances", id="an odd instance"),
        pytest.param(lambda case: (case / "manifest.json").unlink(), 2, "found no manifest.json",
                     id="no complete run"),
    ],
)  # fmt: skip
def test_a_case_that_is_not_whole_is_refused(
    alter: Callable[[Path], object],
    code: int,
    sentence: str,
    case: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alter(case)

    found, printed, files = export(case, capsys, "stix")

    assert (found, files) == (code, {}), printed
    assert sentence in printed.splitlines()[-1]
    assert printed.isprintable() or "\x1b" not in printed


@pytest.mark.parametrize(
    ("peers", "sentence"),
    [
        pytest.param(table_of(PEERS, PEERS_ROWS, RUNS[1]), "it has rows of another run",
                     id="rows of another run"),
        pytest.param(table_of(PEERS, ({**PEERS_ROWS[0], "peer": "a' OR 'a'='a"},)),
                     "in peer, no address", id="a peer that is no address"),
        pytest.param(pa.table({"n": [1]}), "its files have no column ", id="other columns"),
    ],
)  # fmt: skip
def test_rows_that_no_run_writes_are_refused(
    peers: pa.Table, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cases" / CASE
    folder.mkdir(parents=True)
    make_run(folder, 0, {**tables(), "peers": peers}, **findings())

    code, printed, files = export(folder, capsys, "csv")

    assert code == 4
    assert sentence in printed.splitlines()[-1]
    assert set(files) == {"path.csv"}


def test_a_file_that_cannot_be_finished_is_not_there(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alter_a_byte(case)

    code, _, files = export(case, capsys, "timesketch")

    assert (code, files) == (4, {})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--format", "xlsx"], "expected one or several of timesketch, csv, stix, ocsf, navigator"),
        (["--format", ","], "expected one or several of"),
        (["--format", "csv", "--output", "CASE/exports"], "which is inside the case"),
        (["--format", "csv", "--output", "CASE"], "which is inside the case"),
        (["--format", "csv", "--output", "file://CASE/../LINK/x"], "which is inside the case"),
    ],
)
def test_wrong_flags_are_a_sentence(
    words: list[str], sentence: str, case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case.parent / "LINK").symlink_to(case)

    code = export_case.main(
        ["--case", str(case), *(word.replace("CASE", str(case)) for word in words)]
    )

    assert code == 2
    assert sentence in capsys.readouterr().err


def test_without_its_library_only_stix_is_refused_before_anything_is_written(
    case: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "stix2", None)
    monkeypatch.delitem(sys.modules, "transforms.exports.stix_bundle", raising=False)

    code, printed, files = export(case, capsys, "csv,stix")

    assert (code, files) == (2, {})
    assert "--format stix: found no package stix2; " in printed
    assert export(case, capsys, "csv,ocsf,timesketch,navigator")[0] == 0


def test_a_case_on_s3_is_exported_to_s3(
    case: Path, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import boto3

    s3 = boto3.client("s3")
    for path in (each for each in case.rglob("*") if each.is_file()):
        s3.upload_file(str(path), bucket, f"cases/{CASE}/{path.relative_to(case)}")
    _, _, expected = export(case, capsys, "csv")

    where = ["--case", f"s3://{bucket}/cases/{CASE}", "--output", f"s3://{bucket}/out"]
    assert export_case.main([*where, "--format", "csv"]) == 0

    for name, data in expected.items():
        found = s3.get_object(Bucket=bucket, Key=f"out/{CASE}-{RUNS[0]}.{name}")
        assert found["Body"].read() == data
