"""Keep the flows that the subject takes part in, and say how."""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.subject.identity import Holding, Part, Subject

OWN_INTERFACE, OTHER_END, BEHIND = "own_interface", "other_end", "behind"
UNKNOWN_VPC = "unknown_vpc"


def with_role(flows: DataFrame, subject: Subject) -> DataFrame:
    """Add `role`, null for flows of others; keeps every row. Needs `record_vpc_id` (see `label`).

    own_interface: recorded at an interface of the subject. other_end: recorded at a peer's or a
    middle interface, with the subject's address as source or destination. behind: only the packet's
    own address (`pkt_*`) is the subject's, as at a NAT gateway. unknown_vpc: as other_end, but the
    VPC of the interface is unknown while the subject's is known: the address may be another
    machine's in another VPC. An interface and an address count
    only while they were the subject's, an address not at interfaces of other VPCs that use the same
    range for themselves. A record that names another instance at an interface is believed, unless
    the interface was asked for.
    """
    is_told = F.lit(not subject.vpc_ids) | F.col("record_vpc_id").isNotNull()
    other_end = F.when(is_told, OTHER_END).otherwise(UNKNOWN_VPC)
    role = (
        F.when(at_own_interface(subject), OWN_INTERFACE)
        .when(_any_end_is(subject, "srcaddr", "dstaddr"), other_end)
        .when(_any_end_is(subject, "pkt_srcaddr", "pkt_dstaddr"), BEHIND)
    )
    return flows.withColumn("role", role)


def of_subject(flows: DataFrame) -> DataFrame:
    """Keep the flows that have a role."""
    return flows.where(F.col("role").isNotNull())


def at_own_interface(subject: Subject) -> Column:
    """Whether a flow was recorded at an interface of the subject while it was the subject's."""
    is_own = F.lit(False)
    is_other = F.lit(False)
    if subject.instance_ids:
        is_own = F.col("instance_id").isin(*subject.instance_ids)
        is_other = F.coalesce(~is_own, F.lit(False))
    known = {part.interface_id for part in subject.parts}
    at_any_time = [id_ for id_ in subject.interface_ids if id_ not in known]
    at_any_time += [p.interface_id for p in subject.parts if p.interface_id and _is_asked(p)]
    is_own |= F.col("interface_id").isin(*dict.fromkeys(at_any_time))
    spans = dict.fromkeys(
        (part.interface_id, part.valid_from, part.valid_to)
        for part in subject.parts
        if part.interface_id and not part.address and not _is_asked(part)
    )
    for interface_id, valid_from, valid_to in spans:
        test = F.col("interface_id") == interface_id
        is_own |= test & _is_meanwhile(valid_from, valid_to) & ~is_other
    return is_own


def _is_asked(part: Part) -> bool:
    return part.source == "argument"


def _is_meanwhile(valid_from: int | None, valid_to: int | None) -> Column:
    test = F.lit(True)
    if valid_from is not None:
        test &= F.coalesce("end", "start") >= valid_from
    if valid_to is not None:
        test &= F.coalesce("start", "end") < valid_to
    return test


def _any_end_is(subject: Subject, *columns: str) -> Column:
    nothing = F.lit(False)
    tests = [_holds(holding, column) for holding in subject.holdings for column in columns]
    return reduce(or_, tests, nothing)


def _holds(holding: Holding, column: str) -> Column:
    test = (F.col(column) == holding.address) & _is_meanwhile(holding.valid_from, holding.valid_to)
    if holding.foreign_vpc_ids:
        is_foreign = F.col("record_vpc_id").isin(*holding.foreign_vpc_ids)
        test &= ~F.coalesce(is_foreign, F.lit(False))
    return test
