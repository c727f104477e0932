"""Say how the subject takes part in a flow record, by lookup: the number of its names is free."""

from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.coded import Flags, coded, of_codes, with_columns
from transforms.subject.holdings import Held, held_by_name, is_among, times_of, while_held
from transforms.subject.identity import Part, Subject

OWN_INTERFACE, OTHER_END, BEHIND = "own_interface", "other_end", "behind"
UNKNOWN_VPC = "unknown_vpc"
_ROLES = (OWN_INTERFACE, OTHER_END, BEHIND, UNKNOWN_VPC)
ROLE = pa.field("role", pa.string())
_IS_OWN = "is_own"


def with_role(flows: DataFrame, subject: Subject) -> DataFrame:
    """Add `role`, see `Roles.of`; keeps every row. Needs `record_vpc_id`, which labels tell."""
    roles = Roles(subject)
    return with_columns(flows, [ROLE], lambda flow: [roles.of(flow)])


def of_subject(flows: DataFrame) -> DataFrame:
    """Keep the flows that have a role."""
    return flows.where(F.col("role").isNotNull())


def at_own_interfaces(flows: DataFrame, subject: Subject) -> DataFrame:
    """Keep the flows that were recorded at an interface of the subject while it was its own."""
    is_own, roles = pa.field(_IS_OWN, pa.bool_()), Roles(subject)
    marked = with_columns(flows, [is_own], lambda flow: [pa.array(roles.at_own(flow))])
    return marked.where(_IS_OWN).drop(_IS_OWN)


class Roles:
    """How a subject takes part in records; made once, as its names may be many."""

    def __init__(self, subject: Subject) -> None:
        self._has_vpcs = bool(subject.vpc_ids)
        self._instances = frozenset(subject.instance_ids)
        known = {part.interface_id for part in subject.parts}
        at_any_time = {id_ for id_ in subject.interface_ids if id_ not in known}
        at_any_time |= {p.interface_id for p in subject.parts if p.interface_id and _is_asked(p)}
        self._at_any_time = frozenset(at_any_time)
        self._interfaces = held_by_name(
            (part.interface_id, Held(part.valid_from, part.valid_to))
            for part in subject.parts
            if part.interface_id and not part.address and not _is_asked(part)
        )
        self._addresses = held_by_name(
            (address, Held(valid_from, valid_to, foreign))
            for address, valid_from, valid_to, foreign in subject.holdings
        )

    def of(self, records: pa.Table) -> pa.Array:
        """The role of each record, null for records of others. Needs `record_vpc_id`.

        own_interface: recorded at an interface of the subject. other_end: recorded at a peer's or a
        middle interface, with the subject's address as source or destination. behind: only the
        packet's own address (`pkt_*`) is the subject's, as at a NAT gateway. unknown_vpc: as
        other_end, but the VPC of the interface is unknown while the subject's is known: the address
        may be another machine's in another VPC. An interface and an address count only while they
        were the subject's, an address not at interfaces of other VPCs that use the same range for
        themselves. A record that names another instance at an interface is believed, unless the
        interface was asked for.
        """
        if not (self._instances or self._at_any_time or self._interfaces or self._addresses):
            return of_codes(np.full(len(records), -1), pa.array([], pa.string()))
        times, vpcs = times_of(records), coded(records["record_vpc_id"])

        def any_end(*columns: str) -> Flags:
            held = (
                while_held(coded(records[column]), self._addresses, times, vpcs)
                for column in columns
            )
            return reduce(np.logical_or, held)

        is_told = (vpcs.codes >= 0) | (not self._has_vpcs)
        other_end = np.where(is_told, _ROLES.index(OTHER_END), _ROLES.index(UNKNOWN_VPC))
        behind = np.where(any_end("pkt_srcaddr", "pkt_dstaddr"), _ROLES.index(BEHIND), -1)
        role = np.where(any_end("srcaddr", "dstaddr"), other_end, behind)
        role = np.where(self.at_own(records), _ROLES.index(OWN_INTERFACE), role)
        return of_codes(role, pa.array(_ROLES, pa.string()))

    def at_own(self, records: pa.Table) -> Flags:
        """Whether each record was taken at an interface of the subject while it was its own."""
        instance, interface = coded(records["instance_id"]), coded(records["interface_id"])
        is_own = is_among(instance, self._instances)
        is_other = bool(self._instances) & (instance.codes >= 0) & ~is_own
        is_held = while_held(interface, self._interfaces, times_of(records))
        return is_own | is_among(interface, self._at_any_time) | (is_held & ~is_other)


def _is_asked(part: Part) -> bool:
    return part.source == "argument"
