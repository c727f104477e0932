"""Networks and delegated prefixes of the labels → which interface or network holds an address."""

import ipaddress

from transforms.label.attribution import Answer
from transforms.label.build import build_label_tables
from transforms.label.networks import network_pieces
from transforms.label.tables import LabelRow

NEW_YEAR = 1767225600
AROUND = {"vpc_id": "vpc-a", "name": "shop", "cidrs": "2001:db8:a::/56"}
SUBNET = {"subnet_id": "subnet-a", "name": "six", "vpc_id": "vpc-a", "cidrs": "2001:db8:a:1::/64"}


def interface(name: str, prefix: str, **differs: object) -> dict[str, object]:
    return {"interface_id": name, "vpc_id": "vpc-a", "instance_id": f"i-{name}",
            "addresses": prefix, **differs}  # fmt: skip


def holder(address: str, *interfaces: dict[str, object], at: int = 0) -> Answer | None:
    """What the pieces say of an address at a time, for a record of its VPC."""
    tables, problems = build_label_tables({
        "vpcs": [LabelRow("vpc", AROUND)],
        "subnets": [LabelRow("subnet", SUBNET)],
        "instances": [LabelRow("instance", {"instance_id": "i-eni-1", "name": "node-1"})],
        "interfaces": [LabelRow(f"row {n}", cells) for n, cells in enumerate(interfaces)],
    })  # fmt: skip
    assert problems == []
    number = int(ipaddress.ip_address(address))
    found = [
        dict(piece.value.here)["vpc-a"]
        for piece in network_pieces(tables)[32]
        if piece.first <= number <= piece.last
        and (piece.span.valid_from is None or piece.span.valid_from <= at)
        and (piece.span.valid_to is None or at < piece.span.valid_to)
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_an_address_of_a_delegated_prefix_is_its_interfaces() -> None:
    node = interface("eni-1", "2001:db8:a:1:5::/80")

    assert holder("2001:db8:a:1:5::1234", node) == Answer(
        name="node-1", interface_id="eni-1", instance_id="i-eni-1", vpc_id="vpc-a",
        vpc_name="shop", subnet_id="subnet-a", subnet_name="six", basis="address",
    )  # fmt: skip
    beside = holder("2001:db8:a:1:6::1", node)
    assert beside is not None
    assert (beside.interface_id, beside.subnet_id, beside.basis) == (None, "subnet-a", "cidr")


def test_a_prefix_that_goes_to_another_interface_is_its_from_then_on() -> None:
    before = interface("eni-1", "2001:db8:a:1:5::/80", valid_to="2026-01-01T00:00:00Z")
    after = interface("eni-2", "2001:db8:a:1:5::/80", valid_from="2026-01-01T00:00:00Z")

    held = [holder("2001:db8:a:1:5::1", before, after, at=NEW_YEAR + at) for at in (-1, 0)]

    assert [each.interface_id for each in held if each] == ["eni-1", "eni-2"]


def test_a_prefix_of_two_interfaces_at_one_time_is_nobodys() -> None:
    prefix = "2001:db8:a:1:5::/80"

    held = holder("2001:db8:a:1:5::1", interface("eni-1", prefix), interface("eni-2", prefix))

    assert held is not None
    assert (held.interface_id, held.basis) == (None, "ambiguous")
    assert held.candidates == ("eni-1", "eni-2")
