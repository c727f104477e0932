"""The two tables of a watch, beside those of the flow table: read without Spark, only added to.

A row counts as soon as it is there, whether or not its run had anything new to add.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from jobs.flow_table.tables import FlowTable
from jobs.storage.delta_sink import append_rows
from transforms.flow_table.watched import WATCH_SHAPES


class PeerKey(NamedTuple):
    """What is told once of an instance: a row of `peers` at hop 1."""

    peer: str
    service_port: int | None
    protocol: int | None
    initiator: str


def last_run(table: FlowTable) -> int:
    """The number of the last complete run; 0 before the first."""
    return max((row["number"] for row in _rows(table, "runs", ["number"])), default=0)


def last_judged(table: FlowTable) -> dict[str, int]:
    """By instance the number of the last run that it is judged over."""
    found: dict[str, int] = {}
    for row in _rows(table, "watch_runs", ["instance_id", "number"]):
        instance_id, number = row["instance_id"], row["number"]
        found[instance_id] = max(number, found.get(instance_id, number))
    return found


def told_of(table: FlowTable, instance_ids: Iterable[str]) -> dict[str, set[PeerKey]]:
    """By instance everything that was told of it, ever."""
    found: dict[str, set[PeerKey]] = {each: set() for each in instance_ids}
    for row in _rows(table, "watched", ["instance_id", *PeerKey._fields]):
        if row["instance_id"] in found:
            found[row["instance_id"]].add(key_of(row))
    return found


def key_of(row: Mapping[str, Any]) -> PeerKey:
    """The key of a row of `peers`, or of `watched`."""
    return PeerKey(row["peer"], row["service_port"], row["protocol"], row["initiator"])


def add_told(
    spark: SparkSession, table: FlowTable, rows: Iterable[tuple[str, Any]], *, told_at: datetime,
    run_id: str,
) -> None:  # fmt: skip
    """Note rows of `peers` as told of these instances."""
    _append(spark, table, "watched", [
        {
            "instance_id": instance_id, **key_of(row)._asdict(), "reasons": row["reasons"],
            "first_at": row["first_at"], "told_at": told_at, "run_id": run_id,
        }
        for instance_id, row in rows
    ])  # fmt: skip


def add_runs(spark: SparkSession, table: FlowTable, rows: list[dict[str, Any]]) -> None:
    """Note how far instances are judged."""
    _append(spark, table, "watch_runs", rows)


def _append(spark: SparkSession, table: FlowTable, name: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        shape = WATCH_SHAPES[name]
        append_rows(spark.createDataFrame(rows, shape).coalesce(1), table.table(name), shape)


def _rows(table: FlowTable, name: str, columns: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.read(name, table.files(name), columns).to_pylist()
    return found
