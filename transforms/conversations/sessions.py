"""Records of one 5-tuple → sessions, each counted at one observer.

The 5-tuple is the only key that rows are exchanged by: copies are found, sessions cut and observers
summed where the records of a 5-tuple lie.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.columns import with_texts
from transforms.conversations.sides import TUPLE
from transforms.label.rings import ring_by_range
from transforms.network.addresses import key_sql
from transforms.vocabulary import Ring, ring_of_rank

WAYS = {"out": "is_out", "in": "NOT is_out"}
_LABELS = "name interface_id instance_id subnet_name vpc_name aws_service".split()
_IDENTITY = (
    "start_s", "end_s", "interface_id", "flow_log_id", "is_out", "is_rejected", "tcp_flags",
    "packets", "bytes",
)  # fmt: skip

# A record of up to this many packets may hold nothing but SYNs, keepalives and acknowledgements.
_FEW_PACKETS = 60


def without_unknown_vpcs(sided: DataFrame) -> DataFrame:
    """Drop records of interfaces of unknown VPC, but where the subject's own interface recorded the
    same 5-tuple: the address may be another machine's otherwise.
    """
    return with_is_known(sided, TUPLE).where("is_known").drop("is_known")


def with_is_known(records: DataFrame, of_tuple: Sequence[str]) -> DataFrame:
    """Add `is_known`: whether `without_unknown_vpcs` keeps a record, by these columns of its
    5-tuple; keeps every row.
    """
    is_told = F.max(F.expr("role = 'own_interface'")).over(Window.partitionBy(*of_tuple))
    return records.withColumn("is_known", is_told | F.expr("role <> 'unknown_vpc'"))


def in_sessions(sided: DataFrame, gap_s: int) -> DataFrame:
    """Add `session`, `is_copy`, `is_try` and `payload`; keeps every row.

    A session ends where a 5-tuple was silent for longer than the gap. A copy is equal to a record
    of another object in interface, flow log, interval, 5-tuple, action, flags and counters. A try
    is a rejected record that may be an attempt of its own.
    """
    in_order = Window.partitionBy(*TUPLE).orderBy(*_IDENTITY)
    until_now = Window.partitionBy(*TUPLE).orderBy("start_s")
    until_now = until_now.rangeBetween(Window.unboundedPreceding, Window.currentRow)
    accepted_end = F.max(F.expr("IF(is_rejected, NULL, end_s)")).over(until_now)
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    equal_ones = in_order.rangeBetween(Window.currentRow, Window.currentRow)
    so_far = in_order.rangeBetween(Window.unboundedPreceding, Window.currentRow)
    is_new = F.col("start_s") - F.max("end_s").over(before) > gap_s
    marked = sided.withColumns(
        {
            "is_new": F.coalesce(is_new, F.lit(False)).cast("int"),
            "is_copy": F.col("source") != F.min("source").over(equal_ones),
            "accepted_end": accepted_end,
        }
    )
    return marked.withColumns(
        {
            "session": F.sum("is_new").over(so_far),
            "is_try": F.expr(_IS_TRY.format(gap_s=gap_s)),
            "payload": F.expr(_PAYLOAD),
        }
    )


# Payload of a record, null where it is unknown. TCP's headers hold up to 40 octets of options in a
# SYN and 12 in most other packets. Packets that are no longer than headers with all options carry
# nothing, unless they are too many to be keepalives.
_IP = "IF(instr(peer, ':') > 0, 40, 20)"
_PAYLOAD = f"""
    CASE WHEN protocol = 6 THEN
             CASE WHEN bytes > packets * ({_IP} + 40) THEN bytes - packets * ({_IP} + 20)
                  WHEN packets > {_FEW_PACKETS}
                      THEN greatest(bytes - packets * ({_IP} + 32), 0L)
                  WHEN packets IS NOT NULL AND bytes IS NOT NULL THEN 0L END
         WHEN packets IS NOT NULL AND bytes IS NOT NULL THEN greatest(bytes - packets
             * ({_IP} + CASE WHEN protocol IN (1, 17, 58) THEN 8 ELSE 0 END), 0L) END
