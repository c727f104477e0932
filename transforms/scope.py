"""Keep the flows that the subject takes part in, and say how."""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.subject import Holding, Subject

OWN_INTERFACE, OTHER_END, BEHIND = "own_interface", "other_end", "behind"


def with_role(flows: DataFrame, subject: Subject) -> DataFrame:
    """Add `role`, null for flows of others; keeps every row. Needs `record_vpc_id` (see `label`).

    own_interface: recorded at an interface of the subject. other_end: recorded at a peer's or a
    middle interface, with the subject's address as source or destination. behind: only the packet's
    own address (`pkt_*`) is the subject's, as at a NAT gateway. An address counts only while it was
    the subject's, and not at interfaces of other VPCs that use the same range for themselves.
    """
    at_own_interface = F.col("interface_id").isin(*subject.interface_ids)
    if subject.instance_id is not None:
        at_own_interface |= F.col("instance_id") == subject.instance_id
    role = (
        F.when(at_own_interface, OWN_INTERFACE)
        .when(_any_end_is(subject, "srcaddr", "dstaddr"), OTHER_END)
        .when(_any_end_is(subject, "pkt_srcaddr", "pkt_dstaddr"), BEHIND)
    )
    return flows.withColumn("role", role)


def of_subject(flows: DataFrame) -> DataFrame:
    """Keep the flows that have a role."""
    return flows.where(F.col("role").isNotNull())


def _any_end_is(subject: Subject, *columns: str) -> Column:
    nothing = F.lit(False)
    tests = [_holds(holding, column) for holding in subject.holdings for column in columns]
    return reduce(or_, tests, nothing)


def _holds(holding: Holding, column: str) -> Column:
    test = F.col(column) == holding.address
    if holding.valid_from is not None:
        test &= F.coalesce("end", "start") >= holding.valid_from
    if holding.valid_to is not None:
        test &= F.coalesce("start", "end") < holding.valid_to
    if holding.foreign_vpc_ids:
        is_foreign = F.col("record_vpc_id").isin(*holding.foreign_vpc_ids)
        test &= ~F.coalesce(is_foreign, F.lit(False))
    return test
