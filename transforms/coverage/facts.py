"""What the tables know of coverage: records of the subject by slot, and trouble by slot."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms import patterns
from transforms.coverage.pace import LONG_INTERVAL_S, MOMENTS, SHORT_INTERVAL_S, SHORT_RECORD_S
from transforms.coverage.slots import LONGEST_RECORD_S, SLOT_S
from transforms.vocabulary import is_inside
from transforms.window import Window

# AWS, "Flow log records": start and end may lag behind the packets by up to a minute.
_LONGEST_LAG_S = 60


def records_by_slot(flows: DataFrame, window: Window) -> DataFrame:
    """One row per flow log, interface of the subject and slot that a record of it touches.

    Interfaces of the subject are those of flows with the role own_interface. A row whose
    `interface_id` is null tells which actions the flow log holds at other interfaces. Records are
    counted in the slot in which they end; the `is_…` say what touches the slot, by records whose
    interval a flow log can have. `flow_log_id` is null where keys are not AWS's.
    """
    end = F.coalesce("end", "start")
    is_sound = _is_sound()
    first = _slot_of(F.greatest(F.when(is_sound, F.coalesce("start", "end")).otherwise(end),
                                F.lit(window.from_s)))  # fmt: skip
    last = _slot_of(F.least(end, F.lit(window.to_s - 1)))
    slots = F.when(_is_own() & (first <= last), F.sequence(first, last, F.lit(SLOT_S)))
    status = F.coalesce("log_status", F.lit("OK"))
    ends_here = F.col("slot") == F.col("end_slot")

    def has_status(name: str) -> Column:
        return F.col("status") == name

    return (
        flows.select(
            *_flow_log(),
            F.when(_is_own(), F.col("interface_id")).alias("interface_id"),
            status.alias("status"),
            "action",
            is_sound.alias("is_sound"),
            _slot_of(end).alias("end_slot"),
            F.explode(F.coalesce(slots, F.array(F.lit(None).cast("bigint")))).alias("slot"),
        )
        .groupBy("account_id", "region", "flow_log_id", "interface_id", "slot")
        .agg(
            F.count_if(has_status("OK") & ends_here).alias("ok_records"),
            F.count_if(has_status("NODATA") & ends_here).alias("nodata_records"),
            F.count_if(has_status("SKIPDATA") & ends_here).alias("skipdata_records"),
            F.bool_or(has_status("OK") & F.col("is_sound")).alias("is_ok"),
            F.bool_or(has_status("NODATA") & F.col("is_sound")).alias("is_nodata"),
            F.bool_or(has_status("SKIPDATA")).alias("is_skipdata"),
            F.coalesce(F.bool_or(F.col("action") == "ACCEPT"), F.lit(False)).alias("has_accept"),
            F.coalesce(F.bool_or(F.col("action") == "REJECT"), F.lit(False)).alias("has_reject"),
        )
    )


def touches_by_minute(flows: DataFrame) -> DataFrame:
    """One row per flow log, interface of the subject and minute in which records begin: a `Touch`.

    Whatever their status: SKIPDATA, too, says that the interval was reported.
    """
    lasts = F.col("end") - F.col("start")
    return (
        flows.where(_is_own() & _is_sound())
        .select(
            *_flow_log(),
            "interface_id",
            F.coalesce("start", "end").alias("start"),
            F.coalesce("end", "start").alias("end"),
        )
        .groupBy("account_id", "region", "flow_log_id", "interface_id",
                 F.floor(F.col("start") / 60).alias("minute"))
        .agg(
            F.min("start").alias("first_start"),
            F.max("start").alias("last_start"),
            F.min("end").alias("first_end"),
            F.max("end").alias("last_end"),
            F.bit_or(F.expr(_crossed(SHORT_INTERVAL_S))).alias("crossed_short"),
            F.bit_or(F.expr(_crossed(LONG_INTERVAL_S))).alias("crossed_long"),
            F.count_if(lasts > SHORT_RECORD_S).alias("long_records"),
            F.count("*").alias("records"),
        )
    )  # fmt: skip


def _crossed(interval_s: int) -> str:
    """SQL text: the moments of an interval that a record crosses, a bit each.

    It crosses those that lie after its first and not after its last packet, wherever in its unit of
    time the moment is.
    """
    unit, every = interval_s // MOMENTS, (1 << MOMENTS) - 1
    first = f"(floor(start / {unit}) + 1)"
    number = f"least(greatest(floor((`end` - {unit - 1}) / {unit}) - {first} + 1, 0), {MOMENTS})"
    bits = f"IF({number} = {MOMENTS}, {every}L, shiftleft(1L, CAST({number} AS INT)) - 1)"
    turn = f"CAST({first} % {MOMENTS} AS INT)"
    return (
        f"(shiftleft({bits}, {turn}) & {every}L) | shiftright({bits}, {MOMENTS} - {turn})"
    )  # fmt: skip


def peer_only_slots(conversations: DataFrame, window: Window) -> DataFrame:
    """How many conversations of the subject only the peer's interface recorded, by slot.

    Whatever the peer's own rules stopped never reached the subject. Nor did what went to an address
    that the subject's own interface never has in its records: a public one, say. The edges of the
    window are left out, as the record at the other end may lie beyond them.
    """
    own = conversations.where("hop = 1 AND array_contains(points, 'subject')")
    known = own.select("subject_address").distinct()
    edge = 2 * _LONGEST_LAG_S
    first, last = F.unix_timestamp("first_at"), F.unix_timestamp("last_at")
    return (
        conversations.where(
            "hop = 1 AND array_contains(points, 'peer') AND NOT array_contains(points, 'subject')"
            " AND NOT (initiator = 'peer' AND outcome = 'BLOCKED_SRC')"
        )
        .where((first >= window.from_s + edge) & (last < window.to_s - edge))
        .join(known, "subject_address", "left_semi")
        .select(F.explode(F.sequence(_slot_of(first), _slot_of(last), F.lit(SLOT_S))).alias("slot"))
        .groupBy("slot")
        .agg(F.count("*").alias("conversations"))
    )


def _flow_log() -> list[Column]:
    return [
        F.nullif(F.regexp_extract("object_uri", patterns.FLOW_LOG_OBJECT, group), F.lit("")).alias(
            name
        )
        for group, name in enumerate(("account_id", "region", "flow_log_id"), 1)
    ]


def _is_own() -> Column:
    return (F.col("role") == "own_interface") & F.col("interface_id").isNotNull()


def _is_sound() -> Column:
    """Whether a flow log can have such a record: others touch nothing."""
    seconds = F.coalesce("end", "start") - F.coalesce("start", "end")
    return F.coalesce(seconds.between(0, LONGEST_RECORD_S), F.lit(False))


def _slot_of(second: Column) -> Column:
    return (F.floor(second / SLOT_S) * SLOT_S).cast("bigint")


def troubled_slots(objects: DataFrame, shown: int) -> DataFrame:
    """One row per flow log, slot and outcome of objects that were refused, of another kind, or read
    with refused lines; `refused` are the first `shown` refused objects with their reason.
    """  # fmt: skip
    is_refused = F.col("outcome").isin("refused", "unreadable")
    named = F.collect_list(F.when(is_refused, F.struct("uri", "reason")))
    return (
        objects.where(
            "outcome IN ('refused', 'unreadable', 'other_kind', 'transit') OR refused_lines > 0"
        )
        .groupBy(
            "flow_log_id", _slot_of(F.unix_timestamp("slot_at")).alias("slot"), "outcome"
        )
        .agg(
            F.when(~is_refused, F.sum("refused_lines"))
            .otherwise(0)
            .alias("refused_lines"),
            F.slice(F.array_sort(named), 1, shown).alias("refused"),
        )
    )  # fmt: skip


def of_unknown_vpcs(flows: DataFrame) -> DataFrame:
    """One row: records of interfaces of unknown VPC that carry an address of the subject, and which
    the subject's own interfaces do not know by their 5-tuple; and how many interfaces these are.
    """
    src, dst = "coalesce(pkt_srcaddr, srcaddr)", "coalesce(pkt_dstaddr, dstaddr)"
    ends = f"""sort_array(array(concat_ws(' ', {src}, srcport), concat_ws(' ', {dst}, dstport)))"""
    with_tuple = flows.where("srcaddr IS NOT NULL AND dstaddr IS NOT NULL").selectExpr(
        "role", "interface_id", f"concat_ws(' ', {ends}, protocol) AS tuple"
    )
    own = with_tuple.where("role = 'own_interface'").select("tuple")
    return (
        with_tuple.where("role = 'unknown_vpc'")
        .join(own, on="tuple", how="left_anti")
        .agg(F.count("*").alias("records"), F.countDistinct("interface_id").alias("interfaces"))
    )


# Objects without a record may be equal by chance, as a header is all that they hold.
HOLDS_RECORDS = "outcome IN ('read', 'transit') AND parsed_lines + set_aside_lines > 0"


def copied_objects(objects: DataFrame, shown: int) -> DataFrame:
    """One row per group of objects with the same bytes: their number and first URIs."""
    return (
        objects.where(HOLDS_RECORDS)
        .groupBy("sha256")
        .agg(
            F.count("*").alias("objects"),
            F.slice(F.sort_array(F.collect_list("uri")), 1, shown).alias("uris"),
        )
        .where("objects > 1")
        .orderBy("uris", "sha256")
        .limit(shown)
    )


def unlogged_peers(flows: DataFrame) -> DataFrame:
    """Internal peers whose own interface has no record among the flows, one row per interface.

    What such a peer's security group rejects cannot be seen. Peers whose interface no label knows
    are not among them: of them nothing can be said.
    """
    ends = [
        F.struct(
            F.col(f"{end}_interface_id").alias("id"),
            F.col(f"{end}_name").alias("name"),
            F.coalesce(F.expr(is_inside(f"{end}_ring")), F.lit(False)).alias("is_internal"),
            F.lit(False).alias("is_logged"),
        )
        for end in ("src", "dst")
    ]
    own = F.struct(
        F.col("interface_id").alias("id"),
        F.lit(None).cast("string").alias("name"),
        F.lit(False).alias("is_internal"),
        F.lit(True).alias("is_logged"),
    )
    return (
        flows.select(F.inline(F.array(*ends, own)))
        .where("id IS NOT NULL")
        .groupBy(F.col("id").alias("interface_id"))
        .agg(
            F.max(F.when(F.col("is_internal"), F.col("name"))).alias("name"),
            F.bool_or("is_internal").alias("is_internal"),
            F.bool_or("is_logged").alias("is_logged"),
        )
        .where("is_internal AND NOT is_logged")
        .select("interface_id", "name")
    )
