"""The demo day: the same every time, logged as AWS would, and true to its own events."""

import csv
import gzip
import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.generate import generate
from demo.records import VERSION_2, VERSION_5
from demo.vpc import APP, DATA, INTERFACES, NAT_GATEWAY, SUSPECT

Row = dict[str, str]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day")
    generate(folder, seed=5, factor=0.02)
    return folder


@pytest.fixture(scope="module")
def rows(day: Path) -> list[Row]:
    """Every row of the day, by column, with the stamp of its object."""
    found = []
    for path in sorted(day.rglob("*.log.gz")):
        header, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        for line in lines:
            row = dict(zip(header.split(), line.split(), strict=True))
            found.append({**row, "stamp": path.name.split("_")[4]})
    return found


def test_a_seed_gives_the_same_bytes_and_another_seed_others(day: Path, tmp_path: Path) -> None:
    generate(tmp_path / "same", seed=5, factor=0.02)
    generate(tmp_path / "other", seed=6, factor=0.02)

    assert digests(tmp_path / "same") == digests(day)
    assert digests(tmp_path / "other") != digests(day)


def test_every_object_begins_with_the_header_of_its_flow_log(day: Path) -> None:
    headers = Counter(
        gzip.decompress(path.read_bytes()).decode().splitlines()[0]
        for path in day.rglob("*.log.gz")
    )

    assert headers == {VERSION_5: 288, VERSION_2: 288}


def test_every_record_ends_in_the_five_minutes_of_its_object(rows: list[Row]) -> None:
    slots = {
        datetime.fromtimestamp(int(row["end"]) // 300 * 300, UTC).strftime("%Y%m%dT%H%MZ")
        == row["stamp"]
        for row in rows
    }

    assert slots == {True}


def test_a_flow_between_two_interfaces_is_logged_at_both(rows: list[Row]) -> None:
    """Each direction of an accepted flow once at each end; what was rejected once at either."""
    inside = {machine.address: machine for machine in INTERFACES if machine.vpc == "shop"}
    views: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in rows:
        ends = row["srcaddr"], row["dstaddr"]
        if row["version"] == "5" and all(end in inside for end in ends):
            if NAT_GATEWAY.interface_id == row["interface-id"] and row["dstport"] != "22":
                continue  # the legs of the gateway are rows of their own
            flow = (*ends, row["srcport"], row["dstport"], row["start"])
            views.setdefault(flow, []).append((row["interface-id"], row["action"]))
    of_gateway = NAT_GATEWAY.address

    for (source, target, *_), seen in views.items():
        if of_gateway in (source, target):
            continue
        where = {interface for interface, _ in seen}
        assert where == {inside[source].interface_id, inside[target].interface_id}
        assert len(seen) == 2


def test_a_rejected_attempt_is_accepted_at_the_source_and_rejected_at_the_target(
    rows: list[Row],
) -> None:
    tries = [
        (row["interface-id"], row["flow-direction"], row["action"])
        for row in rows
        if row["srcaddr"] == SUSPECT.address and row["dstport"] == "5432"
        and row["dstaddr"] == DATA[0].address
    ]  # fmt: skip

    assert Counter(tries) == {
        (SUSPECT.interface_id, "egress", "ACCEPT"): 12,
        (DATA[0].interface_id, "ingress", "REJECT"): 12,
    }


def test_a_nat_gateway_shows_the_remote_only_as_the_packet_address(rows: list[Row]) -> None:
    legs = [
        row
        for row in rows
        if row["interface-id"] == NAT_GATEWAY.interface_id
        and row["dstaddr"] == NAT_GATEWAY.address
        and row["flow-direction"] == "ingress"
        and row["srcaddr"].startswith("10.20.")
        and row["dstport"] == "443"
    ]

    assert legs
    assert {row["pkt-dstaddr"] for row in legs} == {"151.101.130.132"}


def test_the_truth_counts_the_records_of_the_suspect(day: Path, rows: list[Row]) -> None:
    truth = json.loads((day / "truth.json").read_text())
    of_suspect = [
        row
        for row in rows
        if row["interface-id"] == SUSPECT.interface_id
        or (row["version"] == "5" and SUSPECT.address in (row["srcaddr"], row["dstaddr"]))
    ]

    assert truth["subject"]["records"] == len(of_suspect)
    assert truth["lines"] == len(rows) + 576
    assert truth["nodata"] == sum(row["log-status"] == "NODATA" for row in rows)
    assert truth["skipdata"] == sum(row["log-status"] == "SKIPDATA" for row in rows) == 3


def test_the_attack_has_its_acts_in_order(day: Path) -> None:
    stories = json.loads((day / "truth.json").read_text())["stories"]
    acts = [
        "brute force", "gets in", "sweep", "hop to an app server", "database refused",
        "hop to a build server", "upload",
    ]  # fmt: skip

    assert sorted(stories, key=lambda act: stories[act]["from"]) == acts
    assert stories["hop to an app server"]["target"] == APP[1].instance
    assert stories["database refused"]["attempts"] == 12


def test_more_factor_is_more_ordinary_traffic_and_the_same_attack(
    day: Path, tmp_path: Path
) -> None:
    small = json.loads((day / "truth.json").read_text())
    large = generate(tmp_path, seed=5, factor=0.1)

    assert large.lines > small["lines"] + 5_000
    assert {name: story.attempts for name, story in large.stories.items()} == {
        name: story["attempts"] for name, story in small["stories"].items()
    }


def test_the_finding_and_the_labels_speak_of_the_same_instance(day: Path) -> None:
    finding = json.loads((day / "finding.json").read_text())
    details = finding["detail"]["resource"]["instanceDetails"]
    with (day / "labels/interfaces.csv").open(newline="") as file:
        owned = [row for row in csv.DictReader(file) if row["instance_id"] == details["instanceId"]]

    assert finding["source"] == "aws.guardduty"
    assert [row["interface_id"] for row in owned] == [
        interface["networkInterfaceId"] for interface in details["networkInterfaces"]
    ]
