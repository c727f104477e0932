"""One GuardDuty finding → what it says of an instance: interfaces, addresses, times, claims."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from transforms.finding.claim import PROTOCOL_NUMBERS, Claim
from transforms.finding.fields import Fields, Json, at, last_part, list_, object_
from transforms.finding.severity import Severity, severity_of
from transforms.label.cells import clean
from transforms.scan.prefixes import Home, home_in, home_of


class FindingInterface(NamedTuple):
    """An interface of the instance as GuardDuty saw it; addresses are canonical, primary first."""

    interface_id: str | None
    vpc_id: str | None
    subnet_id: str | None
    addresses: tuple[str, ...]
    public_addresses: tuple[str, ...]


class Finding(NamedTuple):
    """What one finding, or several of one instance, say of it. Times are UTC.

    `severity` is that of the gravest one, None where none of them has any. `homes` are the accounts
    and regions that the instance is in, as far as they say.
    """

    ids: tuple[str, ...]
    types: tuple[str, ...]
    instance_id: str
    instance_name: str | None
    launch_at: datetime | None
    first_seen: datetime | None
    last_seen: datetime | None
    interfaces: tuple[FindingInterface, ...]
    claims: tuple[Claim, ...]
    is_sample: bool
    others: int = 0
    severity: Severity | None = None
    homes: tuple[Home, ...] = ()

    @property
    def vpc_ids(self) -> tuple[str, ...]:
        """The VPCs of its interfaces, each once."""
        return tuple(dict.fromkeys(i.vpc_id for i in self.interfaces if i.vpc_id))


class FindingReader(Fields):
    """One finding → what it says of each instance in it."""

    def read(self) -> list[Finding]:
        """One finding for each instance that it speaks of: an attack sequence may have several."""
        if self.has_wrong_shape():
            return []
        details = object_(at(self.said, "resource", "instanceDetails"))
        if details.get("instanceId") is not None:
            found = [self._of_instance(details)]
        else:
            found = self._of_sequence(object_(at(self.said, "service", "detection", "sequence")))
        return [finding for finding in found if finding is not None]

    def _of_instance(self, details: Json) -> Finding | None:
        instance_id = self.id("instanceId", details, "i")
        names = {
            tag.get("key"): tag.get("value") for tag in map(object_, list_(details.get("tags")))
        }
        service = object_(self.said.get("service"))
        return self._finding(
            instance_id,
            name=clean(names.get("Name")),
            launch_at=self.time("launchTime", details),
            seen=[
                self.time("eventFirstSeen", service),
                self.time("eventLastSeen", service),
            ],
            interfaces=[
                self._interface(object_(item)) for item in list_(details.get("networkInterfaces"))
            ],
            claims=self._claims(object_(service.get("action"))),
            home=self._home(),
        )

    def _of_sequence(self, sequence: Json) -> list[Finding | None]:
        """AttackSequence findings keep resources, endpoints and signals in lists of their own."""
        resources = [object_(item) for item in list_(sequence.get("resources"))]
        by_uid = {
            last_part(item.get("uid")): object_(at(item, "data", "ec2NetworkInterface"))
            for item in resources
            if item.get("resourceType") == "EC2_NETWORK_INTERFACE"
        }
        service = object_(self.said.get("service"))
        seen = [
            self.time("eventFirstSeen", service),
            self.time("eventLastSeen", service),
        ]
        for signal in map(object_, list_(sequence.get("signals"))):
            seen += [self.time("firstSeenAt", signal), self.time("lastSeenAt", signal)]
        claims = [self._endpoint(object_(item)) for item in list_(sequence.get("endpoints"))]
        found = []
        for item in resources:
            if item.get("resourceType") != "EC2_INSTANCE":
                continue
            details = object_(at(item, "data", "ec2Instance"))
            uids = map(last_part, list_(details.get("ec2NetworkInterfaceUids")))
            interfaces = [
                self._interface({**by_uid.get(uid, {}), "networkInterfaceId": uid}) for uid in uids
            ]
            found.append(
                self._finding(
                    self.id("uid", {"uid": last_part(item.get("uid"))}, "i"),
                    name=clean(item.get("name")),
                    launch_at=None,
                    seen=seen,
                    interfaces=interfaces,
                    claims=[claim for claim in claims if claim is not None],
                    home=home_in(item.get("uid"))
                    or home_of(item.get("accountId"), item.get("region"))
                    or self._home(),
                )
            )
        return found

    def _finding(
        self,
        instance_id: str | None,
        *,
        name: str | None,
        launch_at: datetime | None,
        seen: Iterable[datetime | None],
        interfaces: Iterable[FindingInterface],
        claims: Iterable[Claim],
        home: Home | None,
    ) -> Finding | None:
        if instance_id is None:
            return None
        times = [moment for moment in seen if moment is not None]
        return Finding(
            ids=tuple(filter(None, [clean(self.said.get("id"))])),
            types=tuple(filter(None, [clean(self.said.get("type"))])),
            instance_id=instance_id,
            instance_name=name,
            launch_at=launch_at,
            first_seen=min(times, default=None),
            last_seen=max(times, default=None),
            interfaces=tuple(dict.fromkeys(interfaces)),
            claims=tuple(dict.fromkeys(claims)),
            is_sample=self.is_sample,
            severity=severity_of(self.said.get("severity")),
            homes=(home,) if home else (),
        )

    def _home(self) -> Home | None:
        return home_of(self.said.get("accountId"), self.said.get("region"))

    def _interface(self, said: Json) -> FindingInterface:
        private = [said.get("privateIpAddress")]
        for item in list_(said.get("privateIpAddresses")):
            private.append(item if isinstance(item, str) else object_(item).get("privateIpAddress"))
        own = self.addresses("privateIpAddress", private)
        own += self.addresses("ipv6Addresses", list_(said.get("ipv6Addresses")))
        subnet = "subNetId" if "subNetId" in said else "subnetId"  # as attack sequences spell it
        return FindingInterface(
            interface_id=self.id("networkInterfaceId", said, "eni"),
            vpc_id=self.id("vpcId", said, "vpc"),
            subnet_id=self.id(subnet, said, "subnet"),
            addresses=tuple(dict.fromkeys(own)),
            public_addresses=tuple(self.addresses("publicIp", [said.get("publicIp")])),
        )

    def _claims(self, action: Json) -> list[Claim]:
        """What each type of action claims; an empty action (Runtime Monitoring) claims nothing."""
        kind = str(action.get("actionType") or "")
        if kind == "NETWORK_CONNECTION":
            said = object_(action.get("networkConnectionAction"))
            direction = str(said.get("connectionDirection") or "UNKNOWN").upper()
            return [
                Claim(
                    kind,
                    direction if direction in ("INBOUND", "OUTBOUND") else "UNKNOWN",
                    PROTOCOL_NUMBERS.get(str(said.get("protocol")).upper()),
                    self.port(said, "localPortDetails"),
                    self._remote(said),
                    self.port(said, "remotePortDetails"),
                )
            ]
        if kind == "PORT_PROBE":
            probes = map(object_, list_(at(action, "portProbeAction", "portProbeDetails")))
            return [
                Claim(kind, "INBOUND", None, self.port(p, "localPortDetails"), self._remote(p))
                for p in probes
            ]
        if kind == "AWS_API_CALL":
            return [Claim(kind, remote=self._remote(object_(action.get("awsApiCallAction"))))]
        if kind == "DNS_REQUEST":
            domain = clean(at(action, "dnsRequestAction", "domain"))
            return [Claim(kind, "OUTBOUND", domain=domain)]
        return []

    def _endpoint(self, said: Json) -> Claim | None:
        remote = next(iter(self.addresses("ip", [said.get("ip")])), None)
        if remote is None:
            return None
        direction = str(at(said, "connection", "direction") or "UNKNOWN").upper()
        port = said.get("port")
        is_port = isinstance(port, int) and 0 < port <= 65535
        return Claim(
            "SEQUENCE_ENDPOINT",
            direction if direction in ("INBOUND", "OUTBOUND") else "UNKNOWN",
            remote=remote,
            remote_port=port if isinstance(port, int) and is_port else None,
        )

    def _remote(self, said: Json) -> str | None:
        details = object_(said.get("remoteIpDetails"))
        for name in ("ipAddressV4", "ipAddressV6"):
            for address in self.addresses(name, [details.get(name)]):
                return address
        return None
