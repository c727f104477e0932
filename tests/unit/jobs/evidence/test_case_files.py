"""Alterations of a case, each by its name: what somebody who can write to the folder could do."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.evidence.case_lock import Owner
from jobs.evidence.check import Check
from jobs.evidence.check_chain import check_chain, check_signature
from jobs.evidence.check_files import check_named_files, check_tables
from jobs.evidence.manifest_file import canonical, read_manifest
from jobs.evidence.stored_case import StoredCase, read_case
from tests.support.made_case import CASE, RUNS, make_run, write_version

FLOWS = f"part-00001-{RUNS[1]}-c000.snappy.parquet"
FIRST = f"part-00000-{RUNS[0]}-c000.snappy.parquet"
LOG = "_delta_log/00000000000000000001.json"


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case of two runs."""
    folder = tmp_path / CASE
    folder.mkdir()
    make_run(folder, 0)
    make_run(folder, 1)
    return folder


def stored(case: Path) -> StoredCase:
    found = read_manifest(f"{case}/manifest.json")
    assert found is not None
    return read_case(found)


def checks(case: Path, expect_sha256: str | None = None) -> list[Check]:
    of = stored(case)
    return [
        check_chain(str(case), of, expect_sha256),
        check_tables(str(case), of, 4),
        check_named_files(str(case), of),
    ]


def problems(case: Path, expect_sha256: str | None = None) -> list[str]:
    return [problem for check in checks(case, expect_sha256) for problem in check.problems]


def rewrite_rows(case: Path) -> None:
    """Other values, as many rows, the same file name: Delta's statistics do not notice."""
    for name in ("flows", "answers"):
        pq.write_table(pa.table({"n": [8, 9]}), case / name / FLOWS)


def rewrite_rows_and_statistics(case: Path) -> None:
    """The same, with a log that fits the new file."""
    rewrite_rows(case)
    for name in ("flows", "answers"):
        log = case / name / LOG
        size = (case / name / FLOWS).stat().st_size
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        lines[1]["add"]["size"] = size
        lines[1]["add"]["modificationTime"] = 1
        log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def point_the_log_elsewhere(case: Path) -> None:
    """The manifest's file stays as it is; the log names another one."""
    pq.write_table(pa.table({"n": [8, 9]}), case / "flows/part-evil.parquet")
    log = case / "flows" / LOG
    log.write_text(log.read_text().replace(FLOWS, "part-evil.parquet"))


def plant_a_checkpoint(case: Path) -> None:
    """A reader of the version would take the table's state from it."""
    (case / "flows/_delta_log/00000000000000000001.checkpoint.parquet").write_bytes(b"PAR1")


def edit_the_rows_of_the_manifest(case: Path) -> None:
    text = json.loads((case / "manifest.json").read_bytes())
    text["tables"]["flows"]["rows"] = 3
    (case / "manifest.json").write_bytes(canonical(text))


def cut_the_chain(case: Path) -> None:
    text = json.loads((case / "manifest.json").read_bytes())
    text["previous"] = None
    (case / "manifest.json").write_bytes(canonical(text))


def edit_an_earlier_manifest(case: Path) -> None:
    path = case / "manifests" / f"{RUNS[0]}.json"
    path.write_bytes(path.read_bytes().replace(b'"max_ratio": 100', b'"max_ratio": 101'))


