"""Equals are told by what machines share; an address leads to its owner at a time."""

import pytest

from transforms.label.tables import Interface, LabelTables, Version
from transforms.subject.identity import Part, subject_of
from transforms.subject.machines import Fleet, stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web-3", "web"), ("web3", "web"), ("Web-03", "web"), ("web-3a", "web"),
        ("web-0a1f", "web"), ("bastion", "bastion"), ("db.12", "db"), ("7", "7"),
        ("face", "face"),
    ],
)  # fmt: skip
def test_the_stem_is_what_machines_of_one_fleet_share(name: str, expected: str) -> None:
    assert stem(name) == expected


def machine(
    name: str, address: str, *, subnet: str = "subnet-a", vpc: str = "vpc-1",
    since: int | None = None, until: int | None = None,
) -> Interface:  # fmt: skip
    number = address.replace(".", "")
    version = Version(since, until, name, vpc, subnet, f"i-{number}")
    return Interface(version, f"eni-{number}", (address,))


def fleet(*interfaces: Interface) -> tuple[Fleet, LabelTables]:
    labels = LabelTables()
    labels.interfaces = list(interfaces)
    return Fleet(labels, (1_000, 2_000)), labels


def equals(*others: Interface) -> list[str]:
    own = machine("web-1", "10.0.0.1")
    found, labels = fleet(own, *others)
    part = Part(own.interface_id, "10.0.0.1", None, None, "labels")
    return [each.key for each in found.equals_of(subject_of((), ["vpc-1"], [part], labels), 2)]


def test_the_same_subnet_and_stem_come_before_the_same_vpc_and_stem() -> None:
    near = machine("web-2", "10.0.0.2")
    far = machine("web-3", "10.0.1.3", subnet="subnet-b")
    other = machine("db-1", "10.0.0.4")
    foreign = machine("web-9", "10.0.0.9", subnet="subnet-z", vpc="vpc-2")

    assert equals(near, far, other, foreign) == ["10.0.0.2"]
    assert equals(far, other, foreign) == ["10.0.1.3"]
    assert equals(other, foreign) == []


def test_there_are_no_more_than_asked_for_and_only_those_of_the_time() -> None:
    gone = machine("web-2", "10.0.0.2", until=1_000)
    later = [machine(f"web-{n}", f"10.0.0.{n}") for n in (3, 4, 5)]

    assert equals(gone, *later) == ["10.0.0.3", "10.0.0.4"]


def test_an_address_leads_to_all_that_its_owner_has_at_that_time() -> None:
    before = machine("old", "10.0.0.2", until=1_500)
    after = machine("new", "10.0.0.2", since=1_500)
    found, _ = fleet(before, after._replace(interface_id="eni-other"))

    assert found.machine_at("10.0.0.2", 1_499, ["vpc-1"]).subject.interface_ids == ("eni-10002",)
    stranger = found.machine_at("10.9.9.9", 1_499, ["vpc-1"]).subject
    assert (stranger.interface_ids, stranger.addresses) == ((), ("10.9.9.9",))
