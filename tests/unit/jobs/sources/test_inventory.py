"""What EC2 says of an interface, as a row of labels."""

from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from jobs.sources.inventory import Inventory


class _Session:
    """A session whose EC2 answers with these interfaces."""

    def __init__(self, *interfaces: dict[str, Any]) -> None:
        pages = SimpleNamespace(paginate=lambda **_: [{"NetworkInterfaces": list(interfaces)}])
        self._client = SimpleNamespace(get_paginator=lambda _: pages)

    def client(self, *_: object, **__: object) -> object:
        return self._client


@pytest.mark.parametrize(
    ("ipv4", "ipv6"), [("Ipv4Prefixes", "Ipv6Prefixes"), ("Ipv4PrefixSet", "Ipv6PrefixSet")]
)
def test_the_prefixes_that_are_delegated_to_an_interface_are_among_its_addresses(
    ipv4: str, ipv6: str
) -> None:
    said = {
        "NetworkInterfaceId": "eni-0a",
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.20.1.13"}],
        ipv4: [{"Ipv4Prefix": "10.20.1.16/28"}],
        ipv6: [{"Ipv6Prefix": "2001:db8:0:1::/80"}],
    }
    inventory = Inventory(cast(boto3.Session, _Session(said)), "111122223333", "eu-west-1", Event())

    (row,) = inventory.tables["interfaces"]()

    assert row["addresses"] == ["10.20.1.13", "10.20.1.16/28", "2001:db8:0:1::/80"]