def swap_an_earlier_manifest(case: Path) -> None:
    """A run of another case in the place of the one before."""
    path = case / "manifests" / f"{RUNS[0]}.json"
    text = json.loads(path.read_bytes())
    text["case_id"] = "another"
    path.write_bytes(canonical(text))
    head = json.loads((case / "manifest.json").read_bytes())
    before = read_manifest(str(path))
    assert before is not None
    head["previous"]["sha256"] = before.sha256
    (case / "manifest.json").write_bytes(canonical(head))


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        pytest.param(
            rewrite_rows,
            [f"flows/{FLOWS}: its SHA-256 is ", f"answers/{FLOWS}: its SHA-256 is "],
            id="flows and answers are rewritten with as many rows",
        ),
        pytest.param(
            rewrite_rows_and_statistics,
            [f"flows/{LOG}: its SHA-256 is ", f"flows/{FLOWS}: its SHA-256 is "],
            id="the log is made to fit the rewritten file",
        ),
        pytest.param(
            lambda case: (case / "conversations" / FLOWS).unlink(),
            [f"conversations/{FLOWS}: it is missing, yet it belongs to version 1"],
            id="the only file of conversations is deleted",
        ),
        pytest.param(
            lambda case: shutil.copy(case / "flows" / FIRST, case / "flows" / FLOWS),
            [f"flows/{FLOWS}: its SHA-256 is "],
            id="a file is swapped for one of an earlier version",
        ),
        pytest.param(
            point_the_log_elsewhere,
            [
                f"flows/{LOG}: its SHA-256 is ",
                "flows/part-evil.parquet: version 1 has it, the manifest does not name it",
                f"flows/{FLOWS}: the manifest names it, version 1 does not have it",
            ],
            id="the log names another file",
        ),
        pytest.param(
            plant_a_checkpoint,
            ["flows/_delta_log/00000000000000000001.checkpoint.parquet: version 1 has it, the"],
            id="a checkpoint is planted",
        ),
        pytest.param(
            lambda case: (case / "flows" / LOG).unlink(),
            [f"flows/{LOG}: it is missing", "table flows: version 1 is gone from its log"],
            id="a Delta version is gone",
        ),
        pytest.param(
            lambda case: (case / "flows" / LOG).write_text("[" * 100_000),
            [f"flows/{LOG}: its SHA-256 is ", "table flows: its log cannot be read"],
            id="the log is no JSON that can be read",
        ),
        pytest.param(
            lambda case: write_version(case / "flows", 2, "someone", 7),
            ["table flows: version 2 is newer than 1, the manifest's, and of run someone"],
            id="another version lies on top",
        ),
        pytest.param(
            edit_the_rows_of_the_manifest,
            ["table flows: its files have 2 rows, the manifest says 3"],
            id="the manifest's own figure is edited",
        ),
        pytest.param(
            lambda case: (case / "report.html").write_bytes(b"<html>nothing found</html>"),
            ["report.html: its SHA-256 is "],
            id="the report that people open is edited",
        ),
        pytest.param(
            lambda case: (case / "reports" / f"{RUNS[1]}.html").write_bytes(b""),
            [f"reports/{RUNS[1]}.html: its SHA-256 is "],
            id="the run's copy of the report is edited",
        ),
        pytest.param(
            lambda case: (case / "report.html").unlink(),
            ["report.html: it is missing"],
            id="the report is deleted",
        ),
        pytest.param(
            lambda case: (case / "notice.json").write_bytes(b'{"subject": "nothing found"}'),
            ["notice.json: its SHA-256 is "],
            id="the notice that a message is made of is edited",
        ),
        pytest.param(
            lambda case: (case / "notices" / f"{RUNS[1]}.json").unlink(),
            [f"notices/{RUNS[1]}.json: it is missing"],
            id="the run's copy of the notice is deleted",
        ),
        pytest.param(
            cut_the_chain,
            [f"manifests/{RUNS[0]}.json: no manifest of this case names it as the one before"],
            id="the manifest follows from nothing, and there are earlier ones",
        ),
        pytest.param(
            edit_an_earlier_manifest,
            [f"manifests/{RUNS[0]}.json: its SHA-256 is "],
            id="an earlier manifest is edited",
        ),
        pytest.param(
            swap_an_earlier_manifest,
            [f"manifests/{RUNS[0]}.json: it is of another run or case"],
            id="an earlier manifest is one of another case",
        ),
        pytest.param(
            lambda case: (case / "manifests" / f"{RUNS[0]}.json").unlink(),
            [f"manifests/{RUNS[0]}.json: missing, yet the manifest of {RUNS[1]} names it"],
            id="an earlier manifest is deleted",
        ),
        pytest.param(
            lambda case: (case / "manifest.json").write_bytes(
                (case / "manifest.json").read_bytes().replace(b"  ", b" ")
            ),
            ["manifest.json: it is not spelled as the job writes it"],
            id="the manifest is spelled otherwise",
        ),
    ],
)
def test_an_alteration_is_named(
    attack: Callable[[Path], object], named: list[str], case: Path
) -> None:
    assert problems(case) == []

    attack(case)

    found = [problem.removeprefix(f"{case}/") for problem in problems(case)]
    for start in named:
        assert [problem for problem in found if problem.startswith(start)], found


def test_what_holds_is_said_with_its_size(case: Path) -> None:
    chain, tables, files = (check.holds for check in checks(case))

    assert chain == "manifests of 2 runs linked"
    octets = sum(
        (case / name / file).stat().st_size
        for name in ("flows", "objects", "quarantine", "conversations", "answers")
        for file in (FLOWS, LOG, LOG.replace("1.json", "0.json"))
    )
    assert tables.startswith(
        f"15 files of the tables are, byte for byte, what was written ({octets:,}"
    )
    assert files == "the report and the notice have their bytes"


