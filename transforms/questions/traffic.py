"""Questions about who came in, what went out, and what the subject did beside."""

from transforms.questions.attempts import PEER_COLUMNS, STRENGTH
from transforms.questions.question import Asked, Figures, Question, Rows, moment, peer_of, size

_OUTSIDE = "peer_scope IN ('internet', 'aws service')"
_REACHED = "outcome IN ('ANSWERED', 'DATA')"


def who_came_in(asked: Asked) -> Question:
    """P0-6. Who reached the subject, and was there before its first own act inside.

    The first act is its first attempt at a service that matters. A candidate is no proof: flow logs
    hold no login.
    """

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "nobody", "Nobody was seen to reach the subject."
        first = rows[0]
        return (
            f"{figures['sources']:,} sources",
            f"{figures['sources']:,} addresses reached the subject, {figures['outside']:,} of them "
            f"from outside, {figures['at_services_that_matter']:,} at services that matter; "
            f"foremost {peer_of(first)} at port {first['service_port']} from "
            f"{moment(first['first_at'])} UTC, {first['outcome']}.",
        )

    first_act = f"min(IF({asked.attempts()} AND service_class IS NOT NULL, first_at, NULL)) OVER ()"
    return Question(
        "P0-6",
        "Who reached the subject?",
        "Peers that began and were answered; before_first_act: before the subject's first attempt "
        "inside at a service that matters (null where there is none)",
        f"""
        SELECT {PEER_COLUMNS}, peer_scope, first_at < first_act AS before_first_act
        FROM (SELECT *, {first_act} AS first_act FROM peers WHERE hop = 1)
        WHERE initiator = 'peer' AND {_REACHED} AND {asked.unexpected()}""",
        {
            "sources": "count(DISTINCT peer)",
            "outside": f"count(DISTINCT IF({_OUTSIDE}, peer, NULL))",
            "at_services_that_matter": "count(DISTINCT IF(service_class IS NOT NULL, peer, NULL))",
            "before_first_act": "count(DISTINCT IF(before_first_act, peer, NULL))",
        },
        f"service_class IS NULL, before_first_act DESC, {_OUTSIDE} DESC, {STRENGTH}, "
        "attempts DESC, first_at, peer, service_port, protocol",
        tell,
    )


