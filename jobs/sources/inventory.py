"""What EC2 and AWS Config say of an account and region, as rows of a label snapshot; reads only."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Event
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from jobs.sources.several_at_once import Stopped
from transforms.label.groups import group_cells
from transforms.label.history import OWNER, Cells

logger = logging.getLogger(__name__)

# Throttled calls are tried again with growing pauses, and the client slows itself down.
RETRIES = Config(retries={"mode": "adaptive", "max_attempts": 10})
_FORBIDDEN = (
    "UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AuthFailure",
    "OptInRequired",
)  # fmt: skip

Item = Mapping[str, Any]


class Missing(Exception):
    """A call that this user may not make; the message is a sentence."""


class Inventory:
    """One account in one region; once `stop` is set, the next page raises Stopped.

    Only its making uses the session, which threads may not share; clients they may.
    """

    def __init__(
        self, session: boto3.Session, account_id: str, region: str, stop: Event, page: int = 100
    ) -> None:
        self.account_id, self.region = account_id, region
        self._stop = stop
        self._paging = {"PageSize": page}
        self._place: Cells = {"account_id": account_id, "region": region}
        self._ec2 = session.client("ec2", region_name=region, config=RETRIES)
        self._config = session.client("config", region_name=region, config=RETRIES)

    @property
    def tables(self) -> dict[str, Callable[[], list[Cells]]]:
        """How to get the rows of each table; a call that is not allowed raises Missing."""
        return {
            "interfaces": lambda: self._rows(
                "describe_network_interfaces", "NetworkInterfaces", _interface
            ),
            "subnets": lambda: self._rows("describe_subnets", "Subnets", _subnet),
            "vpcs": lambda: self._rows("describe_vpcs", "Vpcs", _vpc),
            "instances": lambda: [
                {**_instance(instance), **self._place}
                for reservation in self._pages("describe_instances", "Reservations")
                for instance in reservation["Instances"]
            ],
            "prefix_lists": self._prefix_lists,
        }

    def _rows(self, call: str, key: str, row: Callable[[Item], Cells]) -> list[Cells]:
        return [
            {**row(item), **self._place, OWNER: item.get("OwnerId")}
            for item in self._pages(call, key)
        ]

    def _pages(self, call: str, key: str, **parameters: str) -> Iterator[Item]:
        """The items of all pages; every page is a line of progress."""
        found = 0
        pages = self._ec2.get_paginator(call).paginate(PaginationConfig=self._paging, **parameters)
        for page in self._allowed(pages, f"ec2:{_camel(call)}"):
            found += len(page[key])
            logger.info("call=%s region=%s items=%d", call, self._place["region"], found)
            yield from page[key]

    def _prefix_lists(self) -> list[Cells]:
        """A row per entry of each list."""
        return [
            {
                "prefix_list_id": listed["PrefixListId"],
                "name": listed.get("PrefixListName"),
                "cidr": entry["Cidr"],
                "description": entry.get("Description"),
                **self._place,
            }
            for listed in self._pages("describe_managed_prefix_lists", "PrefixLists")
            for entry in self._pages(
                "get_managed_prefix_list_entries", "Entries", PrefixListId=listed["PrefixListId"]
            )
        ]

    def gone(self, table: str) -> list[Cells]:
        """Interfaces or instances that were deleted, from AWS Config's history, with their times.

        Source: AWS Config API, ListDiscoveredResources and GetResourceConfigHistory.
        """
        kind, row = CONFIG_KINDS[table]
        rows: list[Cells] = []
        listed = self._config.get_paginator("list_discovered_resources").paginate(
            resourceType=kind, includeDeletedResources=True, PaginationConfig=self._paging
        )
        for page in self._allowed(listed, "config:ListDiscoveredResources"):
            for resource in page["resourceIdentifiers"]:
                if resource.get("resourceDeletionTime") is not None:
                    rows += self._versions(kind, resource["resourceId"], row)
        logger.info(
            "call=config region=%s table=%s rows=%d", self._place["region"], table, len(rows)
        )
        return rows

    def _versions(self, kind: str, resource_id: str, row: Callable[[Item], Cells]) -> list[Cells]:
        pages = self._config.get_paginator("get_resource_config_history").paginate(
            resourceType=kind,
            resourceId=resource_id,
            chronologicalOrder="Forward",
            PaginationConfig=self._paging,
        )
        items = [
            item
            for page in self._allowed(pages, "config:GetResourceConfigHistory")
            for item in page["configurationItems"]
        ]
        return list(_history(items, lambda item: {**row(item), **self._place}))

    def _allowed(self, pages: Iterable[Any], action: str) -> Iterator[Any]:
        for page in allowed(pages, action, self._place):
            if self._stop.is_set():
                raise Stopped
            yield page


def allowed(pages: Iterable[Any], action: str, place: Cells) -> Iterator[Any]:
    """The pages; raises Missing where the account does not allow the call, or has no such region.

    EC2 answers AuthFailure in a region that the account has not enabled.
    """
    try:
        yield from pages
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code not in _FORBIDDEN:
            raise
        raise Missing(
            f"account {place['account_id']}, {place['region']}: {action} is not allowed ({code}); "
            "its labels are missing or as they were; allow it and collect again"
        ) from error


def _history(items: list[Any], row: Callable[[Item], Cells]) -> Iterator[Cells]:
    """Rows of one resource, each from its capture until the next change or the deletion."""
    current: Cells | None = None
    started = ""
    for item in items:
        moment = item["configurationItemCaptureTime"].isoformat(timespec="seconds")
        is_gone = str(item["configurationItemStatus"]).startswith("ResourceDeleted")
        described = None if is_gone else row(json.loads(item["configuration"]))
        if described != current:
            if current is not None:
                yield {**current, "valid_from": started, "valid_to": moment}
            current, started = described, moment
    if current is not None:  # deleted, says the list, but its history does not say when
        yield {**current, "valid_from": started, "valid_to": moment}


def _interface(item: Item) -> Cells:
    addresses = item.get("PrivateIpAddresses", [])
    public = [address.get("Association", {}).get("PublicIp") for address in addresses]
    return {
        "interface_id": item["NetworkInterfaceId"],
        "description": item.get("Description"),
        "name": _name(item.get("TagSet", [])),
        "interface_type": item.get("InterfaceType"),
        "instance_id": item.get("Attachment", {}).get("InstanceId"),
        "subnet_id": item.get("SubnetId"),
        "vpc_id": item.get("VpcId"),
        "addresses": sorted(
            [address["PrivateIpAddress"] for address in addresses]
            + [address["Ipv6Address"] for address in item.get("Ipv6Addresses", [])]
            + _delegated(item)
        ),
        "public_addresses": sorted(address for address in public if address),
        **group_cells(_tags(item.get("TagSet", []))),
    }


def _delegated(item: Item) -> list[str]:
    """The prefixes that are delegated to an interface, as EKS gives to its nodes.

    AWS, "Prefix delegation for Amazon EC2 network interfaces"; SDKs and the API spell them apart.
    """
    return [
        prefix[f"{family}Prefix"]
        for family in ("Ipv4", "Ipv6")
        for key in (f"{family}Prefixes", f"{family}PrefixSet")
        for prefix in item.get(key, [])
    ]


def _subnet(item: Item) -> Cells:
    return {
        "subnet_id": item["SubnetId"],
        "name": _name(item.get("Tags", [])),
        "vpc_id": item["VpcId"],
        "cidrs": [item["CidrBlock"], *_associated(item, "Ipv6CidrBlock")],
    }


def _vpc(item: Item) -> Cells:
    cidrs = {
        item["CidrBlock"],
        *_associated(item, "CidrBlock"),
        *_associated(item, "Ipv6CidrBlock"),
    }
    return {"vpc_id": item["VpcId"], "name": _name(item.get("Tags", [])), "cidrs": sorted(cidrs)}


def _instance(item: Item) -> Cells:
    tags = item.get("Tags", [])
    return {"instance_id": item["InstanceId"], "name": _name(tags), **group_cells(_tags(tags))}


def _associated(item: Item, kind: str) -> list[str]:
    """CIDRs of a kind that are in use, not those on their way out."""
    return sorted(
        entry[kind]
        for entry in item.get(f"{kind}AssociationSet", [])
        if entry.get(f"{kind}State", {}).get("State") == "associated"
    )


def _name(tags: Iterable[Item]) -> str | None:
    return next((tag["Value"] for tag in tags if tag["Key"] == "Name"), None)


def _tags(tags: Iterable[Item]) -> dict[str, str]:
    return {str(tag.get("Key")): str(tag.get("Value")) for tag in tags}


def _upper(value: Any) -> Any:
    """AWS Config writes what EC2 answers with a small first letter in each key."""
    if isinstance(value, dict):
        return {
            key[:1].upper() + key[1:]: _upper(item)
            for key, item in value.items()
            if item is not None
        }
    return [_upper(item) for item in value] if isinstance(value, list) else value


CONFIG_KINDS: dict[str, tuple[str, Callable[[Item], Cells]]] = {
    "interfaces": ("AWS::EC2::NetworkInterface", lambda item: _interface(_upper(item))),
    "instances": ("AWS::EC2::Instance", lambda item: _instance(_upper(item))),
    "subnets": ("AWS::EC2::Subnet", lambda item: _subnet(_upper(item))),
    "vpcs": ("AWS::EC2::VPC", lambda item: _vpc(_upper(item))),
}


def _camel(call: str) -> str:
    return "".join(word.capitalize() for word in call.split("_"))