"""
# A SYN; without flags, a packet with nothing accepted shortly before: late ones are rejected, too.
_IS_TRY = """is_rejected AND IF(tcp_flags IS NULL,
    coalesce(start_s - accepted_end > {gap_s}, true), tcp_flags & 18 = 2)"""


def by_observer(sessions: DataFrame) -> DataFrame:
    """One row per session and observer: an interface in one flow log. Copies are counted apart."""
    return sessions.groupBy(*TUPLE, "session", "point", "interface_id", "flow_log_id").agg(
        *(F.max(f"peer_{name}").alias(f"peer_{name}") for name in _LABELS),
        F.min("ring_rank").alias("ring_rank"),
        F.expr("bool_or(is_blind_leg)").alias("is_blind_leg"),
        F.expr("count_if(is_copy)").alias("copies"),
        F.expr("min(IF(is_try, NULL, start_s))").alias("first_s"),
        F.expr("max(IF(is_try, NULL, end_s))").alias("last_s"),
        F.expr("count_if(tcp_flags IS NOT NULL)").alias("flagged"),
        *(column for way, condition in WAYS.items() for column in _of_way(way, condition)),
    )


def _of_way(way: str, condition: str) -> list[Column]:
    here = f"{condition} AND NOT is_copy"
    accepted = f"{here} AND NOT is_rejected"
    tried = f"{here} AND is_try"
    is_reset = "tcp_flags & 7 = 4 AND coalesce(payload, 0) = 0"
    texts = {
        "records": f"count_if({here})",
        "accepted": f"count_if({accepted})",
        "rejects": f"count_if({here} AND is_rejected)",
        "tries": f"count_if({tried})",
        "try_flagged": f"count_if({tried} AND tcp_flags IS NOT NULL)",
        "try_first": f"min(IF({tried}, start_s, NULL))",
        "try_last": f"max(IF({tried}, end_s, NULL))",
        "synacks": f"count_if({here} AND tcp_flags & 18 = 18)",
        "resets": f"count_if({accepted} AND tcp_flags & 4 = 4 AND tcp_flags & 2 = 0)",
        "replies": f"count_if({here} AND (tcp_flags & 18 = 18 OR {is_reset}))",
        "closes": f"count_if({here} AND tcp_flags & 3 = 1 AND coalesce(payload, 0) = 0)",
        "syn_s": f"min(IF({accepted} AND tcp_flags & 18 = 2, start_s, NULL))",
        "began_s": f"min(IF({accepted}, start_s, NULL))",
        "blank": f"count_if({accepted} AND payload IS NULL)",
        "data": f"coalesce(sum(IF({accepted}, payload, NULL)), 0L)",
        **{
            name: f"IF(count_if({accepted} AND {name} IS NULL) > 0, NULL,"
            f" sum(IF({accepted}, {name}, 0L)))"
            for name in ("packets", "bytes")
        },
    }
    return [F.expr(text).alias(f"{name}_{way}") for name, text in texts.items()]


_RANK = "CASE point WHEN 'subject' THEN 0 WHEN 'peer' THEN 1 ELSE 2 END"
_COUNTED = [f"{name}_{way}" for name in ("packets", "bytes", "data", "blank") for way in WAYS]


def over_observers(observed: DataFrame) -> DataFrame:
    """One row per session. Volumes are those of one observer, the nearest that accepted anything.

    Among equally near ones it is the one that saw most: a second flow log may have begun later.
    """
    sums = ["records", "accepted", "tries", "try_flagged", "synacks", "resets", "replies",
            "closes"]  # fmt: skip
    volume = "coalesce(bytes_out, 0) + coalesce(bytes_in, 0)"
    counter = f"""
        min(named_struct('nothing', accepted_out + accepted_in = 0, 'rank', {_RANK},
            'less', -({volume}), 'id', interface_id, 'log', flow_log_id, 'point', point,
            {", ".join(f"'{name}', {name}" for name in _COUNTED)}))"""
    at = {"near": "point = 'subject'", "far": "point <> 'subject'"}
    sessions = observed.groupBy(*TUPLE, "session").agg(
        *(F.max(f"peer_{name}").alias(f"peer_{name}") for name in _LABELS),
        F.min("ring_rank").alias("ring_rank"),
        F.expr("bool_and(is_blind_leg)").alias("is_blind"),
        F.min("first_s").alias("first_s"),
        F.max("last_s").alias("last_s"),
        *(F.sum(name).alias(name) for name in ("copies", "flagged")),
        *(F.sum(f"{name}_{way}").alias(f"{name}_{way}") for name in sums for way in WAYS),
        *(
            F.expr(f"sum(IF({test}, {name}_{way}, 0))").alias(f"{where}_{name}_{way}")
            for where, test in at.items()
            for name in ("rejects", "tries")
            for way in WAYS
        ),
        *(
            F.expr(f"sum(IF(point = '{point}', records_{way}, 0))").alias(f"{point}_records_{way}")
            for point in ("subject", "peer")
            for way in WAYS
        ),
        *(
            F.min(f"{name}_{way}").alias(f"{name}_{way}")
            for name in ("syn_s", "began_s", "try_first")
            for way in WAYS
        ),
        *(F.max(f"try_last_{way}").alias(f"try_last_{way}") for way in WAYS),
        # The same interface let packets of this side pass and rejected others.
        *(
            F.expr(f"bool_or(tries_{way} > 0 AND accepted_{way} > 0)").alias(f"is_mixed_{way}")
            for way in WAYS
        ),
        F.array_sort(F.collect_set("point")).alias("points"),
        F.expr(counter).alias("counter"),
    )
    return sessions.transform(_with_ring_and_volumes)


def _with_ring_and_volumes(sessions: DataFrame) -> DataFrame:
    """Add `peer_ring`, where the volumes were counted, and the volumes."""
    # Of few addresses no label tells the ring: of these alone the key is needed.
    return with_texts(
        sessions,
        {
            "_key": f"IF(ring_rank IS NULL, {key_sql('peer')}, NULL)",
            "peer_ring": _RING,
            "observation_point": "counter.point",
            "observed_at": "counter.id",
            **{name: f"counter.{name}" for name in _COUNTED},
        },
    )


# The nearest ring that a label gives, else by the range of the address.
_RING = f"""
    CASE WHEN is_blind THEN '{Ring.MIDDLE_BOX.value}'
         WHEN ring_rank IS NOT NULL THEN {ring_of_rank("ring_rank")}
         WHEN peer_aws_service IS NOT NULL THEN '{Ring.AWS_SERVICE.value}'
         ELSE {ring_by_range("_key")} END
