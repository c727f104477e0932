"""A case for each instance of a finding: what each of them knows before anything is read."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.cli.arguments import parse_arguments
from jobs.errors import BadInput
from jobs.pipeline.case import Case
from jobs.pipeline.prepare import prepare
from jobs.pipeline.watch_list import cases_of
from tests.unit.transforms.finding.test_guardduty import sequence

IDS = [f"i-{number:017x}" for number in range(25)]
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def prepared(folder: Path, *words: str) -> Case:
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    (logs / "111122223333_vpcflowlogs_eu-west-1_fl-0a_20261123T0200Z_0a.log.gz").touch()
    (folder / "finding.json").write_text(json.dumps(sequence(*IDS)))
    flags = [
        "--flow_logs", str(logs), "--output", str(folder / "out"), "--case_id", "list",
        "--finding", str(folder / "finding.json"), "--dry_run", "true", *words,
    ]  # fmt: skip
    return prepare(parse_arguments(flags), NOW)


def test_an_attack_sequence_gives_a_case_for_each_of_its_25_instances(tmp_path: Path) -> None:
    case = prepared(tmp_path, "--one_case_each", "true")

    cases = cases_of(case)

    assert [each.arguments.case_id for each in cases] == [f"list-{id_}" for id_ in IDS]
    for number, each in enumerate(cases):
        assert each.subject.instance_ids == (IDS[number],)
        assert each.subject.addresses == (f"10.20.1.{number}",)
        assert each.finding is not None
        assert each.finding.finding.instance_id == IDS[number]
    # every label table knows the interfaces of all, so that each is named in the others' cases
    assert {i.version.instance_id for i in case.labels.interfaces} == set(IDS)
    window = case.arguments.window
    assert (window.from_at, window.to_at) == (
        datetime(2026, 11, 22, 2, 10, tzinfo=UTC), datetime(2026, 11, 24, 6, 30, tzinfo=UTC),
    )  # fmt: skip


def test_some_of_the_instances_may_be_chosen(tmp_path: Path) -> None:
    chosen = f"{IDS[7]},{IDS[3]}"

    cases = cases_of(prepared(tmp_path, "--one_case_each", "true", "--instance_id", chosen))

    assert [each.subject.instance_ids for each in cases] == [(IDS[7],), (IDS[3],)]


def test_without_a_case_each_one_of_several_must_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="or trace each of them with --one_case_each true"):
        prepared(tmp_path)