def test_a_run_of_a_release_without_notices_is_verified_as_before(case: Path) -> None:
    text = json.loads((case / "manifest.json").read_bytes())
    del text["notice"]
    (case / "manifest.json").write_bytes(canonical(text))
    for left in (*(case / "notices").iterdir(), case / "notice.json"):
        left.unlink()

    assert problems(case) == []
    assert checks(case)[2].holds == "the report has its bytes"


def test_the_manifest_is_compared_with_what_was_kept_elsewhere(case: Path) -> None:
    first, last = (
        read_manifest(f"{case}/{name}") for name in (f"manifests/{RUNS[0]}.json", "manifest.json")
    )
    assert first is not None
    assert last is not None

    assert problems(case, last.sha256) == []
    assert checks(case, last.sha256)[0].holds.endswith(", the last as expected")
    assert problems(case, first.sha256) == [
        f"manifest.json: its SHA-256 is {last.sha256}, --expect_sha256 says {first.sha256}, which "
        f"is run {RUNS[0]}, 1 before this one"
    ]
    (said,) = problems(case, "0" * 64)
    assert said.endswith(f"--expect_sha256 says {'0' * 64}")


def test_a_later_run_that_holds_the_case_is_a_note(case: Path) -> None:
    """It is going on, or was killed: the manifest's version is still there and whole."""
    owner = Owner(RUNS[2], "host", "machine", 1, None, "2026-11-28T00:00:00+00:00", "")
    write_version(case / "flows", 2, RUNS[2], 7)
    (case / "run.lock").write_text(json.dumps(asdict(owner)))
    shutil.copy(case / "manifest.json", case / "manifests" / f"{RUNS[1]}.json")

    assert problems(case) == []
    (note,) = checks(case)[1].notes
    assert note.startswith(
        f"table flows: version 2 is newer than 1, the manifest's, and of run {RUNS[2]}"
    )


def test_a_copy_of_the_manifest_that_differs_from_it_is_named(case: Path) -> None:
    (case / "manifests" / f"{RUNS[1]}.json").write_text("{}")

    (problem,) = problems(case)

    assert problem.endswith("it differs from manifest.json, which is of the same run")


@pytest.mark.parametrize(
    "name",
    ["../flows/x.parquet", "/etc/passwd", "part-a/../../x.parquet", "s3://b/part-1.parquet",
     "part-1.parquet\n", "_delta_log/../../manifest.json", "_delta_log/1.json", ""],
)  # fmt: skip
def test_a_name_in_the_manifest_opens_no_other_file(name: str, case: Path) -> None:
    text = json.loads((case / "manifest.json").read_bytes())
    text["tables"]["flows"]["contents"][0]["name"] = name
    (case / "manifest.json").write_bytes(canonical(text))

    with pytest.raises(ValueError, match="expected a file of a Delta table"):
        stored(case)


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "../../x"}, {"run_id": None}, {"case_id": "../x"}, {"case_id": 7},
        {"tables": {"../flows": {}}}, {"tables": []}, {"tables": {}}, {"books": []}, {"books": {}},
        {"further_readings": {"../../x": {}}}, {"further_readings": []},
        {"report": {"name": "../../../etc/passwd", "sha256": "0" * 64}}, {"report": "x"},
        {"notice": {"name": "notices/../manifest.json", "sha256": "0" * 64}},
        {"finding": {"copy": "../x", "sha256": "0" * 64}},
        {"index": {"name": "*", "alias": "flows-x", "documents": 1}},
        {"index": {"name": "flows-x", "alias": "flows-x", "documents": -1}},
        {"previous": {"run_id": "../x", "sha256": "0" * 64}}, {"previous": []},
        {"inputs_sha256": "short"}, {"parameters": None}, {"parameters": {"max_ratio": "many"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_of_another_shape_is_one_sentence(change: dict[str, object], case: Path) -> None:
    text = {**json.loads((case / "manifest.json").read_bytes()), **change}
    (case / "manifest.json").write_bytes(canonical(text))

    with pytest.raises(ValueError, match=next(iter(change))):
        stored(case)


def test_a_signature_that_nobody_asked_about_is_a_note_and_a_missing_one_a_problem(
    case: Path,
) -> None:
    of = stored(case)
    assert check_signature(str(case), of, None) is None

    missing = check_signature(str(case), of, "alias/evidence")
    assert missing is not None
    assert missing.problems == [
        f"{case}/signatures/{RUNS[1]}.json: missing; expected a signature by alias/evidence"
    ]

    (case / "signatures").mkdir()
    (case / "signatures" / f"{RUNS[1]}.json").write_text("no signature")
    unreadable = check_signature(str(case), of, "alias/evidence")
    assert unreadable is not None
    assert "not readable" in unreadable.problems[0]
