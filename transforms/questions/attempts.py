"""Questions about what the subject tried inside: who, what, what was stopped, was it scanning."""

from transforms.questions.question import Asked, Figures, Question, Rows, moment, peer_of

STRENGTH = (
    "CASE outcome WHEN 'DATA' THEN 0 WHEN 'ANSWERED' THEN 1 WHEN 'REFUSED' THEN 2"
    " WHEN 'BLOCKED_DST' THEN 3 WHEN 'BLOCKED_SRC' THEN 4 ELSE 5 END"
)
PEER_COLUMNS = """peer, peer_name, peer_subnet_name, peer_vpc_name, protocol, service_port,
    service_class, outcome, attempts, blocked_src, blocked_dst, no_answer, refused, answered, data,
    first_at, last_at, bytes_out, bytes_in, is_new_peer, is_new_service, points"""
_FAILED = "outcome IN ('BLOCKED_SRC', 'BLOCKED_DST', 'REFUSED', 'NO_ANSWER')"


def who_what_when(asked: Asked) -> Question:
    """P0-2. A row is an internal peer, service port and protocol that the subject tried."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "nobody", "The subject began nothing inside."
        first = rows[0]
        return (
            f"{figures['peers']:,} peers",
            f"{figures['peers']:,} internal addresses at {figures['services']:,} services; "
            f"foremost {peer_of(first)} at port {first['service_port']}: {first['outcome']}, "
            f"{first['attempts']:,} attempts from {moment(first['first_at'])} UTC.",
        )

    return Question(
        "P0-2",
        "Who, what, when?",
        "Conversations that the subject began, by internal peer, service port and protocol",
        f"SELECT {PEER_COLUMNS} FROM peers WHERE {asked.attempts()}",
        {
            "services": "count(*)",
            "peers": "count(DISTINCT peer)",
            "attempts": "coalesce(sum(attempts), 0)",
            "bytes_out": "coalesce(sum(bytes_out), 0)",
            "bytes_in": "coalesce(sum(bytes_in), 0)",
        },
        f"{STRENGTH}, service_class IS NULL, attempts DESC, first_at, peer, service_port, protocol",
        tell,
        ("data_min", "aggregation_s", "gap_slack_s", "ephemeral_min", "shared_min"),
    )


def targets_that_matter(asked: Asked) -> Question:
    """P0-3. P0-2 at services by which a machine is entered, emptied or steered."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none", "No service that matters was tried inside."
        reached = [row for row in rows if row["outcome"] in ("DATA", "ANSWERED")][:3]
        named = "; ".join(
            f"{peer_of(row)} {row['service_class']} port {row['service_port']}, {row['outcome']}"
            for row in reached
        )
        return (
            f"{figures['peers']:,} peers",
            f"{figures['attempts']:,} attempts at services that matter on {figures['peers']:,} "
            f"addresses; {figures['reached']:,} answered"
            + (f", with data at {figures['with_data']:,}: {named}." if named else "."),
        )

    return Question(
        "P0-3",
        "Which targets matter?",
        "P0-2 at service classes: remote admin, file, directory, database, control, mail",
        f"SELECT {PEER_COLUMNS} FROM peers WHERE {asked.attempts()} AND service_class IS NOT NULL",
        {
            "services": "count(*)",
            "peers": "count(DISTINCT peer)",
            "attempts": "coalesce(sum(attempts), 0)",
            "reached": "count_if(answered + data > 0)",
            "with_data": "count_if(data > 0)",
        },
        f"{STRENGTH}, attempts DESC, first_at, peer, service_port, protocol",
        tell,
        ("data_min",),
    )


