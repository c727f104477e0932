"""Scanned records of transit gateways → rows of the table `transit`, and whose they are."""

from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.record_id import record_id
from transforms.schemas import TRANSIT
from transforms.subject.identity import Holding, Subject
from transforms.table_shape import columns_of_ddl

_SIDES = ("src", "dst")
_DERIVED = ("record_id", "start_at", "end_at", "side", "extra", "object_uri", "object_line",
            "run_id")  # fmt: skip


def transit_rows(scanned: DataFrame, subject: Subject | None) -> DataFrame:
    """Every record of a transit gateway among scanned rows, with `side` and `is_kept`.

    `side` is the end that is the subject, and null for records of others. An address counts only
    while it was the subject's, and not in a VPC that the subject is not in. Without a subject every
    record is kept.
    """
    kinds = {name: kind for name, kind in columns_of_ddl(TRANSIT).items() if name not in _DERIVED}
    known = F.array(*map(F.lit, kinds))
    columns = {name: F.col("transit")[name].cast(kind) for name, kind in kinds.items()}
    further = F.map_filter("transit", lambda name, _: ~F.array_contains(known, name))
    return (
        scanned.where("transit IS NOT NULL")
        .withColumns(columns)
        .withColumns({
            "extra": F.when(F.size(further) > 0, further),
            "record_id": record_id(),
            "start_at": F.timestamp_seconds("start"),
            "end_at": F.timestamp_seconds("end"),
            "side": _side(subject) if subject else F.lit(None).cast("string"),
        })
        .withColumn("is_kept", F.col("side").isNotNull() if subject else F.lit(True))
    )  # fmt: skip


def _side(subject: Subject) -> Column:
    found = F.lit(None).cast("string")
    for side in reversed(_SIDES):
        tests = [_holds(holding, side, subject.vpc_ids) for holding in subject.holdings]
        found = F.when(reduce(or_, tests, F.lit(False)), side).otherwise(found)
    return found


def _holds(holding: Holding, side: str, vpc_ids: tuple[str, ...]) -> Column:
    test = F.col(f"{side}addr") == holding.address
    if holding.valid_from is not None:
        test &= F.coalesce("end", "start") >= holding.valid_from
    if holding.valid_to is not None:
        test &= F.coalesce("start", "end") < holding.valid_to
    if vpc_ids:
        test &= F.coalesce(F.col(f"tgw_{side}_vpc_id").isin(*vpc_ids), F.lit(True))
    return test