def outside_addresses(asked: Asked) -> Question:
    """P0-7. What the subject began with addresses that are not internal."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none", "The subject began nothing with the outside."
        first = rows[0]
        return (
            f"{figures['peers']:,} addresses",
            f"The subject began with {figures['peers']:,} addresses outside; most went to "
            f"{peer_of(first)} at port {first['service_port']}: "
            f"{size(int(str(first['bytes_out'])))} from {moment(first['first_at'])} UTC.",
        )

    return Question(
        "P0-7",
        "Which outside addresses?",
        "Conversations that the subject began, by peer that is not internal, port and protocol",
        f"""SELECT {PEER_COLUMNS}, peer_scope FROM peers
            WHERE hop = 1 AND initiator = 'subject' AND {_OUTSIDE} AND {asked.unexpected()}""",
        {
            "services": "count(*)",
            "peers": "count(DISTINCT peer)",
            "attempts": "coalesce(sum(attempts), 0)",
            "bytes_out": "coalesce(sum(bytes_out), 0)",
            "bytes_in": "coalesce(sum(bytes_in), 0)",
        },
        "bytes_out DESC, attempts DESC, first_at, peer, service_port, protocol",
        tell,
    )


def how_much_left(asked: Asked) -> Question:
    """P0-8. Payload to the outside by address and hour in which a conversation began.

    Whoever began. Each conversation counts at one interface; an upper bound, as retransmissions and
    TCP options are in it. A conversation of several hours counts in its first.
    """

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not figures["payload_out"]:
            return "nothing", "No payload went from the subject to the outside."
        first = rows[0]
        return (
            size(figures["payload_out"]),
            f"At most {size(figures['payload_out'])} went outside to {figures['peers']:,} addresses"
            f" ({size(figures['payload_in'])} came in); most to {peer_of(first)} in the hour from "
            f"{moment(first['hour'])} UTC: {size(int(str(first['payload_out'])))}.",
        )

    return Question(
        "P0-8",
        "How much left?",
        "Payload to peers that are not internal, by peer and hour of the conversation's beginning, "
        "at one interface each; large: hours of a peer above transfer_bytes",
        f"""
        SELECT peer, max(peer_name) AS peer_name, max(peer_scope) AS peer_scope,
               date_trunc('HOUR', first_at) AS hour, count(*) AS conversations,
               sum(payload_out) AS payload_out, sum(payload_in) AS payload_in,
               CAST(100 * try_divide(sum(payload_out) - sum(payload_in),
                   sum(payload_out) + sum(payload_in)) AS BIGINT) AS out_over_in_percent,
               max(last_at) AS last_at, array_join(array_sort(collect_set(observation_point)), ' ')
                   AS observation_points
        FROM conversations WHERE hop = 1 AND {_OUTSIDE}
        GROUP BY peer, date_trunc('HOUR', first_at)""",
        {
            "payload_out": "coalesce(sum(payload_out), 0)",
            "payload_in": "coalesce(sum(payload_in), 0)",
            "peers": "count(DISTINCT IF(payload_out > 0, peer, NULL))",
            "large": f"count_if(payload_out > {asked.thresholds.transfer_bytes})",
        },
        "payload_out DESC, hour, peer",
        tell,
        ("transfer_bytes",),
    )


def after_containment(asked: Asked) -> Question:
    """P0-10. What went on after the subject was cut off; tracked connections outlive a new rule."""
    since = asked.timestamp_of_containment()

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if asked.contained_at is None:
            return "not asked", "No --contained_at was given."
        if not rows:
            return "silent", "No conversation has a record after containment."
        passed = figures["passed_before"] + figures["passed_after"]
        return (
            "it did not hold" if passed else "blocked",
            f"{figures['before']:,} conversations that began before containment went on after it, "
            f"{figures['after']:,} began after; {passed:,} of both got an answer, the last record "
            f"is of {moment(rows[0]['last_at'])} UTC.",
        )

    return Question(
        "P0-10",
        "Did containment work?",
        "Conversations with a record that ends after contained_at, by whether they began before",
        f"""
        SELECT IF(first_at < {since}, 'before', 'after') AS began, initiator, peer, peer_name,
               peer_scope, protocol, service_port, outcome, first_at, last_at, bytes_out, bytes_in,
               conversation_id
        FROM conversations
        WHERE {"hop = 1" if asked.contained_at else "false"} AND last_at > {since}""",
        {
            "before": "count_if(began = 'before')",
            "after": "count_if(began = 'after')",
            "passed_before": f"count_if(began = 'before' AND {_REACHED})",
            "passed_after": f"count_if(began = 'after' AND {_REACHED})",
        },
        f"last_at DESC, {STRENGTH}, first_at, conversation_id",
        tell,
    )


def regular_callers(asked: Asked) -> Question:
    """P1-12. Regular calls, on conversations: a session of many records is one, and no beacon.

    Beginnings of conversations of one side with one service: gaps between them vary little, by
    deviation over mean or by median deviation over median, and there are enough. A gap below two
    aggregation intervals counts only where ports differ from call to call. Never port 123 (NTP).
    """
    limits = asked.thresholds

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not figures["out"] and not figures["out_inside"]:
            return "no", "The subject calls nobody at regular times."
        first = rows[0]
        return (
            "yes",
            f"Regular calls to {figures['out']:,} services outside and {figures['out_inside']:,} "
            f"inside; foremost {peer_of(first)} at port {first['service_port']}: "
            f"{first['calls']:,} calls, every {first['median_gap_s']:,} s.",
        )

    key = "initiator, peer, service_port, protocol"
    return Question(
        "P1-12",
        "Does it call home?",
        "Gaps between beginnings of conversations with one service vary little (coefficient of "
        "variation, or median deviation over median); median gap at least regular_gap_s",
        f"""
        SELECT {key}, max(peer_name) AS peer_name, max(peer_scope) AS peer_scope,
               max(calls) AS calls, CAST(max(median) AS BIGINT) AS median_gap_s,
               CAST(percentile(abs(gap_s - median), 0.5) AS BIGINT) AS deviation_s,
               CAST(100 * try_divide(stddev_pop(gap_s), avg(gap_s)) AS BIGINT) AS cv_percent,
               count(DISTINCT subject_port) AS ports, count(DISTINCT hour) AS hours,
               min(first_at) AS first_at, max(first_at) AS last_at,
               sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in
        FROM (SELECT *, percentile(gap_s, 0.5) OVER (PARTITION BY {key}) AS median,
                     count(*) OVER (PARTITION BY {key}) AS calls
              FROM (SELECT {key}, peer_name, peer_scope, subject_port, peer_port, first_at,
                           bytes_out, bytes_in, date_trunc('HOUR', first_at) AS hour,
                           unix_timestamp(first_at) - lag(unix_timestamp(first_at)) OVER (
                               PARTITION BY {key} ORDER BY first_at, conversation_id) AS gap_s
                    FROM conversations
                    WHERE hop = 1 AND initiator <> 'unknown' AND {asked.unexpected()}
                      AND protocol IN (6, 17) AND service_port <> 123))
        WHERE calls >= {limits.regular_calls}
        GROUP BY {key}
        HAVING max(median) >= {limits.regular_gap_s}
           AND (max(median) >= {2 * limits.aggregation_s}
                OR count(DISTINCT IF(initiator = 'subject', subject_port, peer_port)) = max(calls))
           AND (stddev_pop(gap_s) <= avg(gap_s) * {limits.regular_cv_percent} / 100
                OR percentile(abs(gap_s - median), 0.5)
                   <= max(median) * {limits.regular_mad_percent} / 100)""",
        {
            "out": f"count_if(initiator = 'subject' AND {_OUTSIDE})",
            "out_inside": "count_if(initiator = 'subject' AND peer_scope = 'internal')",
            "in_": "count_if(initiator = 'peer')",
        },
        f"initiator DESC, {_OUTSIDE} DESC, cv_percent, calls DESC, peer, service_port, protocol",
        tell,
        (
            "regular_calls", "regular_gap_s", "regular_cv_percent", "regular_mad_percent",
            "aggregation_s",
        ),
    )  # fmt: skip


def long_sessions(asked: Asked) -> Question:
    """P1-12b. Conversations that lasted; one of them looks like a beacon to whoever counts records.

    Conversations of protocols without ports are left out: all pings of a pair are one.
    """

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none", "No conversation was long."
        first = rows[0]
        return (
            f"{figures['sessions']:,} sessions",
            f"{figures['sessions']:,} conversations were long, the longest of "
            f"{int(str(first['seconds'])) / 3600:.1f} h with {peer_of(first)} at port "
            f"{first['service_port']} from {moment(first['first_at'])} UTC, begun by "
            f"{first['initiator']}.",
        )

    return Question(
        "P1-12b",
        "Which sessions were long?",
        "Conversations longer than long_session_s",
        f"""
        SELECT unix_timestamp(last_at) - unix_timestamp(first_at) AS seconds, initiator, peer,
               peer_name, peer_scope, protocol, service_port, outcome, first_at, last_at, records,
               bytes_out, bytes_in, conversation_id
        FROM conversations
        WHERE hop = 1 AND protocol IN (6, 17) AND {asked.unexpected()}
          AND unix_timestamp(last_at) - unix_timestamp(first_at)
              > {asked.thresholds.long_session_s}""",
        {"sessions": "count(*)", "longest_s": "coalesce(max(seconds), 0)"},
        "seconds DESC, first_at, conversation_id",
        tell,
        ("long_session_s", "aggregation_s", "gap_slack_s"),
    )


def listening_ports(asked: Asked) -> Question:
    """P1-13. Ports of the subject that answered. Which are new only a baseline can say."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none", "No port of the subject answered anybody."
        named = ", ".join(str(row["service_port"]) for row in rows[:10])
        return (
            f"{figures['ports']:,} ports",
            f"{figures['ports']:,} ports of the subject answered ({named}); which are new only a "
            "baseline could say.",
        )

    return Question(
        "P1-13",
        "Which ports of the subject answered?",
        "Service ports at which the subject answered, by flags, or to two peers or more",
        f"""
        SELECT service_port, protocol, count(DISTINCT peer) AS clients, count(*) AS conversations,
               min(first_at) AS first_at, max(last_at) AS last_at,
               min_by(peer, first_at) AS first_client
        FROM conversations WHERE hop = 1 AND initiator = 'peer' AND {_REACHED}
          AND protocol IN (6, 17)
        GROUP BY service_port, protocol
        HAVING clients >= 2 OR bool_or(initiator_basis = 'flags')""",
        {"ports": "count(*)"},
        "service_port, protocol",
        tell,
    )


