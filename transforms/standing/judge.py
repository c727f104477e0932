"""Whether each row of activity is ordinary, and why: words and figures, never a hidden score.

See docs/reference/standing.md. What speaks for a row is history, equals or a crowd; what speaks
against it is that it is new, that it changed, that no equal does it, or its manner. An unknown
stays one, and counts as suspicious.
"""

from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.joins import with_known
from transforms.network.protocols import ICMP, ICMPV6
from transforms.network.service_classes import class_of
from transforms.questions.options import Thresholds
from transforms.standing.equals import EQUAL_FIGURES, EQUAL_KEY, SERVICE, with_equals_named
from transforms.vocabulary import Initiator, Standing, is_inside


class Contrasts(NamedTuple):
    """What activity is compared with.

    `machines` has a row for each machine: `has_sign` (its moment is that of a sign), `history_h`
    (hours with records before the moment), `contact_s` (a suspicious contact from outside, Unix
    seconds, or null) and `compared` (equals with records). `members`, `equals` and `crowd` are None
    where nothing more was read.
    """

    machines: DataFrame
    members: DataFrame | None = None
    equals: DataFrame | None = None
    crowd: DataFrame | None = None


def with_standing(activity: DataFrame, contrasts: Contrasts, limits: Thresholds) -> DataFrame:
    """Add `standing`, `reasons` and the figures behind them; keeps every row.

    `is_open` says that more could still be learnt of a row: from equals or from its crowd.
    """
    rows = activity.join(F.broadcast(contrasts.machines), "machine", "left")
    rows = _with_equals(rows, contrasts)
    rows = _with_crowd(rows, contrasts)
    for step in (_facts(limits), _voices(limits), _manner(limits), _against(limits), _standing()):
        rows = rows.withColumns({name: F.expr(text) for name, text in step.items()})
    return rows


def _with_equals(rows: DataFrame, contrasts: Contrasts) -> DataFrame:
    if contrasts.equals is None or contrasts.members is None:
        nothing = F.lit(None).cast("bigint")
        return rows.withColumns(dict.fromkeys(EQUAL_FIGURES, nothing))
    named = with_equals_named(rows, contrasts.members)
    return with_known(named, F.broadcast(contrasts.equals), EQUAL_KEY).drop("peer_or_equal")


def _with_crowd(rows: DataFrame, contrasts: Contrasts) -> DataFrame:
    if contrasts.crowd is None:
        return rows.withColumn("crowd", F.lit(None).cast("bigint"))
    return with_known(rows, F.broadcast(contrasts.crowd), SERVICE)


def _facts(limits: Thresholds) -> dict[str, str]:
    """What each contrast says of the row, as a word."""
    return {
        "service_class": class_of("service_port"),
        "equals_like": "IF(reached_after + reached_before > 0, equals_reached, equals)",
        "before": f"""CASE
            WHEN coalesce(history_h, 0) < {limits.history_hours} THEN 'none'
            WHEN hours_before < {limits.before_min_hours} THEN 'absent'
            WHEN {_more("peak_after", "peak_before", limits.rate_factor, limits.rate_slack)}
              OR coalesce({
            _more("peak_bytes_after", "peak_bytes_before", limits.rate_factor, limits.rate_bytes)
        }, false)
              OR reached_before = 0 AND reached_after > 0 THEN 'changed'
            ELSE 'same' END""",
    }


def _more(after: str, before: str, factor: int, slack: int) -> str:
    return f"({after} > {factor} * coalesce({before}, 0) + {slack})"


def _manner(limits: Thresholds) -> dict[str, str]:
    """A scan is told by its rows together.

    What was there before at the same rate, or what equals do as well, is none of it.
    """
    is_new = (
        f"initiator = '{Initiator.SUBJECT}' AND {is_inside()} AND attempts_after > 0 "
        "AND before <> 'same' AND NOT equals_say"
    )
    hosts = "OVER (PARTITION BY hop, machine, protocol, service_port)"
    ports = "OVER (PARTITION BY hop, machine, protocol, peer)"

    def number(over: str, condition: str = "") -> str:
        return f"count_if({is_new}{condition}) {over}"

    def in_vain(over: str, percent: int) -> str:
        vain = number(over, " AND reached_after = 0")
        return f"100 * {vain} >= {percent} * {number(over)}"

    return {
        "is_scan": f"""{is_new} AND (
            {number(hosts)} >= {limits.fan_out_hosts}
              AND {in_vain(hosts, limits.fan_out_fail_percent)}
            OR protocol IN ({ICMP}, {ICMPV6}) AND {number(hosts)} >= {limits.icmp_hosts}
            OR {number(ports)} >= {limits.scan_ports}
              AND {in_vain(ports, limits.scan_fail_percent)}
            OR {number(ports)} >= {limits.scan_ports_whatever})""",
        "is_beside": f"""{is_new} AND NOT crowd_says AND NOT has_failed_first
            AND count_if({is_new} AND has_failed_first)
                OVER (PARTITION BY hop, machine, peer) > 0""",
        "is_soon": f"""coalesce(began_at >= timestamp_seconds(contact_s) AND
            unix_timestamp(began_at) <= contact_s + 60 * {limits.contact_minutes}, false)""",
    }


