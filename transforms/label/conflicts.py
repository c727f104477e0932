"""What the labels say twice: two owners of one address, two subnets of one network."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from transforms.label.tables import LabelTables, NetworkLabel
from transforms.network.addresses import Network, cidr_of
from transforms.network.ranges import overlap


def owner_conflicts(built: LabelTables) -> Iterator[str]:
    """Addresses that the labels give to two interfaces of one VPC at one time."""
    for address, owners in sorted(built.owners.items()):
        if len(owners) > 1:
            for one, other in combinations(sorted(owners, key=repr), 2):
                differ = one.interface_id != other.interface_id
                share = one.vpc_id == other.vpc_id or (one.is_public and other.is_public)
                if differ and share and overlap(one.span, other.span):
                    place = "as public address" if one.is_public else f"in {one.vpc_id or 'no VPC'}"
                    yield (
                        f"labels give {address} {place} to {one.interface_id} and to "
                        f"{other.interface_id} at the same time; it is labelled ambiguous"
                    )


def network_conflicts(built: LabelTables) -> Iterator[str]:
    """Networks that the labels give to two subnets of one VPC at one time."""
    known: dict[tuple[str | None, Network], list[NetworkLabel]] = defaultdict(list)
    for label in built.networks:
        if label.subnet_id is not None:
            known[label.vpc_id, label.network].append(label)
    for (vpc_id, network), labels in sorted(known.items(), key=repr):
        for one, other in combinations(sorted(labels, key=repr), 2):
            if one.subnet_id != other.subnet_id and overlap(one.span, other.span):
                yield (
                    f"labels give {cidr_of(network)} of {vpc_id or 'no VPC'} to {one.subnet_id} "
                    f"and to {other.subnet_id} at the same time; it is labelled ambiguous"
                )