def other_resolvers(asked: Asked) -> Question:
    """P1-14. Name resolution elsewhere. Queries to Amazon's resolver are in no flow log."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "no", "No DNS beside Amazon's resolver, whose traffic flow logs never hold."
        return (
            f"{figures['resolvers']:,} resolvers",
            f"{figures['conversations']:,} conversations with {figures['resolvers']:,} resolvers "
            f"beside Amazon's, foremost {peer_of(rows[0])}.",
        )

    return Question(
        "P1-14",
        "DNS anywhere but at Amazon's resolver?",
        "What the subject began at ports 53 and 853, but for closed ones: those are scanned",
        f"""
        SELECT peer, max(peer_name) AS peer_name, max(peer_scope) AS peer_scope, service_port,
               protocol, count(*) AS conversations, sum(bytes_out) AS bytes_out,
               sum(bytes_in) AS bytes_in, min(first_at) AS first_at, max(last_at) AS last_at
        FROM conversations WHERE hop = 1 AND initiator = 'subject' AND service_port IN (53, 853)
          AND outcome <> 'REFUSED' AND {asked.unexpected()}
        GROUP BY peer, service_port, protocol""",
        {
            "resolvers": "count(DISTINCT peer)",
            "conversations": "coalesce(sum(conversations), 0)",
            "bytes_out": "coalesce(sum(bytes_out), 0)",
        },
        "conversations DESC, peer, service_port, protocol",
        tell,
    )


def aws_services(asked: Asked) -> Question:
    """P1-15. Services of AWS that the subject talked to, where records or labels tell."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none seen", "No service of AWS is told by records or labels."
        return (
            f"{figures['services']:,} services",
            f"{size(figures['bytes_out'])} went to {figures['services']:,} services of AWS, most "
            f"to {rows[0]['service']}.",
        )

    return Question(
        "P1-15",
        "Which services of AWS?",
        "Conversations with addresses of AWS services, by service",
        """
        SELECT coalesce(peer_aws_service, peer_name, 'unnamed') AS service,
               count(DISTINCT peer) AS addresses, count(*) AS conversations,
               sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in,
               min(first_at) AS first_at, max(last_at) AS last_at
        FROM conversations WHERE hop = 1 AND peer_scope = 'aws service'
        GROUP BY coalesce(peer_aws_service, peer_name, 'unnamed')""",
        {"services": "count(*)", "bytes_out": "coalesce(sum(bytes_out), 0)"},
        "bytes_out DESC, service",
        tell,
    )


