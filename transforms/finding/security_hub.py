"""A finding in Security Hub's format (ASFF) → the finding as GuardDuty writes it.

AWS, "AWS Security Finding Format": GuardDuty's service part stands flat in `ProductFields`, as
`aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/ipAddressV4`, with every value
as text and lists as `portProbeDetails.0_`.
"""

import re

from transforms.finding.fields import home_fields
from transforms.finding.severity import severity_of_asff

_SERVICE = "aws/guardduty/service/"
_ITEM = re.compile(r"(.+)\.([0-9]{1,3})_")
_MAX_FIELDS = 1_000
_PRIVATE = re.compile(
    r"10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\."
)

Json = dict[str, object]


def from_asff(said: Json) -> Json | None:
    """The finding, or None where this is none of GuardDuty's about an instance."""
    fields = said.get("ProductFields")
    if not isinstance(fields, dict) or not isinstance(said.get("Resources"), list):
        return None
    service = _nested({
        name.removeprefix(_SERVICE): value
        for name, value in list(fields.items())[:_MAX_FIELDS]
        if name.startswith(_SERVICE)
    })  # fmt: skip
    if not service:
        return None
    service.setdefault("eventFirstSeen", said.get("FirstObservedAt"))
    service.setdefault("eventLastSeen", said.get("LastObservedAt"))
    if said.get("Sample") is True:
        service["additionalInfo"] = {"sample": True}
    resource: Json = {"resourceType": "Instance"}
    arn: object = None
    for item in _objects(said["Resources"]):
        if item.get("Type") == "AwsEc2Instance" and "instanceDetails" not in resource:
            resource["instanceDetails"] = _instance(item)
            arn = item.get("Id")
    return {
        "id": said.get("Id"),
        "type": _type(said),
        "title": said.get("Title"),
        **home_fields(arn, said.get("AwsAccountId"), said.get("Region")),
        "severity": severity_of_asff(said.get("Severity")),
        "resource": resource,
        "service": service,
    }


def _type(said: Json) -> str:
    """`TTPs/Initial Access/Recon:EC2-Portscan` → `Recon:EC2/Portscan`."""
    types = said.get("Types")
    first = types[0] if isinstance(types, list) and types else said.get("Title")
    return re.sub(r":([A-Za-z0-9]+)-", r":\1/", str(first).rsplit("/", 1)[-1], count=1)


def _instance(item: Json) -> Json:
    details = item.get("Details")
    known = details.get("AwsEc2Instance") if isinstance(details, dict) else None
    known = known if isinstance(known, dict) else {}
    tags = item.get("Tags")
    named = tags.items() if isinstance(tags, dict) else ()
    interfaces = _objects(known.get("NetworkInterfaces")) or [{}]
    place = {"vpcId": known.get("VpcId"), "subnetId": known.get("SubnetId")}
    found = [
        {"networkInterfaceId": interface.get("NetworkInterfaceId"), **place}
        for interface in interfaces
    ]
    if len(found) == 1:  # of several interfaces, nothing says which one has which address
        addresses = known.get("IpV4Addresses")
        private = [a for a in addresses if _is_private(a)] if isinstance(addresses, list) else []
        found[0]["privateIpAddresses"] = private
        found[0]["ipv6Addresses"] = known.get("IpV6Addresses")
    return {
        "instanceId": str(item.get("Id")).rsplit("/", 1)[-1],
        "launchTime": known.get("LaunchedAt"),
        "tags": [{"key": key, "value": value} for key, value in named],
        "networkInterfaces": found,
    }


def _is_private(address: object) -> bool:
    """An instance's own addresses are of RFC 1918 or of a shared range; the others are public."""
    return bool(_PRIVATE.match(str(address)))


def _nested(flat: dict[str, object]) -> Json:
    root: Json = {}
    for path, value in flat.items():
        inner: Json = root
        *parents, last = path.split("/")
        for name in parents:
            inner = _step(inner, name)
        inner.setdefault(last, _value(last, value))
    return root


def _step(inner: Json, name: str) -> Json:
    """The object below a name; `portProbeDetails.0_` is an item of a list."""
    item = _ITEM.fullmatch(name)
    if item is None:
        below = inner.setdefault(name, {})
        return below if isinstance(below, dict) else {}
    items = inner.setdefault(item[1], [])
    if not isinstance(items, list):
        return {}
    while len(items) <= int(item[2]):
        items.append({})
    found: Json = items[int(item[2])]
    return found


def _value(name: str, value: object) -> object:
    if name == "port" and isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value):
        return int(value)
    if name in ("sample", "blocked") and value in ("true", "false"):
        return value == "true"
    return value


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
