"""A finding in Security Hub's newer form (OCSF) → the finding as GuardDuty writes it.

OCSF, "Detection Finding" (class 2004), as Security Hub sends it ("Findings Imported V2") and
GetFindingsV2 answers: the instance is one of `resources`, what was seen stands in `evidences`, and
times are in milliseconds.
"""

import re

from transforms.finding.fields import at, home_fields
from transforms.finding.severity import severity_of_ocsf

_CLASS = 2004
_INSTANCE = "AWS::EC2::Instance"
_MOST_EVIDENCES = 100
_INBOUND, _OUTBOUND = 1, 2  # OCSF, `connection_info.direction_id`
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP"}

Json = dict[str, object]


def from_ocsf(event: Json) -> list[Json] | None:
    """A finding for each instance that it speaks of and each of its evidences.

    Where it speaks of no instance, one that names the resource; None where this is no OCSF finding.
    """
    info = event.get("finding_info")
    if event.get("class_uid") != _CLASS or not isinstance(info, dict):
        return None
    types = info.get("types")
    named = types[0] if isinstance(types, list) and types else info.get("title")
    service: Json = {
        "eventFirstSeen": _time(info, event, "first_seen_time", "created_time"),
        "eventLastSeen": _time(info, event, "last_seen_time", "modified_time"),
        "additionalInfo": {"sample": _is_sample(event, info)},
    }
    found: Json = {
        "id": info.get("uid"),
        "type": str(named),
        "title": info.get("title"),
        "severity": severity_of_ocsf(event.get("severity_id")),
    }
    resources = _objects(event.get("resources"))
    instances = [item for item in resources if item.get("type") == _INSTANCE]
    if not instances:
        kinds = ", ".join(str(item.get("type")) for item in resources[:3])
        return [{**found, "resource": {"resourceType": kinds or None}, "service": service}]
    return [
        {
            **found,
            **home_fields(
                item.get("uid"), at(event, "cloud", "account", "uid"), at(event, "cloud", "region")
            ),
            "resource": {"resourceType": "Instance", "instanceDetails": details},
            "service": {**service, "action": action},
        }
        for item in instances
        for details in [_instance(item)]
        for action in _actions(event, _addresses_of(details))
    ]


def _is_sample(event: Json, info: Json) -> bool:
    """GuardDuty's samples say so in their title, and in what has no place in OCSF."""
    further = event.get("unmapped")
    flags = further.items() if isinstance(further, dict) else ()
    is_flagged = any(
        str(key).rsplit("/", 1)[-1].rsplit(".", 1)[-1].lower() == "sample"
        and value in (True, "true", "True")
        for key, value in flags
    )
    return is_flagged or str(info.get("title")).startswith("[SAMPLE]")


def _time(info: Json, event: Json, *names: str) -> object:
    """The first time that is there: as text, or from milliseconds."""
    for name in names:
        for value in (info.get(f"{name}_dt"), info.get(name)):
            if isinstance(value, bool) or value in (None, 0, ""):
                continue
            return value / 1000 if isinstance(value, int | float) else value
    value = event.get("time")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value / 1000 if is_number else value  # type: ignore[operator]


def _instance(item: Json) -> Json:
    """The details in `data` are those of the EC2 resource, in the spelling of ASFF or of EC2."""
    data = item.get("data")
    known = _flattened(data) if isinstance(data, dict) else {}
    place = {"vpcId": known.get("vpcid"), "subnetId": known.get("subnetid")}
    interfaces = _objects(known.get("networkinterfaces")) or [{}]
    found = [_interface(_flattened(interface), place) for interface in interfaces]
    if len(found) == 1:
        private = known.get("privateipaddress") or found[0].get("privateIpAddress")
        found[0]["privateIpAddress"] = private
        found[0]["publicIp"] = known.get("publicipaddress") or found[0].get("publicIp")
        found[0].setdefault("ipv6Addresses", known.get("ipv6addresses"))
    tags = [
        {"key": tag.get("name") or tag.get("key"), "value": tag.get("value")}
        for tag in _objects(item.get("tags"))
    ]
    return {
        "instanceId": str(item.get("uid")).rsplit("/", 1)[-1],
        "launchTime": known.get("launchtime") or known.get("launchedat"),
        "tags": tags,
        "networkInterfaces": found,
    }