def _voices(limits: Thresholds) -> dict[str, str]:
    """What speaks for the row."""
    as_busy = f"""NOT {_more("peak_after", "peak_equals", limits.rate_factor, limits.rate_slack)}
        AND NOT coalesce({
        _more("peak_bytes_after", "peak_bytes_equals", limits.rate_factor, limits.rate_bytes)
    }, false)"""
    return {
        "equals_say": f"""coalesce(compared >= 1 AND equals_like > 0
            AND 2 * equals_like >= compared AND {as_busy}, false)""",
        "crowd_says": f"coalesce(crowd >= {limits.crowd_min}, false) "
        f"AND hours >= {limits.steady_hours}",
        "is_alone": "coalesce(compared, 0) = 0",
    }


def _against(limits: Thresholds) -> dict[str, str]:
    """What speaks against it, as reasons."""
    # Without any sign nothing is history but a baseline: then equals and crowd decide.
    proven = f"""(before = 'same' AND (equals_say OR crowd_says
        OR is_alone AND days_before >= {limits.baseline_min_days})
        OR NOT has_sign AND before = 'none' AND (equals_say OR crowd_says))"""
    return {
        "against": f"""filter(array(
            IF(is_scan, 'manner: one of a scan', NULL),
            IF(has_failed_first AND before <> 'same', 'manner: its first try failed', NULL),
            IF(is_beside, 'manner: its first try at another port of this machine failed', NULL),
            IF(is_soon AND before <> 'same' AND NOT equals_say,
               concat('manner: ', CAST((unix_timestamp(began_at) - contact_s) DIV 60 AS STRING),
                      ' min after a suspicious contact from outside'), NULL),
            IF(before = 'absent' AND NOT equals_say,
               concat('before: ', IF(attempts_before = 0, 'not seen', 'seen in one hour only'),
                      ' in ', format_number(history_h, 1), ' h of records'), NULL),
            IF(before = 'changed' AND NOT equals_say,
               concat('before: ', CAST(peak_before AS STRING), ' in its busiest hour, then ',
                      CAST(peak_after AS STRING),
                      coalesce(concat(', ', CAST(peak_bytes_before AS STRING), ' bytes, then ',
                               CAST(peak_bytes_after AS STRING)), '')), NULL),
            IF(coalesce(compared, 0) >= 1 AND coalesce(equals_like, 0) = 0 AND before <> 'same'
               AND NOT crowd_says,
               concat('equals: none of ', CAST(compared AS STRING), ' does this'), NULL),
            IF(service_class IS NOT NULL AND NOT {proven},
               concat(service_class, ': ordinary only with history and equals or a crowd'), NULL)
        ), x -> x IS NOT NULL)""",
        "for_it": """filter(array(
            IF(before IN ('same', 'changed'),
               concat('before: ', CAST(attempts_before AS STRING), ' in ',
                      format_number(history_h, 1), ' h, ', CAST(peak_before AS STRING),
                      ' in the busiest hour; then ', CAST(peak_after AS STRING)), NULL),
            IF(before = 'none', concat('before: too little is recorded, ',
               format_number(coalesce(history_h, 0), 1), ' h'), NULL),
            IF(coalesce(equals_like, 0) > 0,
               concat('equals: ', CAST(equals_like AS STRING), ' of ', CAST(compared AS STRING),
                      ' do this'), NULL),
            IF(crowd IS NOT NULL, concat('crowd: ', CAST(crowd AS STRING),
               IF(crowd = 1, ' other machine uses it', ' other machines use it')), NULL)
        ), x -> x IS NOT NULL)""",
    }  # fmt: skip


def _standing() -> dict[str, str]:
    says = "(before = 'same' OR equals_say OR crowd_says)"
    manner = "(is_scan OR has_failed_first OR is_beside OR is_soon)"
    return {
        "standing": f"""CASE
            WHEN {says} AND size(against) = 0 THEN '{Standing.ORDINARY}'
            WHEN before = 'changed' AND NOT equals_say THEN '{Standing.CHANGED}'
            WHEN before = 'none' AND is_alone AND NOT {manner} THEN '{Standing.UNKNOWN}'
            ELSE '{Standing.SUSPICIOUS}' END""",
        "reasons": "concat(against, for_it)",
        "is_open": f"""{is_inside()} AND NOT is_scan AND NOT (has_failed_first AND before <> 'same')
            AND NOT ({says} AND size(against) = 0)
            AND NOT (service_class IS NOT NULL AND before <> 'same' AND has_sign)""",
    }
