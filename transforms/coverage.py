"""What was not seen: five-minute slots of the subject's interfaces, and the judgement of them.

AWS, "Publish flow logs to Amazon S3": the object of a slot holds the records that *end* in it. AWS,
"Flow log records": an interface without traffic has a NODATA record, so silence is a gap, too.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import Window as Over
from pyspark.sql import functions as F

from transforms.window import Window

Verdict = Literal["FULL", "PARTIAL", "NONE"]

SLOT_S = 300
# Intervals last ten minutes at most; a line that claims more covers nothing.
LONGEST_RECORD_S = 660
# Nitro interfaces have intervals of a minute; a longer record shows that this one has ten.
_SHORT_INTERVAL_S = 120
# How well a slot is known; of several flow logs of an interface, the best counts.
_BEST_FIRST = ("ok", "nodata", "skipdata", "refused", "missing", "nothing recorded")
_STATUSES_SEEN = ("ok", "nodata")


class Life(NamedTuple):
    """When an interface was the subject's, in Unix seconds; None: since or until ever."""

    interface_id: str
    valid_from: int | None = None
    valid_to: int | None = None


class Coverage(NamedTuple):
    """Whether silence means something. `figures` are the counts that the reasons speak of."""

    verdict: Verdict
    reasons: tuple[str, ...]
    figures: Mapping[str, int]


def coverage_table(
    flows: DataFrame, objects: DataFrame, interface_ids: Sequence[str], window: Window,
    lives: Sequence[Life] = (),
) -> DataFrame:  # fmt: skip
    """One row per flow log, interface of the subject and five-minute slot of the window.

    Beside `interface_ids`, interfaces count whose flows have the role own_interface. Which flow
    logs cover an interface is learnt from the objects of its records; for an interface without a
    record `flow_log_id` is null. Slots outside all `lives` of an interface have no row. Rows with a
    null `interface_id` are the slots of a flow log without any object, or with a refused one. A
    slot that the ten-minute interval of a neighbour may reach into counts like the neighbour.
    `has_accept` and `has_reject` are of the flow log, at whichever interface of the flows.

    `flows` and `objects` have the columns of `schemas.FLOWS` and `schemas.OBJECTS`.
    """
    slots = _slots(objects, window)
    by_slot = _objects_by_slot(objects)
    seen = _records_by_slot(flows, objects, window)
    pairs = _interfaces(objects, interface_ids).join(
        seen.groupBy("interface_id", "flow_log_id", "account_id", "region").agg(
            F.max("longest_s").alias("longest_s"),
        ),
        on="interface_id",
        how="full",
    )
    grid = pairs.crossJoin(slots).where(_alive(lives))
    same_slot = [
        F.col("grid.slot") == F.col("seen.slot"),
        F.col("grid.interface_id") == F.col("seen.interface_id"),
        F.col("grid.flow_log_id").eqNullSafe(F.col("seen.flow_log_id")),
    ]
    interfaces = (
        grid.alias("grid")
        .join(seen.drop("longest_s", "account_id", "region").alias("seen"), same_slot, how="left")
        .select("grid.*", *_COUNTS, *_TOUCHED)
        .join(by_slot, on=["flow_log_id", "slot"], how="left")
        .join(_actions_by_flow_log(flows, objects), on="flow_log_id", how="left")
        .transform(_with_status)
    )
    return interfaces.unionByName(_gaps_of_flow_logs(by_slot, slots)).select(
        "*", F.timestamp_seconds("slot").alias("slot_at")
    )


def _slots(objects: DataFrame, window: Window) -> DataFrame:
    first = window.from_s // SLOT_S * SLOT_S
    last = (window.to_s - 1) // SLOT_S * SLOT_S
    one = objects.sparkSession.range(1)
    return one.select(F.explode(F.sequence(F.lit(first), F.lit(last), F.lit(SLOT_S))).alias("slot"))


def _interfaces(objects: DataFrame, interface_ids: Sequence[str]) -> DataFrame:
    wanted = F.array(*map(F.lit, interface_ids)).cast("array<string>")
    return objects.sparkSession.range(1).select(F.explode(wanted).alias("interface_id"))


def _alive(lives: Sequence[Life]) -> Column:
    alive = F.lit(True)
    for interface_id in sorted({life.interface_id for life in lives}):
        spans = F.lit(False)
        for life in lives:
            if life.interface_id == interface_id:
                span = F.lit(True)
                if life.valid_from is not None:
                    span &= F.col("slot") + SLOT_S > life.valid_from
                if life.valid_to is not None:
                    span &= F.col("slot") < life.valid_to
                spans |= span
        alive &= (F.col("interface_id") != interface_id) | spans
    return alive


