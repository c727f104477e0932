"""Rows of a flow table → what a scan of the same objects for a subject would have found.

A scan looks for ids and addresses in the text of a line, a flow table for the same in the columns
where a subject may stand. So a line that holds an address of the subject in another field, or only
the end of one of its IPv6 addresses, is set aside here and parsed there; it is no flow of the
subject in either case.
"""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.flow_fields import FIELD_NAMES
from transforms.scan.lines import SHOWN_BYTES
from transforms.scan.needles import Needle, finder_for
from transforms.schemas import ACCOUNT_COLUMNS
from transforms.window import Window

_SOURCE = ("object_uri", "object_version", "object_line")
_MATCHED = (
    "parsed_lines", "in_window_lines", "out_of_window_lines", "first_start", "last_end",
)  # fmt: skip


def passes(values: Sequence[str]) -> Column:
    """Whether a record of a transit gateway names one of these ids and addresses."""
    return F.exists(F.map_values("transit"), lambda value: value.isin(list(values)))


def refused_for(refused: DataFrame, needles: tuple[Needle, ...]) -> DataFrame:
    """Of refused lines those that may concern the subject: that hold a needle, or nobody knows.

    Nobody knows of a line of which the end is not kept, or that was refused unsearched.
    """

    def found(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        finder = finder_for(needles, b"")
        for batch in batches:
            texts = batch["text"].to_pylist()
            hits = [
                unsearched or len(text) >= SHOWN_BYTES or len(finder.find(text.encode()).needles)
                for text, unsearched in zip(texts, batch["is_unsearched"].to_pylist(), strict=True)
            ]
            yield batch.filter(pa.array([bool(hit) for hit in hits], pa.bool_()))

    return refused.mapInArrow(found, refused.schema)


def is_in(window: Window, start: Column, end: Column) -> Column:
    """Whether an interval meets the window; a missing start or end is taken to be the other."""
    first, last = F.coalesce(start, end), F.coalesce(end, start)
    return (last >= F.lit(window.from_s)) & (first < F.lit(window.to_s))


def counted(rows: DataFrame, window: Window) -> DataFrame:
    """By object: its matching records, how many are in the window, and their first and last time.

    `rows` have `object_uri`, `start` and `end`.
    """
    meets = is_in(window, F.col("start"), F.col("end"))
    return rows.groupBy("object_uri").agg(
        F.count("*").alias("parsed_lines"),
        F.count_if(meets).alias("in_window_lines"),
        F.count_if(~meets).alias("out_of_window_lines"),
        F.min("start").alias("first_start"),
        F.max("end").alias("last_end"),
    )


def accounts_for(objects: DataFrame, matched: DataFrame, refused: DataFrame | None) -> DataFrame:
    """The account that each object would have had in a scan, as `SCANNED` has it.

    `objects` have the account of all their lines, `matched` the counts of `counted`, `refused` the
    refused lines that may concern the subject; None where there is none.
    """
    renamed = matched.select("object_uri", *(F.col(n).alias(f"matched_{n}") for n in _MATCHED))
    found = objects.withColumnRenamed("uri", "object_uri").join(
        F.broadcast(renamed), on="object_uri", how="left"
    )
    if refused is None:
        found = found.withColumn("matched_refused", F.lit(0))
    else:
        of_object = refused.groupBy("object_uri").agg(F.count("*").alias("matched_refused"))
        found = found.join(F.broadcast(of_object), on="object_uri", how="left")
    is_evidence = F.col("outcome").isin("read", "transit")
    refused_lines = F.coalesce("matched_refused", F.lit(0))
    parsed = F.coalesce("matched_parsed_lines", F.lit(0))
    aside = F.col("lines") - F.col("header_lines") - F.col("blank_lines") - parsed - refused_lines
    told = {name: F.col(name) for name in ACCOUNT_COLUMNS}
    for name in _MATCHED:
        counted_here = F.col(f"matched_{name}")
        is_time = name in ("first_start", "last_end")
        told[name] = counted_here if is_time else F.coalesce(counted_here, F.lit(0))
    told["refused_lines"] = refused_lines
    told["set_aside_lines"] = F.when(is_evidence, aside).otherwise(F.lit(0))
    account = F.struct(*(column.alias(name) for name, column in told.items()))
    return found.select("object_uri", account.alias("account"))


def records_of(rows: DataFrame, window: Window) -> DataFrame:
    """Flow records of the window, as `SCANNED` has them."""
    inside = rows.where(is_in(window, F.col("start"), F.col("end")))
    return inside.select(*_SOURCE, F.struct(*FIELD_NAMES, "extra").alias("record"))


def transit_of(rows: DataFrame, window: Window) -> DataFrame:
    """Records of transit gateways of the window, as `SCANNED` has them."""
    return rows.where(is_in(window, F.col("start"), F.col("end"))).select(*_SOURCE, "transit")


def refusals_of(rows: DataFrame) -> DataFrame:
    """Refused lines, as `SCANNED` has them."""
    refused = F.struct("text", "reason", "is_unsearched").alias("refused")
    return rows.select(*_SOURCE, refused)