def odd_protocols(asked: Asked) -> Question:
    """P2-18. Anything but ICMP, TCP, UDP and ICMPv6."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if not rows:
            return "none", "Only ICMP, TCP, UDP and ICMPv6."
        listed = ", ".join(sorted({str(row["protocol"]) for row in rows}))
        return (
            f"{figures['protocols']:,} protocols",
            f"Protocols {listed} with {figures['peers']:,} addresses.",
        )

    return Question(
        "P2-18",
        "Odd protocols?",
        "Conversations of a protocol other than 1, 6, 17, 58",
        """
        SELECT protocol, peer, max(peer_name) AS peer_name, max(peer_scope) AS peer_scope,
               count(*) AS conversations, sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in,
               min(first_at) AS first_at, max(last_at) AS last_at
        FROM conversations WHERE hop = 1 AND protocol NOT IN (1, 6, 17, 58)
        GROUP BY protocol, peer""",
        {"protocols": "count(DISTINCT protocol)", "peers": "count(DISTINCT peer)"},
        "protocol, bytes_out DESC, peer",
        tell,
    )


def rhythm(asked: Asked) -> Question:
    """P2-19. Conversations by hour of their beginning."""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        return (
            f"{figures['hours']:,} hours",
            f"{figures['conversations']:,} conversations began in {figures['hours']:,} hours.",
        )

    return Question(
        "P2-19",
        "When was it active?",
        "Conversations by the hour (UTC) in which they began",
        f"""
        SELECT date_trunc('HOUR', first_at) AS hour, count(*) AS conversations,
               count_if({asked.attempts()}) AS attempts_inside,
               count_if({asked.attempts()} AND outcome NOT IN ('ANSWERED', 'DATA'))
                   AS attempts_in_vain,
               count_if(initiator = 'peer') AS from_peers,
               sum(IF({_OUTSIDE}, payload_out, 0)) AS payload_outside
        FROM conversations WHERE hop = 1 GROUP BY date_trunc('HOUR', first_at)""",
        {"hours": "count(*)", "conversations": "coalesce(sum(conversations), 0)"},
        "hour",
        tell,
    )
