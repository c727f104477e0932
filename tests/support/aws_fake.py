"""A small HTTP stand-in for what moto lacks: pages, refusals, AWS Config's history."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import ClassVar
from urllib.parse import parse_qs

from tests.support.http_server import served

_XML = '<{0}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{1}</{0}Response>'
_REFUSED = (
    "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error>"
    "</Errors></Response>"
)
INTERFACES = [
    f"""<item><networkInterfaceId>eni-{n}</networkInterfaceId><vpcId>vpc-1</vpcId>
    <subnetId>subnet-1</subnetId><description>number {n}</description>
    <privateIpAddressesSet><item><privateIpAddress>10.0.0.{n}</privateIpAddress></item>
    </privateIpAddressesSet></item>"""
    for n in (1, 2, 3)
]
_GONE = {
    "networkInterfaceId": "eni-gone",
    "description": "the one that left",
    "vpcId": "vpc-1",
    "attachment": {"instanceId": "i-gone"},
    "privateIpAddresses": [
        {"privateIpAddress": "10.0.0.9", "association": {"publicIp": "203.0.113.9"}},
        {"privateIpAddress": "10.0.0.10", "association": None},
    ],
    "tagSet": [{"key": "Name", "value": "left"}],
}


def _item(at: int, status: str, configuration: object) -> dict[str, object]:
    return {
        "configurationItemCaptureTime": at,
        "configurationItemStatus": status,
        "configuration": json.dumps(configuration),
    }


HISTORY = [
    [_item(1000, "ResourceDiscovered", _GONE), _item(1500, "OK", _GONE)],
    [
        _item(2000, "OK", {**_GONE, "description": "renamed"}),
        _item(3000, "ResourceDeleted", None),
    ],
]


def _resource(account: str, region: str, configuration: object) -> str:
    return json.dumps({"accountId": account, "awsRegion": region, "configuration": configuration})


# AWS Config, SelectAggregateResourceConfig: results by resource type, in two pages for interfaces.
AGGREGATED = {
    "AWS::EC2::NetworkInterface": [
        _resource("444455556666", "eu-west-1", {
            "networkInterfaceId": "eni-00000001", "vpcId": "vpc-00000001",
            "subnetId": "subnet-00000001", "tagSet": [{"key": "Name", "value": "db"}],
            "privateIpAddresses": [{"privateIpAddress": "10.1.0.5"}],
        }),
        _resource("777788889999", "eu-central-1", {
            "networkInterfaceId": "eni-00000002",
            "privateIpAddresses": [{"privateIpAddress": "10.2.0.5"}],
        }),
    ],
    "AWS::EC2::Instance": [
        _resource("444455556666", "eu-west-1", {
            "instanceId": "i-00000001", "tags": [{"key": "Name", "value": "db-1"}],
        }),
    ],
    "AWS::EC2::Subnet": [
        _resource("444455556666", "eu-west-1", {
            "subnetId": "subnet-00000001", "vpcId": "vpc-00000001", "cidrBlock": "10.1.0.0/24",
            "tags": [{"key": "Name", "value": "db-a"}],
        }),
    ],
    "AWS::EC2::VPC": [
        _resource("444455556666", "eu-west-1", {
            "vpcId": "vpc-00000001", "cidrBlock": "10.1.0.0/16", "tags": [],
        }),
    ],
}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    throttled: ClassVar[list[str]] = []  # actions that were answered 503 once

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        status, text = self._config(target, json.loads(body)) if target else self._ec2(body)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _ec2(self, body: str) -> tuple[int, str]:
        asked = {name: value[0] for name, value in parse_qs(body).items()}
        action = asked["Action"]
        if action == "DescribeNetworkInterfaces":
            if action not in self.throttled:
                self.throttled.append(action)
                return 503, _REFUSED.replace("UnauthorizedOperation", "RequestLimitExceeded")
            start = int(asked.get("NextToken", 0))
            following = f"<nextToken>{start + 2}</nextToken>" if start + 2 < 3 else ""
            items = "".join(INTERFACES[start : start + 2])
            answer = f"<networkInterfaceSet>{items}</networkInterfaceSet>{following}"
            return 200, _XML.format(action, answer)
        return 403, _REFUSED

    def _config(self, target: str, asked: dict[str, str]) -> tuple[int, str]:
        if target == "ListDiscoveredResources":
            found = [
                {"resourceId": "eni-1"},
                {"resourceId": "eni-gone", "resourceDeletionTime": 3000},
            ]
            is_interface = asked["resourceType"].endswith("NetworkInterface")
            return 200, json.dumps({"resourceIdentifiers": found if is_interface else []})
        if target == "SelectAggregateResourceConfig":
            return 200, json.dumps(self._aggregated(asked))
        page = int(asked.get("nextToken", 0))
        following = {"nextToken": "1"} if page == 0 else {}
        return 200, json.dumps({"configurationItems": HISTORY[page], **following})

    def _aggregated(self, asked: dict[str, str]) -> dict[str, object]:
        """One resource a page."""
        found = AGGREGATED[asked["Expression"].rpartition(" = ")[2].strip("'")]
        page = int(asked.get("NextToken", 0))
        following = {"NextToken": str(page + 1)} if page + 1 < len(found) else {}
        return {"Results": found[page : page + 1], **following}


@contextmanager
def aws_fake() -> Iterator[str]:
    """Its URL while it runs."""
    _Handler.throttled.clear()
    with served(_Handler) as url:
        yield url