def what_was_blocked(asked: Asked) -> Question:
    """P0-4. Attempted but stopped is evidence of intent."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "nothing", "Nothing that the subject tried inside was seen to be stopped."
        return (
            f"{figures['stopped']:,} attempts",
            f"{figures['stopped']:,} attempts at {figures['peers']:,} addresses were stopped: "
            f"{figures['blocked_dst']:,} at the target, {figures['blocked_src']:,} at the subject, "
            f"{figures['refused']:,} by a closed port.",
        )

    stopped = "blocked_src + blocked_dst + refused"
    return Question(
        "P0-4",
        "What was blocked?",
        "Attempts inside that a rule at either end or a closed port stopped",
        f"SELECT {PEER_COLUMNS} FROM peers WHERE {asked.attempts()} AND {stopped} > 0",
        {
            "stopped": f"coalesce(sum({stopped}), 0)",
            "peers": "count(DISTINCT peer)",
            "blocked_src": "coalesce(sum(blocked_src), 0)",
            "blocked_dst": "coalesce(sum(blocked_dst), 0)",
            "refused": "coalesce(sum(refused), 0)",
        },
        "service_class IS NULL, attempts DESC, first_at, peer, service_port, protocol",
        tell,
    )


def scan_rows(asked: Asked) -> str:
    """SQL text: a row is a scan, in one bucket of time or (bucket null) over the whole window."""
    limits = asked.thresholds
    bucket = f"floor(unix_timestamp(first_at) / {limits.scan_bucket_s})"
    measures = f"""
        count(*) AS attempts, min(first_at) AS first_at, max(last_at) AS last_at,
        CAST(100 * count_if({_FAILED}) / count(*) AS BIGINT) AS fail_percent"""
    by_subject = f"hop = 1 AND initiator = 'subject' AND {asked.unexpected()}"
    twice = f"LATERAL VIEW explode(array({bucket}, NULL)) AS bucket"
    return f"""
        SELECT 'vertical' AS kind, bucket, peer, max(peer_name) AS peer_name,
               CAST(NULL AS BIGINT) AS service_port, protocol,
               count(DISTINCT service_port) AS targets,
               concat_ws(' ', slice(sort_array(collect_set(service_port)), 1, 50)) AS listed,
               {measures}
        FROM conversations {twice}
        WHERE {by_subject} AND protocol IN (6, 17)
        GROUP BY bucket, peer, protocol
        HAVING targets >= {limits.scan_ports_whatever}
            OR targets >= {limits.scan_ports} AND fail_percent >= {limits.scan_fail_percent}
        UNION ALL
        SELECT 'horizontal', bucket, NULL, NULL, service_port, protocol, count(DISTINCT peer),
               concat_ws(' ', slice(sort_array(collect_set(peer)), 1, 50)),
               {measures}
        FROM conversations {twice}
        WHERE {by_subject} AND peer_scope = 'internal' AND protocol IN (6, 17)
        GROUP BY bucket, service_port, protocol
        HAVING count(DISTINCT peer) >= {limits.fan_out_hosts}
           AND 100 * count_if({_FAILED}) / count(*) >= {limits.fan_out_fail_percent}
    """


def was_it_scanning(asked: Asked) -> Question:
    """P0-5. Many ports of one peer, or one port of many peers, most of them in vain.

    Only what the subject began counts, so that a server's replies are no scan.
    """

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "no", "No scan: neither many ports of one peer nor one port of many peers."
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
        return "yes", f"Scanning: {'; '.join(parts)}."

    return Question(
        "P0-5",
        "Was it scanning?",
        "Vertical: many ports of a peer, most in vain, or very many; horizontal: one port of many "
        "internal peers, a share in vain; by bucket and over the whole window",
        scan_rows(asked),
        {
            "peers": "count(DISTINCT IF(kind = 'vertical', peer, NULL))",
            "ports": "count(DISTINCT IF(kind = 'horizontal', service_port, NULL))",
            "most_ports": "coalesce(max(IF(kind = 'vertical', targets, 0)), 0)",
            "most_hosts": "coalesce(max(IF(kind = 'horizontal', targets, 0)), 0)",
        },
        "bucket IS NOT NULL, targets DESC, kind, first_at, peer, service_port, protocol, bucket",
        tell,
        (
            "scan_bucket_s", "scan_ports", "scan_ports_whatever", "scan_fail_percent",
            "fan_out_hosts", "fan_out_fail_percent",
        ),
    )  # fmt: skip


def rejected_then_accepted(asked: Asked) -> Question:
    """P1-11. A service that was blocked answered later: a rule changed, or a way was found."""
    window_s = asked.thresholds.flip_window_s

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "no", "Nothing that was blocked answered later."
        first = rows[0]
        return (
            f"{figures['services']:,} services",
            f"{peer_of(first)} port {first['service_port']} was blocked until "
            f"{moment(first['rejected_at'])} and answered at {moment(first['answered_at'])} UTC; "
            f"{figures['services']:,} such services.",
        )

    return Question(
        "P1-11",
        "Rejected, then accepted?",
        "A service answers no longer than the window after a blocked attempt of the subject at it",
        f"""
        SELECT peer, max(peer_name) AS peer_name, service_port, protocol,
               min_by(rejected_at, first_at) AS rejected_at, min(first_at) AS answered_at
        FROM (SELECT *, max(IF(outcome IN ('BLOCKED_SRC', 'BLOCKED_DST'), first_at, NULL)) OVER (
                  PARTITION BY peer, service_port, protocol ORDER BY first_at) AS rejected_at
              FROM conversations WHERE hop = 1 AND initiator = 'subject')
        WHERE outcome IN ('ANSWERED', 'DATA') AND first_at > rejected_at
          AND unix_timestamp(first_at) - unix_timestamp(rejected_at) <= {window_s}
        GROUP BY peer, service_port, protocol""",
        {"services": "count(*)", "peers": "count(DISTINCT peer)"},
        "answered_at, peer, service_port, protocol",
        tell,
        ("flip_window_s",),
    )


def first_abnormal_minute(asked: Asked) -> Question:
    """P1-16. When did it start: the first scan, ICMP sweep or attempt at a service that matters.

    With a baseline also the first peer that it does not hold; without one nothing is known as new.
    """

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none", "No scan, no sweep, no attempt inside at a service that matters."
        first = rows[0]
        return (
            f"{moment(first['first_at'])[:16]} UTC",
            f"The first sign is at {moment(first['first_at'])} UTC: {first['sign']}.",
        )

    return Question(
        "P1-16",
        "When did it start?",
        "Earliest of: first scan, first ICMP sweep, first attempt inside at a service that "
        "matters, first of them that was blocked; with a baseline, first peer that is new",
        f"""
        SELECT 'a scan' AS sign, min(first_at) AS first_at
        FROM ({scan_rows(asked)}) HAVING min(first_at) IS NOT NULL
        UNION ALL
        SELECT 'an ICMP sweep', min(first_at)
        FROM ({sweep_rows(asked)}) HAVING min(first_at) IS NOT NULL
        UNION ALL
        SELECT concat('a new peer, ', peer_scope), min(first_at)
        FROM peers
        WHERE hop = 1 AND initiator = 'subject' AND is_new_peer AND {asked.unexpected()}
        GROUP BY peer_scope
        UNION ALL
        SELECT sign, min(first_at)
        FROM peers LATERAL VIEW explode(array('an attempt at a service that matters',
            IF(blocked_src + blocked_dst > 0, 'a blocked attempt at a service that matters', NULL)
        )) AS sign
        WHERE {asked.attempts()} AND service_class IS NOT NULL AND sign IS NOT NULL
        GROUP BY sign""",
        {"signs": "count(*)", "first_s": "coalesce(unix_timestamp(min(first_at)), 0)"},
        "first_at, sign",
        tell,
        (*was_it_scanning(asked).thresholds, "icmp_hosts"),
    )


def sweep_rows(asked: Asked) -> str:
    """SQL text: a row is an ICMP sweep of internal addresses, in one bucket of time."""
    limits = asked.thresholds
    return f"""
        SELECT floor(unix_timestamp(first_at) / {limits.scan_bucket_s}) AS bucket, protocol,
               count(DISTINCT peer) AS targets, min(first_at) AS first_at, max(last_at) AS last_at
        FROM conversations WHERE {asked.attempts()} AND protocol IN (1, 58)
        GROUP BY bucket, protocol HAVING targets >= {limits.icmp_hosts}
    """


def ping_sweep(asked: Asked) -> Question:
    """P1-17. Echo requests to many internal hosts within one bucket."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "no", "No ICMP sweep."
        first = rows[0]
        return (
            "yes",
            f"ICMP to {first['targets']:,} internal addresses from {moment(first['first_at'])} "
            f"to {moment(first['last_at'])} UTC.",
        )

    return Question(
        "P1-17",
        "Was there an ICMP sweep?",
        "Distinct internal peers of ICMP or ICMPv6 that the subject began, by bucket",
        sweep_rows(asked),
        {"sweeps": "count(*)", "most_hosts": "coalesce(max(targets), 0)"},
        "targets DESC, bucket, protocol",
        tell,
        ("scan_bucket_s", "icmp_hosts"),
    )
