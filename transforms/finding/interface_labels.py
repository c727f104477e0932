"""What a finding knows of its interfaces, as rows of labels where the labels have none.

A terminated instance is in no inventory, and version 2 records say no VPC: without such a row its
own records could be of any VPC that uses the same addresses.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from transforms.finding.guardduty import Finding, FindingInterface
from transforms.label.cells import items, moment_of
from transforms.label.tables import FINDING, LabelRow
from transforms.network.addresses import canonical

Tables = Mapping[str, Sequence[LabelRow]]


def with_findings(tables: Tables, findings: Sequence[Finding]) -> dict[str, list[LabelRow]]:
    """The tables with what each of several findings knows; see `with_finding`."""
    found = {table: list(rows) for table, rows in tables.items()}
    for finding in findings:
        found = with_finding(found, finding)
    return found


def with_finding(tables: Tables, finding: Finding | None) -> dict[str, list[LabelRow]]:
    """The tables with a row for each interface of the finding, and for its instance, that no row is
    about.

    The row holds from the launch, where that is before the finding, until the labels give one of
    its addresses to the next interface: AWS gives an address away as soon as it is free.
    """
    found = {table: list(rows) for table, rows in tables.items()}
    if finding is None:
        return found
    rows = found.get("interfaces", [])
    known = {str(row.cells.get("interface_id", "")).strip() for row in rows}
    added = [
        _row(interface, finding, rows)
        for interface in finding.interfaces
        if interface.interface_id and interface.interface_id not in known
    ]
    if added:
        found["interfaces"] = [*rows, *added]
    instances = found.get("instances", [])
    named = {str(row.cells.get("instance_id", "")).strip() for row in instances}
    if finding.instance_name and finding.instance_id not in named:
        cells = {"instance_id": finding.instance_id, "name": finding.instance_name}
        found["instances"] = [*instances, LabelRow(FINDING, cells)]
    return found


def _row(interface: FindingInterface, finding: Finding, rows: Sequence[LabelRow]) -> LabelRow:
    launch, seen = finding.launch_at, finding.first_seen
    since = launch if launch is not None and (seen is None or launch <= seen) else None
    cells = {
        "interface_id": interface.interface_id,
        "instance_id": finding.instance_id,
        "vpc_id": interface.vpc_id,
        "subnet_id": interface.subnet_id,
        "addresses": list(interface.addresses),
        "public_addresses": list(interface.public_addresses),
        "valid_from": since,
        "valid_to": min(_given_away(interface, finding, rows), default=None),
    }
    return LabelRow(FINDING, {name: value for name, value in cells.items() if value})


def _given_away(
    interface: FindingInterface, finding: Finding, rows: Sequence[LabelRow]
) -> Iterator[datetime]:
    """When labels give an address of the interface to another one of its VPC, after the finding."""
    for row in rows:
        since = moment_of(row.cells.get("valid_from"))
        addresses = {canonical(text) for text in items(row.cells.get("addresses"))}
        is_near = row.cells.get("vpc_id") in (None, interface.vpc_id)
        is_same = is_near and not addresses.isdisjoint(interface.addresses)
        if since and is_same and finding.last_seen and since > finding.last_seen:
            yield since
