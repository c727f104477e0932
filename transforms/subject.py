"""Whose flows they are: the subject as a set of (interface, address, from, to)."""

from collections.abc import Iterable
from typing import NamedTuple

from transforms.addresses import holds
from transforms.label_tables import LabelTables
from transforms.needles import Needle, needles_of


class Holding(NamedTuple):
    """An address that was the subject's from `valid_from` until before `valid_to` (Unix seconds).

    `foreign_vpc_ids` are other VPCs that use the same address range: there it is someone else's.
    """

    address: str
    valid_from: int | None
    valid_to: int | None
    foreign_vpc_ids: tuple[str, ...]


class Subject(NamedTuple):
    """The instance under suspicion, and what it can be recognised by in a flow record."""

    instance_id: str | None
    vpc_ids: tuple[str, ...]
    interface_ids: tuple[str, ...]
    holdings: tuple[Holding, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that was the subject's at some time, once."""
        return tuple(dict.fromkeys(holding.address for holding in self.holdings))

    def needles(self) -> tuple[Needle, ...]:
        """What a line must contain to concern the subject."""
        ids = [self.instance_id] if self.instance_id else []
        return needles_of([*ids, *self.interface_ids], self.addresses)


def resolve_subject(
    instance_id: str | None,
    interface_ids: Iterable[str],
    addresses: Iterable[str],
    vpc_id: str | None,
    labels: LabelTables,
) -> Subject:
    """The subject by what was asked for, then by what the labels say of that instance.

    Addresses of the labels keep their validity; addresses that were asked for hold at any time.
    """
    asked_interfaces = tuple(interface_ids)
    known = [
        interface
        for interface in labels.interfaces
        if interface.interface_id in asked_interfaces
        or (instance_id is not None and interface.version.instance_id == instance_id)
    ]
    vpc_ids = [vpc_id] if vpc_id else [i.version.vpc_id for i in known if i.version.vpc_id]
    vpcs = tuple(dict.fromkeys(vpc_ids))
    spans: dict[tuple[str, int | None, int | None], None] = {}
    for address in addresses:
        spans[address, None, None] = None
    for interface in known:
        for address in interface.addresses:
            spans[address, interface.version.valid_from, interface.version.valid_to] = None
    return Subject(
        instance_id=instance_id,
        vpc_ids=vpcs,
        interface_ids=tuple(
            dict.fromkeys([*asked_interfaces, *(interface.interface_id for interface in known)])
        ),
        holdings=tuple(Holding(*span, _foreign_vpcs(span[0], vpcs, labels)) for span in spans),
    )


def _foreign_vpcs(address: str, own: tuple[str, ...], labels: LabelTables) -> tuple[str, ...]:
    if not own:
        return ()
    others = [
        vpc_id
        for vpc_id, network in labels.vpc_networks
        if vpc_id not in own and holds(network, address)
    ]
    return tuple(dict.fromkeys(others))
