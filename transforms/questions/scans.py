"""Whether the subject scanned or swept, and the first sign that something began."""

from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import BY_SUBJECT, HAS_FAILED, HAS_PORTS, IS_ICMP, IS_INSIDE
from transforms.wording import moment, peer_of

_BUCKET = "floor(unix_timestamp(first_at) / {scan_bucket_s})"
_IN_BUCKETS = f"LATERAL VIEW explode(array({_BUCKET}, NULL)) AS bucket"
_MEASURES = f"""
        count(*) AS attempts, min(first_at) AS first_at, max(last_at) AS last_at,
        CAST(100 * count_if({HAS_FAILED}) / count(*) AS BIGINT) AS fail_percent"""
_BEGUN = f"hop = 1 AND {BY_SUBJECT} AND {{unexpected}}"
# A row is a scan, in one bucket of time or (bucket null) over the whole window.
SCAN_SQL = f"""
    SELECT 'vertical' AS kind, bucket, peer, max(peer_name) AS peer_name,
           CAST(NULL AS BIGINT) AS service_port, protocol,
           count(DISTINCT service_port) AS targets,
           concat_ws(' ', slice(sort_array(collect_set(service_port)), 1, 50)) AS listed,
           {_MEASURES}
    FROM conversations {_IN_BUCKETS}
    WHERE {_BEGUN} AND {HAS_PORTS}
    GROUP BY bucket, peer, protocol
    HAVING targets >= {{scan_ports_whatever}}
        OR targets >= {{scan_ports}} AND fail_percent >= {{scan_fail_percent}}
    UNION ALL
    SELECT 'horizontal', bucket, NULL, NULL, service_port, protocol, count(DISTINCT peer),
           concat_ws(' ', slice(sort_array(collect_set(peer)), 1, 50)),
           {_MEASURES}
    FROM conversations {_IN_BUCKETS}
    WHERE {_BEGUN} AND {IS_INSIDE} AND {HAS_PORTS}
    GROUP BY bucket, service_port, protocol
    HAVING count(DISTINCT peer) >= {{fan_out_hosts}}
       AND 100 * count_if({HAS_FAILED}) / count(*) >= {{fan_out_fail_percent}}"""
# A row is an ICMP sweep of internal addresses, in one bucket of time.
SWEEP_SQL = f"""
    SELECT {_BUCKET} AS bucket, protocol,
           count(DISTINCT peer) AS targets, min(first_at) AS first_at, max(last_at) AS last_at
    FROM conversations WHERE {{attempts}} AND {IS_ICMP}
    GROUP BY bucket, protocol HAVING targets >= {{icmp_hosts}}"""
FIRST_SIGN_SQL = f"""
    SELECT 'a scan' AS sign, min(first_at) AS first_at
    FROM ({SCAN_SQL}) HAVING min(first_at) IS NOT NULL
    UNION ALL
    SELECT 'an ICMP sweep', min(first_at)
    FROM ({SWEEP_SQL}) HAVING min(first_at) IS NOT NULL
    UNION ALL
    SELECT concat('a new peer, ', peer_ring), min(first_at)
    FROM peers
    WHERE {_BEGUN} AND is_new_peer
    GROUP BY peer_ring
    UNION ALL
    SELECT sign, min(first_at)
    FROM peers LATERAL VIEW explode(array('an attempt at a service that matters',
        IF(blocked_src + blocked_dst > 0, 'a blocked attempt at a service that matters', NULL)
    )) AS sign
    WHERE {{attempts}} AND service_class IS NOT NULL AND sign IS NOT NULL
    GROUP BY sign"""
_SCAN_THRESHOLDS = (
    "scan_bucket_s", "scan_ports", "scan_ports_whatever", "scan_fail_percent", "fan_out_hosts",
    "fan_out_fail_percent",
)  # fmt: skip


def _tell_scans(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("no", "No scan: neither many ports of one peer nor one port of many peers.")
    parts = []
    if figures["ports"]:
        first = next(row for row in rows if row["kind"] == "horizontal")
        parts.append(
            f"port {first['service_port']} of {first['targets']:,} internal addresses from "
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
        "most_ports": "coalesce(max(IF(kind = 'vertical', targets, 0)), 0)",
        "most_hosts": "coalesce(max(IF(kind = 'horizontal', targets, 0)), 0)",
    },
    order="bucket IS NOT NULL, targets DESC, kind, first_at, peer, service_port, protocol, bucket",
    tell=_tell_scans,
    thresholds=_SCAN_THRESHOLDS,
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW}),
)


def _tell_first_sign(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "No scan, no sweep, no attempt inside at a service that matters.")
    first = rows[0]
    return Told(
        f"{moment(first['first_at'])[:16]} UTC",
        f"The first sign is at {moment(first['first_at'])} UTC: {first['sign']}.",
    )


# Without a baseline nothing is known as new, and so no new peer is a sign.
FIRST_SIGN = Question(
    id="P1-16",
    slug="first_sign",
    title="When did it start?",
    rule="Earliest of: first scan, first ICMP sweep, first attempt inside at a service that "
    "matters, first of them that was blocked; with a baseline, first peer that is new",
    sql=FIRST_SIGN_SQL,
    figures={"signs": "count(*)", "first_s": "coalesce(unix_timestamp(min(first_at)), 0)"},
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
        f"ICMP to {first['targets']:,} internal addresses from {moment(first['first_at'])} "
        f"to {moment(first['last_at'])} UTC.",
    )


SWEEPS = Question(
    id="P1-17",
    slug="sweeps",
    title="Was there an ICMP sweep?",
    rule="Distinct internal peers of ICMP or ICMPv6 that the subject began, by bucket",
    sql=SWEEP_SQL,
    figures={"sweeps": "count(*)", "most_hosts": "coalesce(max(targets), 0)"},
    order="targets DESC, bucket, protocol",
    tell=_tell_sweeps,
    thresholds=("scan_bucket_s", "icmp_hosts"),
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)