_COUNTS = ("ok_records", "nodata_records", "skipdata_records")
_TOUCHED = ("is_ok", "is_nodata", "is_skipdata")


def _records_by_slot(flows: DataFrame, objects: DataFrame, window: Window) -> DataFrame:
    """Records at the subject's interfaces by every slot that they touch."""
    keys = objects.select(F.col("uri").alias("object_uri"), "flow_log_id", "account_id", "region")
    end = F.coalesce("end", "start")
    seconds = end - F.coalesce("start", "end")
    is_sound = seconds.between(0, LONGEST_RECORD_S)
    start = F.greatest(F.when(is_sound, end - seconds).otherwise(end), F.lit(window.from_s))
    last = F.least(end, F.lit(window.to_s - 1))
    is_last = F.col("slot") == F.floor(end / SLOT_S) * SLOT_S
    status = F.coalesce("log_status", F.lit("OK"))
    return (
        flows.where((F.col("role") == "own_interface") & F.col("interface_id").isNotNull())
        .select("object_uri", "interface_id", "start", "end", status.alias("log_status"))
        .withColumn("is_sound", is_sound)
        .withColumns({"first_slot": _slot_of(start), "last_slot": _slot_of(last)})
        .where("first_slot <= last_slot")
        .withColumn("slot", F.explode(F.sequence("first_slot", "last_slot", F.lit(SLOT_S))))
        .join(keys, on="object_uri", how="left")
        .groupBy("interface_id", "flow_log_id", "account_id", "region", "slot")
        .agg(
            F.count_if((F.col("log_status") == "OK") & is_last).alias("ok_records"),
            F.count_if((F.col("log_status") == "NODATA") & is_last).alias("nodata_records"),
            F.count_if((F.col("log_status") == "SKIPDATA") & is_last).alias("skipdata_records"),
            *(F.bool_or((F.col("log_status") == name.upper()) & F.col("is_sound"))
              .alias(f"is_{name}") for name in ("ok", "nodata")),
            F.bool_or(F.col("log_status") == "SKIPDATA").alias("is_skipdata"),
            F.max(F.when(F.col("is_sound"), seconds)).alias("longest_s"),
        )
    )  # fmt: skip


def _actions_by_flow_log(flows: DataFrame, objects: DataFrame) -> DataFrame:
    """Whether a flow log holds both actions, at whichever interface: it may keep one of them."""
    keys = objects.select(F.col("uri").alias("object_uri"), "flow_log_id")
    return (
        flows.select("object_uri", "action")
        .join(keys, on="object_uri", how="left")
        .where("flow_log_id IS NOT NULL")
        .groupBy("flow_log_id")
        .agg(
            F.bool_or(F.col("action") == "ACCEPT").alias("has_accept"),
            F.bool_or(F.col("action") == "REJECT").alias("has_reject"),
        )
    )


def _slot_of(second: Column) -> Column:
    return (F.floor(second / SLOT_S) * SLOT_S).cast("bigint")


def _objects_by_slot(objects: DataFrame) -> DataFrame:
    """Objects of VPC flow logs by flow log and slot: how many there are, and how many refused."""
    concerns = "flow_log_id IS NOT NULL AND outcome NOT IN ('skipped', 'other_kind')"
    return (
        objects.where(concerns)
        .groupBy("flow_log_id", _slot_of(F.unix_timestamp("slot_at")).alias("slot"))
        .agg(
            F.count("*").alias("objects"),
            F.count_if(F.col("outcome") == "refused").alias("refused"),
            F.first("account_id").alias("key_account_id"),
            F.first("region").alias("key_region"),
        )
    )


def _with_status(grid: DataFrame) -> DataFrame:
    in_order = Over.partitionBy("interface_id", "flow_log_id").orderBy("slot")
    own = F.expr(
        "CASE WHEN refused > 0 THEN 'refused' WHEN is_skipdata THEN 'skipdata' "
        "WHEN is_ok THEN 'ok' WHEN is_nodata THEN 'nodata' "
        "WHEN flow_log_id IS NOT NULL AND objects IS NULL THEN 'missing' END"
    )
    near = F.greatest(F.lag("seen_s").over(in_order), F.lead("seen_s").over(in_order))
    reached = (F.col("longest_s") > _SHORT_INTERVAL_S) & near.isNotNull()
    status = F.coalesce(
        "own_status",
        F.when(reached, F.when(near == 2, "ok").otherwise("nodata")),
        F.lit("nothing recorded"),
    )
    return (
        grid.withColumn("own_status", own)
        .withColumn("seen_s", F.expr("CASE WHEN is_ok THEN 2 WHEN is_nodata THEN 1 END"))
        .select(
            "flow_log_id", "account_id", "region", "interface_id", "slot",
            status.alias("status"),
            *(F.coalesce(name, F.lit(0)).cast("bigint").alias(name) for name in _COUNTS),
            "has_accept", "has_reject",
        )
    )  # fmt: skip


