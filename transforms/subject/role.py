"""Say how the subject takes part in a flow record, by lookup: the number of its names is free."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.coded import Coded, Flags, coded, with_columns
from transforms.subject.holdings import Held, is_among, times_of, while_held
from transforms.subject.identity import Part, Subject

OWN_INTERFACE, OTHER_END, BEHIND = "own_interface", "other_end", "behind"
UNKNOWN_VPC = "unknown_vpc"
ROLE = pa.field("role", pa.string())
_IS_OWN = "is_own"


def with_role(flows: DataFrame, subject: Subject) -> DataFrame:
    """Add `role`, see `roles_of`; keeps every row. Needs `record_vpc_id`, which labels tell."""
    return with_columns(flows, [ROLE], lambda flow: [roles_of(flow, subject)])


def of_subject(flows: DataFrame) -> DataFrame:
    """Keep the flows that have a role."""
    return flows.where(F.col("role").isNotNull())


def at_own_interfaces(flows: DataFrame, subject: Subject) -> DataFrame:
    """Keep the flows that were recorded at an interface of the subject while it was its own."""
    is_own = pa.field(_IS_OWN, pa.bool_())
    marked = with_columns(flows, [is_own], lambda flow: [pa.array(_at_own(flow, subject))])
    return marked.where(_IS_OWN).drop(_IS_OWN)


def roles_of(records: pa.Table, subject: Subject) -> pa.Array:
    """The role of each record, null for records of others. Needs `record_vpc_id`.

    own_interface: recorded at an interface of the subject. other_end: recorded at a peer's or a
    middle interface, with the subject's address as source or destination. behind: only the packet's
    own address (`pkt_*`) is the subject's, as at a NAT gateway. unknown_vpc: as other_end, but the
    VPC of the interface is unknown while the subject's is known: the address may be another
    machine's in another VPC. An interface and an address count
    only while they were the subject's, an address not at interfaces of other VPCs that use the same
    range for themselves. A record that names another instance at an interface is believed, unless
    the interface was asked for.
    """
    vpcs = coded(records["record_vpc_id"])
    outer = _any_end(records, subject, vpcs, ("srcaddr", "dstaddr"))
    packet = _any_end(records, subject, vpcs, ("pkt_srcaddr", "pkt_dstaddr"))
    is_told = np.full(len(records), not subject.vpc_ids) | (vpcs.codes >= 0)
    other_end = np.where(is_told, OTHER_END, UNKNOWN_VPC)
    role = np.where(outer, other_end, np.where(packet, BEHIND, ""))
    role = np.where(_at_own(records, subject), OWN_INTERFACE, role)
    return pa.array(role.tolist(), pa.string(), mask=role == "")


def _at_own(records: pa.Table, subject: Subject) -> Flags:
    instance, interface = coded(records["instance_id"]), coded(records["interface_id"])
    is_own = is_among(instance, subject.instance_ids)
    is_other = np.full(len(records), bool(subject.instance_ids)) & (instance.codes >= 0) & ~is_own
    known = {part.interface_id for part in subject.parts}
    at_any_time = [id_ for id_ in subject.interface_ids if id_ not in known]
    at_any_time += [p.interface_id for p in subject.parts if p.interface_id and _is_asked(p)]
    held: dict[str, list[Held]] = {}
    for part in subject.parts:
        if part.interface_id and not part.address and not _is_asked(part):
            held.setdefault(part.interface_id, []).append(Held(part.valid_from, part.valid_to))
    is_held = while_held(interface, held, times_of(records))
    return is_own | is_among(interface, at_any_time) | (is_held & ~is_other)


def _is_asked(part: Part) -> bool:
    return part.source == "argument"


def _any_end(records: pa.Table, subject: Subject, vpcs: Coded, columns: Sequence[str]) -> Flags:
    held: dict[str, list[Held]] = {}
    for address, valid_from, valid_to, foreign in subject.holdings:
        held.setdefault(address, []).append(Held(valid_from, valid_to, foreign))
    times = times_of(records)
    ends = [while_held(coded(records[column]), held, times, vpcs) for column in columns]
    return np.asarray(np.logical_or.reduce(ends), dtype=bool)