"""
_APART = {
    way: f"(tries_{way} > 0 AND (records_{other} > 0 OR is_mixed_{way}))"
    for way, other in (("out", "in"), ("in", "out"))
}
_PARTS = """
    explode(IF(NOT _apart_out AND NOT _apart_in, array('all'), array_compact(array(
        IF(_rest > 0, 'rest', NULL), IF(_apart_out, 'out', NULL), IF(_apart_in, 'in', NULL)))))"""


def with_rejected_tries_apart(sessions: DataFrame) -> DataFrame:
    """One row per session, and one more per side whose rejected try is an attempt of its own.

    It is one when the other side sent as well, or when the same interface let others of its packets
    pass: then it was not the same packet that one end sent and the other rejected.
    """
    rest = " + ".join(f"records_{way} - IF({test}, tries_{way}, 0)" for way, test in _APART.items())
    marks = {**{f"_apart_{way}": test for way, test in _APART.items()}, "_rest": rest}
    parts = with_texts(sessions, marks).withColumn("part", F.expr(_PARTS))
    return parts.withColumns(_of_part())


def _of_part() -> dict[str, Column]:
    """The columns of a session as far as they belong to a part of it."""
    columns: dict[str, str] = {}
    for way in WAYS:
        own, tries = f"part = '{way}'", f"IF(_apart_{way}, tries_{way}, 0)"
        columns[f"records_{way}"] = f"""
            CASE WHEN {own} THEN tries_{way} WHEN part IN ('all', 'rest')
                 THEN records_{way} - {tries} ELSE 0 END"""
        for where in ("near", "far"):
            left = f"IF(_apart_{way}, {where}_tries_{way}, 0)"
            columns[f"{where}_rejects_{way}"] = f"""
                CASE WHEN {own} THEN {where}_tries_{way} WHEN part IN ('all', 'rest')
                     THEN {where}_rejects_{way} - {left} ELSE 0 END"""
        for name in ("accepted", "synacks", "resets", "replies", "closes", "packets", "bytes",
                     "data", "blank", "subject_records", "peer_records"):  # fmt: skip
            columns[f"{name}_{way}"] = f"IF(part IN ('all', 'rest'), {name}_{way}, 0)"
        for name in ("syn_s", "began_s"):
            columns[f"{name}_{way}"] = f"IF(part IN ('all', 'rest'), {name}_{way}, NULL)"
        columns[f"try_flagged_{way}"] = f"""
            IF({own} OR part = 'all' OR part = 'rest' AND NOT _apart_{way}, try_flagged_{way}, 0)"""
    columns["copies"] = """
        IF(part IN ('all', 'rest') OR _rest = 0 AND (part = 'out' OR NOT _apart_out), copies, 0)"""
    tried = {
        name: f"""{pick}(first_s_or_last,
            IF(_apart_out, NULL, try_{name}_out), IF(_apart_in, NULL, try_{name}_in))"""
        for name, pick in (("first", "least"), ("last", "greatest"))
    }
    for name in ("first", "last"):
        rest = tried[name].replace("first_s_or_last", f"{name}_s")
        columns[f"{name}_s"] = f"""
            CASE part WHEN 'out' THEN try_{name}_out WHEN 'in' THEN try_{name}_in
                 ELSE {rest} END"""
    return {name: F.expr(text) for name, text in columns.items()}
