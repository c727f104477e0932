"""Whose flows they are: the subject as a set of (interface, address, from, to)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from transforms.finding.guardduty import Finding
from transforms.label.tables import LabelTables
from transforms.network.addresses import holds
from transforms.scan.needles import Needle, needles_of

# `flags`: of two ends that are in every record the one that flags show to have begun. It is
# assumed to be the subject's.
Source = Literal["argument", "finding", "labels", "records", "flags"]


class Part(NamedTuple):
    """An interface or an address of the subject, or both, and who says so.

    It counts from `valid_from` until before `valid_to` (Unix seconds; null: open).
    """

    interface_id: str | None
    address: str | None
    valid_from: int | None
    valid_to: int | None
    source: Source


class Holding(NamedTuple):
    """An address that was the subject's from `valid_from` until before `valid_to` (Unix seconds).

    `foreign_vpc_ids` are other VPCs that use the same address range: there it is someone else's.
    """

    address: str
    valid_from: int | None
    valid_to: int | None
    foreign_vpc_ids: tuple[str, ...]


class Subject(NamedTuple):
    """The instance under suspicion, or several, and what it can be recognised by in a record.

    `parts` says where each of it comes from, and when an interface was the subject's; an interface
    that no part names counts at any time.
    """

    instance_ids: tuple[str, ...]
    vpc_ids: tuple[str, ...]
    interface_ids: tuple[str, ...]
    holdings: tuple[Holding, ...]
    parts: tuple[Part, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that was the subject's at some time, once."""
        return tuple(dict.fromkeys(holding.address for holding in self.holdings))

    @property
    def assumed_addresses(self) -> tuple[str, ...]:
        """Addresses that only flags of the records show to be the subject's."""
        found = (part.address for part in self.parts if part.source == "flags" and part.address)
        return tuple(dict.fromkeys(found))

    def needles(self) -> tuple[Needle, ...]:
        """What a line must contain to concern the subject."""
        return needles_of([*self.instance_ids, *self.interface_ids], self.addresses)

    def names(self) -> list[str]:
        """Everything that it can be recognised by, instances first."""
        return [*self.instance_ids, *self.interface_ids, *self.addresses]

    def known_by(self) -> dict[str, list[str]]:
        """Interfaces and addresses by the first source that knew each."""
        found: dict[str, list[str]] = {}
        seen: set[str] = set()
        for part in self.parts:
            for value in (part.interface_id, part.address):
                if value is not None and value not in seen:
                    seen.add(value)
                    found.setdefault(part.source, []).append(value)
        return found


def resolve_subject(
    instance_ids: Sequence[str],
    interface_ids: Iterable[str],
    addresses: Iterable[str],
    vpc_id: str | None,
    labels: LabelTables,
    finding: Finding | None = None,
) -> Subject:
    """The subject by what was asked for, by the finding, then by what the labels say of it.

    What was asked for holds at any time, what the labels say while it was valid. What the finding
    says holds from the launch of the instance, where that is before the finding: AWS gives a
    private address to the next instance as soon as it is free.
    """
    given = [Part(interface_id, None, None, None, "argument") for interface_id in interface_ids]
    given += [Part(None, address, None, None, "argument") for address in addresses]
    found = list(_of_finding(finding)) if finding else []
    given_ids = {part.interface_id for part in given if part.interface_id}
    found_ids = {part.interface_id for part in found if part.interface_id}
    vpc_ids = [vpc_id] if vpc_id else list(finding.vpc_ids) if finding else []
    labelled: list[Part] = []
    for interface in labels.interfaces:
        version = interface.version
        is_of_instance = version.instance_id in instance_ids
        is_of_finding = interface.interface_id in found_ids and version.instance_id is None
        if not (interface.interface_id in given_ids or is_of_instance or is_of_finding):
            continue
        if interface.is_of_finding:  # known already, and not from the labels
            continue
        if version.vpc_id and not vpc_id:
            vpc_ids.append(version.vpc_id)
        span = version.valid_from, version.valid_to
        labelled.append(Part(interface.interface_id, None, *span, "labels"))
        labelled += [
            Part(interface.interface_id, address, *span, "labels")
            for address in interface.addresses
        ]
    return subject_of(instance_ids, vpc_ids, [*given, *found, *labelled], labels)


def subject_of(
    instance_ids: Iterable[str], vpc_ids: Iterable[str], parts: Iterable[Part], labels: LabelTables
) -> Subject:
    """A subject of these parts; labels tell which other VPCs use the same addresses."""
    unique = tuple(dict.fromkeys(parts))
    vpcs = tuple(dict.fromkeys(vpc_ids))
    spans = dict.fromkeys((p.address, p.valid_from, p.valid_to) for p in unique if p.address)
    return Subject(
        instance_ids=tuple(instance_ids),
        vpc_ids=vpcs,
        interface_ids=tuple(dict.fromkeys(p.interface_id for p in unique if p.interface_id)),
        holdings=tuple(
            Holding(address, since, until, _foreign_vpcs(address, vpcs, labels))
            for address, since, until in spans
            if address is not None
        ),
        parts=unique,
    )


def together(subjects: Sequence[Subject]) -> Subject:
    """One subject of several; each address keeps what is foreign to its own owner."""
    if len(subjects) == 1:
        return subjects[0]

    def each(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(item for one in subjects for item in getattr(one, name)))

    return Subject(**{name: each(name) for name in Subject._fields})


def _of_finding(finding: Finding) -> Iterator[Part]:
    since = None
    launch, seen = finding.launch_at, finding.first_seen
    if launch is not None and (seen is None or launch <= seen):
        since = int(launch.timestamp())
    for interface in finding.interfaces:
        if interface.interface_id:
            yield Part(interface.interface_id, None, since, None, "finding")
        for address in (*interface.addresses, *interface.public_addresses):
            yield Part(interface.interface_id, address, since, None, "finding")


def _foreign_vpcs(address: str, own: tuple[str, ...], labels: LabelTables) -> tuple[str, ...]:
    if not own:
        return ()
    others = [
        vpc_id
        for vpc_id, network in labels.vpc_networks
        if vpc_id not in own and holds(network, address)
    ]
    return tuple(dict.fromkeys(others))
