"""Scanned records of transit gateways → rows of the table `transit`, and whose they are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.coded import coded, with_columns
from transforms.record_id import record_id
from transforms.schemas import TRANSIT
from transforms.subject.holdings import Held, held_by_name, times_of, while_held
from transforms.subject.identity import Subject
from transforms.table_shape import columns_of_ddl

_SIDES = ("src", "dst")
_SIDE = pa.field("side", pa.string())
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
    rows = (
        scanned.where("transit IS NOT NULL")
        .withColumns(columns)
        .withColumns({
            "extra": F.when(F.size(further) > 0, further),
            "record_id": record_id(),
            "start_at": F.timestamp_seconds("start"),
            "end_at": F.timestamp_seconds("end"),
        })
    )  # fmt: skip
    if subject is None:
        return rows.withColumns({"side": F.lit(None).cast("string"), "is_kept": F.lit(True)})
    held = held_by_name(
        (address, Held(valid_from, valid_to, vpc_ids=subject.vpc_ids))
        for address, valid_from, valid_to, _ in subject.holdings
    )
    sided = with_columns(rows, [_SIDE], lambda record: [_sides_of(record, held)])
    return sided.withColumn("is_kept", F.col("side").isNotNull())


def _sides_of(records: pa.Table, held: Mapping[str, Sequence[Held]]) -> pa.Array:
    times = times_of(records)
    side = np.full(len(records), "", dtype="<U3")
    for name in reversed(_SIDES):
        vpcs = coded(records[f"tgw_{name}_vpc_id"])
        side[while_held(coded(records[f"{name}addr"]), held, times, vpcs)] = name
    return pa.array(side.tolist(), pa.string(), mask=side == "")