def _gaps_of_flow_logs(by_slot: DataFrame, slots: DataFrame) -> DataFrame:
    known = by_slot.groupBy("flow_log_id").agg(
        F.first("key_account_id").alias("account_id"), F.first("key_region").alias("region")
    )
    none, unknown = F.lit(0).cast("bigint"), F.lit(None).cast("boolean")
    return (
        known.crossJoin(slots)
        .join(by_slot, on=["flow_log_id", "slot"], how="left")
        .where("objects IS NULL OR refused > 0")
        .select(
            "flow_log_id", "account_id", "region",
            F.lit(None).cast("string").alias("interface_id"), "slot",
            F.expr("IF(objects IS NULL, 'missing', 'refused')").alias("status"),
            *(none.alias(name) for name in _COUNTS),
            unknown.alias("has_accept"), unknown.alias("has_reject"),
        )
    )  # fmt: skip


def coverage_by_interface(coverage: DataFrame) -> DataFrame:
    """One row per interface of the table: its slots by status, for `judge_coverage`.

    Of several flow logs of an interface the one that knows most of a slot counts, for each action
    by itself, as a flow log may keep one of them; the action that is known worse decides.
    `overlapping` are slots in which several recorded one action. `before_first` and `after_last`
    are the slots with nothing recorded before its first and after its last record.
    """
    best_first = ", ".join(f"'{status}'" for status in _BEST_FIRST)
    rank = f"array_position(array({best_first}), status)"
    best = {
        action: f"min(IF(coalesce({has}, true) OR NOT coalesce({other}, false), {rank}, NULL))"
        for action, has, other in (
            ("ACCEPT", "has_accept", "has_reject"),
            ("REJECT", "has_reject", "has_accept"),
        )
    }
    # greatest() ignores null: an action that no flow log keeps is said by itself, not by slots
    decides = f"greatest({best['ACCEPT']}, {best['REJECT']})"
    recorded = "ok_records + nodata_records > 0"
    is_seen = F.col("status").isin(*_STATUSES_SEEN, "skipdata")
    by_slot = (
        coverage.where("interface_id IS NOT NULL")
        .groupBy("interface_id", "slot_at")
        .agg(
            F.expr(f"element_at(array({best_first}), cast({decides} AS INT))").alias("status"),
            F.collect_set("flow_log_id").alias("flow_logs"),
            F.expr(
                f"greatest(count_if({recorded} AND has_accept), "
                f"count_if({recorded} AND has_reject))"
            ).alias("recorded_in"),
            F.sum("skipdata_records").alias("skipdata_records"),
            F.bool_or("has_accept").alias("has_accept"),
            F.bool_or("has_reject").alias("has_reject"),
        )
    )
    of_interface = Over.partitionBy("interface_id")
    return (
        by_slot.withColumn("first_at", F.min(F.when(is_seen, F.col("slot_at"))).over(of_interface))
        .withColumn("last_at", F.max(F.when(is_seen, F.col("slot_at"))).over(of_interface))
        .groupBy("interface_id")
        .agg(
            F.count("*").alias("slots"),
            *(
                F.count_if(F.col("status") == status).alias(status.replace(" ", "_"))
                for status in _BEST_FIRST
            ),
            F.sum("skipdata_records").alias("skipdata_records"),
            F.bool_or("has_accept").alias("has_accept"),
            F.bool_or("has_reject").alias("has_reject"),
            F.count_if(F.expr("recorded_in > 1")).alias("overlapping"),
            F.array_sort(F.array_distinct(F.flatten(F.collect_set("flow_logs")))).alias(
                "flow_logs"
            ),
            F.count_if(F.expr("slot_at < first_at AND status = 'nothing recorded'")).alias(
                "before_first"
            ),
            F.count_if(F.expr("slot_at > last_at AND status = 'nothing recorded'")).alias(
                "after_last"
            ),
        )
    )


