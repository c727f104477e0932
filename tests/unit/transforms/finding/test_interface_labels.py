"""What a finding adds to labels, on rows that can be checked by eye."""

import json
from datetime import UTC, datetime

from demo.papers import finding, iso
from demo.vpc import SUSPECT
from transforms.finding.guardduty import Finding
from transforms.finding.interface_labels import with_finding
from transforms.finding.read import read_finding
from transforms.label.build import build_label_tables
from transforms.label.tables import LabelRow

DAY = datetime(2026, 11, 23, tzinfo=UTC)
FOUND: Finding = read_finding(json.dumps(finding(DAY)).encode())


def interface(**cells: object) -> LabelRow:
    return LabelRow("interfaces.csv line 2", cells)


def test_an_interface_that_no_label_knows_is_that_of_the_finding_from_launch() -> None:
    built, problems = build_label_tables(with_finding({}, FOUND))

    assert problems == []
    (version,) = built.names[SUSPECT.interface_id]
    assert (version.vpc_id, version.subnet_id) == (SUSPECT.vpc_id, SUSPECT.subnet_id)
    assert (version.valid_from, version.valid_to) == (int(DAY.timestamp()), None)
    assert version.name == "web-3"  # the Name tag in the finding
    assert set(built.owners) == {SUSPECT.address, SUSPECT.public_address}
    assert [known.is_of_finding for known in built.interfaces] == [True]


def test_labels_of_an_interface_are_not_touched() -> None:
    tables = {"interfaces": [interface(interface_id=SUSPECT.interface_id, description="mine")]}

    assert with_finding(tables, FOUND)["interfaces"] == tables["interfaces"]
    assert with_finding(tables, None) == tables


def test_the_finding_no_longer_holds_when_its_address_is_the_next_interfaces() -> None:
    later, much_later = DAY.replace(hour=9), DAY.replace(hour=12)
    given = {"vpc_id": SUSPECT.vpc_id, "addresses": f"10.9.9.9 {SUSPECT.address}"}
    for rows, until in (
        ([interface(interface_id="eni-1", valid_from=iso(later), **given)], later),
        ([interface(interface_id="eni-1", valid_from=iso(DAY), **given)], None),  # before
        ([interface(interface_id="eni-1", valid_from=iso(later), **given),
          interface(interface_id="eni-2", valid_from=iso(much_later), **given)], later),
        ([interface(interface_id="eni-1", valid_from=iso(later),
                    **{**given, "vpc_id": "vpc-other"})], None),
    ):  # fmt: skip
        built, _ = build_label_tables(with_finding({"interfaces": rows}, FOUND))

        (version,) = built.names[SUSPECT.interface_id]
        assert version.valid_to == (until and int(until.timestamp()))
