"""Whether the subject scanned or swept, and the first sign that something began."""

from collections.abc import Mapping

from transforms.network.service_classes import class_of
from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_PEER,
    BY_SUBJECT,
    HAS_FAILED,
    HAS_PORTS,
    IS_ICMP,
    IS_INSIDE,
    IS_OUTSIDE,
    WAS_BLOCKED,
)
from transforms.vocabulary import Initiator, Outcome
from transforms.wording import count_of, moment, number_of, peer_of

_BUCKET = "CAST(floor(unix_timestamp(first_at) / {scan_bucket_s}) AS BIGINT)"
_MEASURES = f"""
        count(*) AS attempts,
        coalesce(min(IF(is_probe AND {HAS_FAILED}, first_at, NULL)), min(first_at)) AS first_at,
        max(IF(is_probe, first_at, NULL)) AS last_at,
        CAST(floor(100 * count_if({HAS_FAILED}) / count(*)) AS BIGINT) AS fail_percent"""
_BEGUN = f"hop = 1 AND {BY_SUBJECT} AND {{unexpected}}"
# The first conversation with each target is a probe: a scan begins with its first one that failed,
# as the port may be in use anyway, and ends with its last one, whatever one of them became. Each
# counts in its bucket of time and once more over the whole window, where the bucket is null.
_PROBES = f"""(
        SELECT *, IF(is_whole, NULL, {_BUCKET}) AS bucket
        FROM (SELECT *, row_number() OVER (PARTITION BY peer, service_port, protocol
                            ORDER BY first_at, conversation_id) = 1 AS is_probe
              FROM conversations WHERE {_BEGUN}) AS begun
        CROSS JOIN (VALUES (true), (false)) AS spans(is_whole)
    ) AS probes"""
# A row is a scan, in one bucket of time or (bucket null) over the whole window.
SCAN_SQL = f"""
    SELECT 'vertical' AS kind, bucket, peer, max(peer_name) AS peer_name,
           CAST(NULL AS BIGINT) AS service_port, protocol,
           count(DISTINCT service_port) AS targets,
           array_join(slice(array_sort(array_agg(DISTINCT service_port)), 1, 50), ' ') AS listed,
           {_MEASURES}
    FROM {_PROBES}
    WHERE {HAS_PORTS}
    GROUP BY bucket, peer, protocol
    HAVING targets >= {{scan_ports_whatever}}
        OR targets >= {{scan_ports}} AND fail_percent >= {{scan_fail_percent}}
    UNION ALL
    SELECT 'horizontal', bucket, NULL, NULL, service_port, protocol, count(DISTINCT peer),
           array_join(slice(array_sort(array_agg(DISTINCT peer)), 1, 50), ' '),
           {_MEASURES}
    FROM {_PROBES}
    WHERE {IS_INSIDE} AND {HAS_PORTS}
    GROUP BY bucket, service_port, protocol
    HAVING count(DISTINCT peer) >= {{fan_out_hosts}}
       AND 100 * count_if({HAS_FAILED}) / count(*) >= {{fan_out_fail_percent}}"""
# A row is an ICMP sweep of internal addresses, in one bucket of time.
SWEEP_SQL = f"""
    SELECT {_BUCKET} AS bucket, protocol,
           count(DISTINCT peer) AS targets, min(first_at) AS first_at, max(first_at) AS last_at
    FROM conversations WHERE {{attempts}} AND {IS_ICMP}
    GROUP BY bucket, protocol HAVING targets >= {{icmp_hosts}}"""
# A client from outside that a baseline knows at this service is no sign.
_KNOWN_CLIENTS = f"""
    SELECT 1 FROM peers AS known
    WHERE known.hop = 1 AND known.{BY_PEER} AND NOT known.is_new_service
      AND known.peer = client.peer AND known.service_port = client.service_port"""
FIRST_SIGN_SQL = f"""
    SELECT 'the finding was first seen' AS sign, first_at, false AS is_contact
    FROM (VALUES ({{finding_at}})) AS finding(first_at) WHERE first_at IS NOT NULL
    UNION ALL
    SELECT concat('contact with ', peer, ', which the finding names'), min(first_at),
           true
    FROM conversations WHERE hop = 1 AND {{finding_remotes}} GROUP BY peer
    UNION ALL
    SELECT concat('tries from outside, by ', peer, ', then data at port ', service_port),
           min(first_at), true
    FROM conversations AS client
    WHERE hop = 1 AND {BY_PEER} AND {IS_OUTSIDE} AND {{unexpected}}
      AND {class_of("service_port")} = 'remote admin' AND NOT EXISTS ({_KNOWN_CLIENTS})
    GROUP BY peer, service_port HAVING count_if(outcome = '{Outcome.DATA}') > 0
    UNION ALL
    SELECT 'a scan', min(first_at), false
    FROM ({SCAN_SQL}) HAVING min(first_at) IS NOT NULL
    UNION ALL
    SELECT 'an ICMP sweep', min(first_at), false
    FROM ({SWEEP_SQL}) HAVING min(first_at) IS NOT NULL
    UNION ALL
    SELECT 'a blocked attempt at a service that matters', min(first_at), false
    FROM conversations
    WHERE {{attempts}} AND {WAS_BLOCKED} AND {class_of("service_port")} IS NOT NULL
    HAVING min(first_at) IS NOT NULL"""
