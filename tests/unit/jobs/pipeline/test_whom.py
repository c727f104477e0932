"""Whom a run traces: names and ids against the labels, before Spark and all problems at once."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobs.cli.arguments import parse_arguments
from jobs.errors import BadInput, Problems
from jobs.pipeline.whom import Whom, read_whom

WEB, APP, OTHER = "i-0a1b2c3d4e5f60718", "i-0aaaaaaaaaaaaaaaa", "i-0123456789abcdef0"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def labels(tmp_path: Path) -> str:
    (tmp_path / "instances.csv").write_text(f"instance_id,name\n{WEB},web-3\n{APP},app-2\n")
    return str(tmp_path)


def whom(*words: str, window: bool = True) -> Whom:
    flags = ["--flow_logs", "logs", "--case_id", "case", "--output", "cases", *words]
    if window:
        flags += ["--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T01:00:00Z"]
    problems = Problems()
    found = read_whom(parse_arguments(flags), NOW, problems)
    problems.raise_if_any()
    return found


def refused(*words: str) -> tuple[str, ...]:
    with pytest.raises(BadInput) as bad:
        whom(*words)
    return bad.value.problems


def test_names_become_ids_and_ids_keep_their_names(labels: str) -> None:
    one = whom("--labels", labels, "--instance_id", "web-3")
    several = whom("--labels", labels, "--instance_id", f"APP-2,{WEB},web-3")

    assert (one.arguments.instance_ids, one.instance_names) == ((WEB,), {WEB: "web-3"})
    assert several.arguments.instance_ids == (WEB, APP)
    assert several.instance_names == {WEB: "web-3", APP: "app-2"}


def test_a_case_for_each_is_named_after_the_ids(labels: str) -> None:
    words = ["--labels", labels, "--one_case_each", "true", "--instance_id"]

    assert whom(*words, "web-3,app-2").arguments.case_ids == (f"case-{WEB}", f"case-{APP}")
    assert refused(*words, "web-3", "--case_id", "a-name-of-22-characters") == (
        "--case_id: found 23 characters; expected at most 21, as a dash and the instance id follow",
    )


def test_every_name_and_id_that_is_not_known_is_told_at_once(labels: str) -> None:
    listed = f"web-4,{OTHER},app-2,i-0a1b2c3d4e5f60719"

    assert refused("--labels", labels, "--instance_id", listed) == (
        "--instance_id: found 'web-4'; expected the name of an instance in the labels; the "
        f"closest: web-3 ({WEB})",
        f"--instance_id: found {OTHER}, which the labels do not know; they know 2 instances; "
        "correct it, or give its --interface_ids or --addresses too",
        "--instance_id: found i-0a1b2c3d4e5f60719, which the labels do not know; the closest: "
        f"{WEB} (web-3); correct it, or give its --interface_ids or --addresses too",
    )


@pytest.mark.parametrize(
    "words", [["--addresses", "10.0.0.7"], ["--interface_ids", "eni-0123456789abcdef0"]]
)
def test_an_unknown_id_is_taken_where_its_interface_or_address_is_given(
    labels: str, words: list[str]
) -> None:
    found = whom("--labels", labels, "--instance_id", OTHER, *words)

    assert (found.arguments.instance_ids, found.instance_names) == ((OTHER,), {})


def test_without_labels_records_decide() -> None:
    assert whom("--instance_id", OTHER).arguments.instance_ids == (OTHER,)


def test_labels_that_cannot_be_read_are_the_only_problem(labels: str) -> None:
    (Path(labels) / "vpcs.csv").write_text("vpc_id,cidrs\nvpc-a,10.0.0.1/16\n")
    (Path(labels) / "subnets.csv").write_text("name\nweb\n")

    (subnets, vpcs) = refused("--labels", labels, "--instance_id", "nobody")

    assert subnets.startswith(f"--labels {labels}/subnets.csv: found columns name; ")
    assert vpcs.startswith(f"--labels {labels}/vpcs.csv line 2: cidrs: 10.0.0.1/16")


def finding(instance_id: str, name: str | None = None) -> dict[str, object]:
    tags = [{"key": "Name", "value": name}] if name else []
    return {
        "id": "f-1", "type": "UnauthorizedAccess:EC2/SSHBruteForce",
        "resource": {
            "resourceType": "Instance",
            "instanceDetails": {"instanceId": instance_id, "networkInterfaces": [], "tags": tags},
        },
        "service": {
            "eventFirstSeen": "2026-11-23T02:10:00Z", "eventLastSeen": "2026-11-23T02:40:00Z",
            "action": {},
        },
    }  # fmt: skip


def test_a_name_chooses_one_of_the_instances_of_a_finding(labels: str, tmp_path: Path) -> None:
    path = tmp_path / "findings.json"
    path.write_text(json.dumps([finding(WEB), finding(APP)]))

    found = whom("--labels", labels, "--finding", str(path), "--instance_id", "app-2", window=False)

    assert found.arguments.instance_ids == (APP,)
    assert found.instance_names == {APP: "app-2"}


def test_a_finding_knows_an_id_and_its_name_that_labels_do_not(labels: str, tmp_path: Path) -> None:
    path = tmp_path / "finding.json"
    path.write_text(json.dumps(finding(OTHER, "gone-1")))

    found = whom("--labels", labels, "--finding", str(path), window=False)

    assert found.instance_names == {OTHER: "gone-1"}


def test_the_name_of_an_expected_peer_means_the_addresses_that_it_has_in_the_window(
    tmp_path: Path,
) -> None:
    (tmp_path / "instances.csv").write_text(f"instance_id,name\n{WEB},web-3\n{APP},db-1\n")
    (tmp_path / "interfaces.csv").write_text(
        "interface_id,instance_id,addresses,description,valid_from,valid_to\n"
        f"eni-0123456789abcdef0,{WEB},10.0.0.7,,,\n"
        f"eni-0123456789abcdef1,{APP},10.0.3.5 10.0.3.6,,,\n"
        f"eni-0123456789abcdef2,{APP},10.0.3.9,,2026-11-20T00:00:00Z,2026-11-21T00:00:00Z\n"
        "eni-0123456789abcdef3,,10.0.8.8,backup endpoint,,\n"
    )
    words = ["--labels", str(tmp_path), "--instance_id", WEB, "--expected_peers"]

    found = whom(*words, "db-1:5432,10.0.0.2,db-1:22").arguments.question_options.expected_peers

    assert [(each.text, each.port, each.addresses) for each in found] == [
        ("db-1:5432", 5432, ("10.0.3.5", "10.0.3.6")),
        ("10.0.0.2", None, ("10.0.0.2",)),
        ("db-1:22", 22, ("10.0.3.5", "10.0.3.6")),
    ]
    assert refused(*words, "db-2:5432,db-1:22,\x1b[31m:1") == (
        "--expected_peers: found 'db-2'; expected a name that the labels know in the window; the "
        "closest: db-1; or give the address",
        "--expected_peers: found '\\x1b[31m'; expected a name that the labels know in the window; "
        "or give the address",
    )
