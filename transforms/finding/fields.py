"""Fields of a finding, one by one: what cannot be read is a problem, and counts as not said."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from transforms import patterns
from transforms.network.addresses import canonical
from transforms.scan.prefixes import home_in
from transforms.text import quoted

# GuardDuty's generated samples say GeneratedFindingVPCId where a VPC's id should be.
_GENERATED = "GeneratedFinding"

Json = dict[str, object]


class Fields:
    """Reads the fields of one finding and keeps the problems."""

    def __init__(self, said: Json, place: str) -> None:
        self.problems: list[str] = []
        self.said = said
        is_titled = str(said.get("title")).startswith("[SAMPLE]")
        self.is_sample = is_titled or _is_sample(at(said, "service", "additionalInfo"))
        self._place = f"{place} ({quoted(said.get('type'))})"

    def has_wrong_shape(self) -> bool:
        """Whether a list, an object or a plain value stands where another is expected."""
        for path, value, expected in _misshapen(self.said, _SHAPE, ""):
            self._problem(path, value, expected)
        return bool(self.problems)

    def port(self, said: Json, name: str) -> int | None:
        """The port in `name`; 0 is none."""
        port = at(said, name, "port")
        if port is None or port == 0:
            return None
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port <= 65535:
            self._problem(name, port, "a port")
            return None
        return port

    def id(self, name: str, said: Json, kind: str) -> str | None:
        """An id of AWS; a sample may have a made-up text instead."""
        value = said.get(name)
        if value is None or value == "":
            return None
        text = str(value)
        if re.fullmatch(patterns.resource_id(kind), text):
            return text
        if not (self.is_sample and text.startswith(_GENERATED)):
            self._problem(name, value, f"{kind}- and 8 to 17 hex digits")
        return None

    def addresses(self, name: str, values: Iterable[object]) -> list[str]:
        """Those values that say something, in canonical spelling."""
        found = []
        for value in values:
            if value is None or value == "":
                continue
            address = canonical(value) if isinstance(value, str) else None
            if address is None:
                self._problem(name, value, "an address")
            else:
                found.append(address)
        return found

    def time(self, name: str, said: Json) -> datetime | None:
        """ISO 8601 with or without a fraction, or Unix seconds, as SDKs and the wire write them."""
        value = said.get(name)
        if value is None or value == "":
            return None
        try:
            if isinstance(value, int | float):
                moment = datetime.fromtimestamp(value, UTC)
            else:
                moment = datetime.fromisoformat(str(value))
                moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            moment = None
        if moment is None or not 2006 <= moment.year <= 2200:  # the year that EC2 began
            self._problem(name, value, "a time such as 2026-11-23T02:10:00Z")
            return None
        return moment

    def _problem(self, name: str, value: object, expected: str) -> None:
        problem = f"{self._place}: {name}: found {quoted(value)}; expected {expected}"
        if problem not in self.problems:
            self.problems.append(problem)


def _is_sample(info: object) -> bool:
    """Whether it is a sample; an answer of GetFindings has `additionalInfo` as JSON text."""
    info = object_(info)
    text = info.get("value")
    try:
        inner = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        inner = {}
    return info.get("sample") is True or object_(inner).get("sample") is True


# What is read of a finding: {…} an object, […] a list of such, None a text, number or truth.
_REMOTE = {"remoteIpDetails": {"ipAddressV4": None, "ipAddressV6": None}}
_PORTS = {"localPortDetails": {"port": None}, "remotePortDetails": {"port": None}}
_INTERFACE = {
    "networkInterfaceId": None,
    "vpcId": None,
    "subnetId": None,
    "subNetId": None,
    "publicIp": None,
    "privateIpAddress": None,
    "ipv6Addresses": [None],
}
_SHAPE = {
    "id": None,
    "type": None,
    "accountId": None,
    "region": None,
    "resource": {
        "resourceType": None,
        "instanceDetails": {
            "instanceId": None,
            "launchTime": None,
            "tags": [{"key": None, "value": None}],
            "networkInterfaces": [_INTERFACE],
        },
    },
    "service": {
        "eventFirstSeen": None,
        "eventLastSeen": None,
        "action": {
            "actionType": None,
            "networkConnectionAction": {
                "connectionDirection": None,
                "protocol": None,
                **_REMOTE,
                **_PORTS,
            },
            "portProbeAction": {"portProbeDetails": [{**_REMOTE, **_PORTS}]},
            "awsApiCallAction": _REMOTE,
            "dnsRequestAction": {"domain": None},
        },
        "detection": {
            "sequence": {
                "resources": [
                    {
                        "uid": None,
                        "name": None,
                        "accountId": None,
                        "region": None,
                        "resourceType": None,
                        "data": {
                            "ec2NetworkInterface": _INTERFACE,
                            "ec2Instance": {"ec2NetworkInterfaceUids": [None]},
                        },
                    }
                ],
                "signals": [{"firstSeenAt": None, "lastSeenAt": None}],
                "endpoints": [{"ip": None, "port": None, "connection": {"direction": None}}],
            }
        },
    },
}


def _misshapen(value: object, shape: object, path: str) -> Iterator[tuple[str, object, str]]:
    """Where a value has another shape than expected, what it is, and what was expected."""
    if value is None:
        return
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield path, value, "an object"
            return
        for name, inner in shape.items():
            yield from _misshapen(value.get(name), inner, f"{path}.{name}".lstrip("."))
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield path, value, "a list"
            return
        for item in value:
            yield from _misshapen(item, shape[0], path)
    elif isinstance(value, dict | list):
        yield path, value, "a text or a number"


def at(said: object, *path: str) -> object:
    """The value at the end of a path of keys, None where it breaks off."""
    for name in path:
        said = object_(said).get(name)
    return said


def object_(value: object) -> Json:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_(value: object) -> list[object]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def home_fields(arn: object, account: object, region: object) -> Json:
    """Account and region as a finding has them: those of the instance's ARN, else those given."""
    home = home_in(arn)
    return {"accountId": home.account_id if home else account,
            "region": home.region if home else region}  # fmt: skip


def last_part(uid: object) -> str | None:
    """`i-…` of `i-…` and of `arn:aws:ec2:…:instance/i-…`."""
    return None if uid is None else str(uid).rsplit("/", 1)[-1]
