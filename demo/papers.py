"""What lies beside the flow logs of the demo day: a label snapshot and a GuardDuty finding."""

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

from demo.events import ATTACKER
from demo.vpc import ACCOUNT_ID, CIDR, INTERFACES, REGION, SUBNETS, SUSPECT, made_up_id


def write_labels(folder: Path) -> None:
    """Four CSV files, as an inventory of the VPCs would give them."""
    folder.mkdir(parents=True, exist_ok=True)
    vpcs = sorted({interface.vpc for interface in INTERFACES})
    _write_csv(
        folder / "vpcs.csv",
        [{"vpc_id": made_up_id("vpc", vpc), "name": vpc, "cidrs": CIDR} for vpc in vpcs],
    )
    _write_csv(
        folder / "subnets.csv",
        [
            {
                "subnet_id": made_up_id("subnet", f"{vpc}/{subnet}"),
                "name": f"{vpc}-{subnet}",
                "vpc_id": made_up_id("vpc", vpc),
                "cidrs": f"10.20.{number}.0/24",
            }
            for vpc in vpcs
            for subnet, number in SUBNETS.items()
        ],
    )
    _write_csv(
        folder / "instances.csv",
        [
            {"instance_id": interface.instance_id, "name": interface.instance}
            for interface in INTERFACES
            if interface.instance
        ],
    )
    _write_csv(
        folder / "interfaces.csv",
        [
            {
                "interface_id": interface.interface_id,
                "description": interface.description,
                "interface_type": interface.interface_type,
                "instance_id": interface.instance_id or "",
                "subnet_id": interface.subnet_id,
                "vpc_id": interface.vpc_id,
                "addresses": interface.address,
                "public_addresses": interface.public_address or "",
            }
            for interface in INTERFACES
        ],
    )


def _write_csv(path: Path, rows: list[dict[str, str | None]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(path: Path, value: object) -> None:
    """The same value gives the same bytes."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def finding(day: datetime) -> dict[str, object]:
    """The finding as EventBridge delivers it (AWS, "EventBridge event format for findings")."""
    interface = {
        "networkInterfaceId": SUSPECT.interface_id,
        "privateIpAddress": SUSPECT.address,
        "privateIpAddresses": [{"privateIpAddress": SUSPECT.address}],
        "ipv6Addresses": [],
        "publicIp": SUSPECT.public_address,
        "subnetId": SUSPECT.subnet_id,
        "vpcId": SUSPECT.vpc_id,
        "securityGroups": [{"groupId": made_up_id("sg", "web"), "groupName": "web"}],
    }
    seen = {"first": day + timedelta(hours=2, minutes=10)}
    seen["last"] = day + timedelta(hours=2, minutes=40)
    action = {
        "actionType": "NETWORK_CONNECTION",
        "networkConnectionAction": {
            "connectionDirection": "INBOUND",
            "protocol": "TCP",
            "blocked": False,
            "localPortDetails": {"port": 22, "portName": "SSH"},
            "localIpDetails": {"ipAddressV4": SUSPECT.address},
            "remoteIpDetails": {"ipAddressV4": ATTACKER},
            "remotePortDetails": {"port": 32769, "portName": "Unknown"},
        },
    }
    return {
        "version": "0",
        "id": "c8c4daa7-a20c-2f03-0070-b7393dd542ad",
        "detail-type": "GuardDuty Finding",
        "source": "aws.guardduty",
        "account": ACCOUNT_ID,
        "time": iso(seen["last"] + timedelta(minutes=5)),
        "region": REGION,
        "resources": [],
        "detail": {
            "schemaVersion": "2.0",
            "accountId": ACCOUNT_ID,
            "region": REGION,
            "id": "16afba5c5c43e07c9e3e5e2e544e95df",
            "type": "UnauthorizedAccess:EC2/SSHBruteForce",
            "severity": 5,
            "resource": {
                "resourceType": "Instance",
                "instanceDetails": {
                    "instanceId": SUSPECT.instance_id,
                    "launchTime": iso(day),
                    "instanceState": "running",
                    "tags": [{"key": "Name", "value": SUSPECT.instance}],
                    "networkInterfaces": [interface],
                },
            },
            "service": {
                "serviceName": "guardduty",
                "resourceRole": "TARGET",
                "action": action,
                "eventFirstSeen": iso(seen["first"]),
                "eventLastSeen": iso(seen["last"]),
                "archived": False,
                "count": 1,
            },
        },
    }


def iso(moment: datetime) -> str:
    """A UTC time as AWS writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