_SCAN_THRESHOLDS = (
    "scan_bucket_s", "scan_ports", "scan_ports_whatever", "scan_fail_percent", "fan_out_hosts",
    "fan_out_fail_percent",
)  # fmt: skip


def _addresses(row: Mapping[str, object]) -> str:
    return count_of(number_of(row, "targets"), "internal address", "internal addresses")


def _tell_scans(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("no", "No scan: neither many ports of one peer nor one port of many peers.")
    parts = []
    if figures["ports"]:
        first = next(row for row in rows if row["kind"] == "horizontal")
        parts.append(
            f"port {first['service_port']} of {_addresses(first)} from "
            f"{moment(first['first_at'])} to {moment(first['last_at'])} UTC, "
            f"{first['fail_percent']} % in vain"
        )
    if figures["peers"]:
        first = next(row for row in rows if row["kind"] == "vertical")
        parts.append(
            f"{first['targets']:,} ports of {peer_of(first)} from {moment(first['first_at'])} "
            f"to {moment(first['last_at'])} UTC, {first['fail_percent']} % in vain"
        )
    return Told("yes", f"Scanning: {'; '.join(parts)}.")


# Only what the subject began counts: a server's replies are no scan.
SCANS = Question(
    id="P0-5",
    slug="scans",
    title="Was it scanning?",
    rule="Vertical: many ports of a peer, most in vain, or very many; horizontal: one port of many "
    "internal peers, a share in vain; by bucket and over the whole window",
    sql=SCAN_SQL,
    figures={
        "peers": "count(DISTINCT IF(kind = 'vertical', peer, NULL))",
        "ports": "count(DISTINCT IF(kind = 'horizontal', service_port, NULL))",
        "most_ports": "max(IF(kind = 'vertical', targets, 0))",
        "most_hosts": "max(IF(kind = 'horizontal', targets, 0))",
    },
    order="bucket IS NOT NULL, targets DESC, kind, first_at, peer, service_port, protocol, bucket",
    side=Initiator.SUBJECT,
    tell=_tell_scans,
    thresholds=_SCAN_THRESHOLDS,
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW}),
)


def _tell_first_sign(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told(
            "none",
            "No sign: no finding, no new client from outside at a remote-admin service with data, "
            "no scan, no sweep, no blocked attempt at a service that matters.",
        )
    first = rows[0]
    return Told(
        f"{moment(first['first_at'])[:16]} UTC",
        f"The first sign is at {moment(first['first_at'])} UTC: {first['sign']}.",
    )


# What is before it is history; see docs/reference/standing.md.
FIRST_SIGN = Question(
    id="P1-16",
    slug="first_sign",
    title="When did it start?",
    rule="Earliest of: the finding's first sight; contact with an address that it names; the first "
    "try of an outside address that got data at a remote-admin service; first scan, first ICMP "
    "sweep; first blocked attempt inside at a service that matters",
    sql=FIRST_SIGN_SQL,
    figures={"signs": "count(*)", "first_s": "unix_timestamp(min(first_at))"},
    order="first_at, sign",
    tell=_tell_first_sign,
    thresholds=(*_SCAN_THRESHOLDS, "icmp_hosts"),
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW, Place.FIRST_SIGN}),
)


def _tell_sweeps(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("no", "No ICMP sweep.")
    first = rows[0]
    return Told(
        "yes",
        f"ICMP to {_addresses(first)} from {moment(first['first_at'])} "
        f"to {moment(first['last_at'])} UTC.",
    )


SWEEPS = Question(
    id="P1-17",
    slug="sweeps",
    title="Was there an ICMP sweep?",
    rule="Distinct internal peers of ICMP or ICMPv6 that the subject began, by bucket",
    sql=SWEEP_SQL,
    figures={"sweeps": "count(*)", "most_hosts": "max(targets)"},
    order="targets DESC, bucket, protocol",
    side=Initiator.SUBJECT,
    tell=_tell_sweeps,
    thresholds=("scan_bucket_s", "icmp_hosts"),
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)