def judge_coverage(
    interfaces: Sequence[Mapping[str, object]], refused_lines: int = 0, unlogged_peers: int = 0
) -> Coverage:
    """FULL, PARTIAL or NONE from the rows of `coverage_by_interface`, with the reasons in words.

    `refused_lines`: quarantined lines of the flow logs that cover them. `unlogged_peers`: internal
    peers without a record of their own interface; it is said, and makes no coverage partial, as
    it says nothing of the subject's own interfaces.
    """
    figures = {name: _total(interfaces, name) for name in _FIGURES}
    figures |= {
        "interfaces": len(interfaces),
        "seen": figures["ok"] + figures["nodata"],
        "refused_lines": refused_lines,
        "unlogged_peers": unlogged_peers,
    }
    if not interfaces:
        return Coverage("NONE", ("no interface of the subject is known",), figures)
    if not figures["seen"] + figures["skipdata"]:
        return Coverage("NONE", (_nothing_at_all(interfaces, figures),), figures)
    reasons = tuple(_reasons(interfaces, figures))
    return Coverage("PARTIAL" if reasons else "FULL", reasons, figures)


_FIGURES = (
    "slots", "ok", "nodata", "skipdata", "refused", "missing", "nothing_recorded",
    "skipdata_records", "overlapping", "before_first", "after_last",
)  # fmt: skip


def _total(interfaces: Sequence[Mapping[str, object]], name: str) -> int:
    return sum(value for row in interfaces if isinstance(value := row[name], int))


def _nothing_at_all(interfaces: Sequence[Mapping[str, object]], figures: Mapping[str, int]) -> str:
    names = ", ".join(str(row["interface_id"]) for row in interfaces[:3])
    return f"no record of {names} in any of {_slots_said(figures['slots'])}"


def _reasons(interfaces: Sequence[Mapping[str, object]], figures: Mapping[str, int]) -> list[str]:
    reasons = []
    for row in interfaces:
        if not any(row[status] for status in ("ok", "nodata", "skipdata")):
            reasons.append(f"no record of {row['interface_id']}")
        else:
            kept = {"ACCEPT": row["has_accept"], "REJECT": row["has_reject"]}
            for action, other in (("REJECT", "ACCEPT"), ("ACCEPT", "REJECT")):
                if kept[action] is False or (kept[action] is None and kept[other]):
                    reasons.append(
                        f"{row['interface_id']}: no {action} among the flows of its flow logs: "
                        f"there was none, or they keep {other} only"
                    )
    if figures["missing"]:
        reasons.append(f"{_slots_said(figures['missing'])} without an object")
    if figures["refused"]:
        reasons.append(f"{_slots_said(figures['refused'])} with a refused object")
    if figures["skipdata"]:
        reasons.append(
            f"{_slots_said(figures['skipdata'])} in which AWS lost records "
            f"(SKIPDATA, {figures['skipdata_records']:,} records)"
        )
    if figures["nothing_recorded"]:
        ends = [
            f"{figures[name]:,} {words}"
            for name, words in (
                ("before_first", "before its first record"),
                ("after_last", "after its last: late, or ended"),
            )
            if figures[name]
        ]
        shown = f" ({', '.join(ends)})" if ends else ""
        reasons.append(f"{_slots_said(figures['nothing_recorded'])} with nothing recorded{shown}")
    if figures["refused_lines"]:
        word = "line" if figures["refused_lines"] == 1 else "lines"
        reasons.append(f"{figures['refused_lines']:,} {word} of its flow logs refused")
    return reasons


def _slots_said(number: int) -> str:
    return f"{number:,} slot" if number == 1 else f"{number:,} slots"


def unlogged_peers(flows: DataFrame) -> DataFrame:
    """Internal peers whose own interface has no record among the flows, one row per interface.

    What such a peer's security group rejects cannot be seen. Peers whose interface no label knows
    are not among them: of them nothing can be said.
    """
    ends = F.explode(
        F.array(
            *(
                F.struct(
                    F.col(f"{end}_interface_id").alias("interface_id"),
                    F.col(f"{end}_name").alias("name"),
                    F.col(f"{end}_scope").alias("scope"),
                )
                for end in ("src", "dst")
            )
        )
    )
    peers = (
        flows.select(ends.alias("end"))
        .where("end.interface_id IS NOT NULL AND end.scope = 'internal'")
        .groupBy("end.interface_id")
        .agg(F.max("end.name").alias("name"))
    )
    logged = flows.where("interface_id IS NOT NULL").select("interface_id").distinct()
    return peers.join(logged, on="interface_id", how="left_anti")