def _interface(event: Json, place: Json) -> Json:
    own = event.get("privateipaddresses")
    addresses = [
        _flattened(each).get("privateipaddress") if isinstance(each, dict) else each
        for each in (own if isinstance(own, list) else [])
    ]
    six = event.get("ipv6addresses")
    return {
        "networkInterfaceId": event.get("networkinterfaceid") or event.get("eniid"),
        "vpcId": event.get("vpcid") or place["vpcId"],
        "subnetId": event.get("subnetid") or place["subnetId"],
        "privateIpAddress": event.get("privateipaddress"),
        "privateIpAddresses": addresses,
        "publicIp": event.get("publicip") or event.get("publicipaddress"),
        **({"ipv6Addresses": six} if six is not None else {}),
    }


def _flattened(event: Json) -> Json:
    """Keys in lower case without separators: `VpcId`, `vpcId` and `vpc_id` say the same."""
    found: Json = {}
    for key, value in event.items():
        found.setdefault(re.sub(r"[^a-z0-9]", "", key.lower()), value)
    return found


def _addresses_of(details: Json) -> set[str]:
    own: set[str] = set()
    for interface in _objects(details.get("networkInterfaces")):
        own |= {str(interface.get(name)) for name in ("privateIpAddress", "publicIp")}
        for name in ("privateIpAddresses", "ipv6Addresses"):
            several = interface.get(name)
            own |= set(map(str, several)) if isinstance(several, list) else set()
    return own - {"None"}


def _actions(event: Json, own: set[str]) -> list[Json]:
    """The connections, calls and names that the evidences tell of; one without any says nothing."""
    evidences = _objects(event.get("evidences"))[:_MOST_EVIDENCES]
    found = [action for evidence in evidences if (action := _action(evidence, own))]
    return found or [{}]


def _action(evidence: Json, own: set[str]) -> Json:
    query = evidence.get("query")
    if isinstance(query, dict) and query.get("hostname"):
        return {"actionType": "DNS_REQUEST", "dnsRequestAction": {"domain": query["hostname"]}}
    if isinstance(evidence.get("api"), dict):
        remote = _end(evidence, "src_endpoint")
        return {"actionType": "AWS_API_CALL", "awsApiCallAction": _remote(remote)}
    connection = _connection(evidence, own)
    if connection is None:
        return {}
    return {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": connection}


def _connection(evidence: Json, own: set[str]) -> Json | None:
    """Which end is the instance: by its addresses, else by the direction, else nobody knows."""
    source, target = _end(evidence, "src_endpoint"), _end(evidence, "dst_endpoint")
    if not source and not target:
        return None
    told = evidence.get("connection_info")
    info: Json = told if isinstance(told, dict) else {}
    direction = {_INBOUND: "INBOUND", _OUTBOUND: "OUTBOUND"}.get(info.get("direction_id"))  # type: ignore[call-overload]
    if str(source.get("ip")) in own:
        direction = "OUTBOUND"
    elif str(target.get("ip")) in own:
        direction = "INBOUND"
    is_out = direction == "OUTBOUND" or (direction is None and not source)
    local, remote = (source, target) if is_out else (target, source)
    number = info.get("protocol_num")
    protocol = info.get("protocol_name") or (
        _PROTOCOLS.get(number) if isinstance(number, int) else None
    )
    return {
        "connectionDirection": direction or "UNKNOWN",
        "protocol": protocol,
        "localPortDetails": {"port": local.get("port")},
        "remotePortDetails": {"port": remote.get("port")},
        **_remote(remote),
    }


def _remote(end: Json) -> Json:
    address = end.get("ip")
    family = "ipAddressV6" if isinstance(address, str) and ":" in address else "ipAddressV4"
    return {"remoteIpDetails": {family: address}}


def _end(evidence: Json, name: str) -> Json:
    """An end with an address; else an empty one."""
    end = evidence.get(name)
    return end if isinstance(end, dict) and end.get("ip") else {}


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
