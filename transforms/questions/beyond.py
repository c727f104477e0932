"""Questions that need more than the window of the subject: what is new, and what peers did then."""

from datetime import UTC, datetime

from transforms.network.service_classes import class_of
from transforms.questions.attempts import PEER_COLUMNS, STRENGTH
from transforms.questions.question import Asked, Baseline, Figures, Question, Rows, moment, peer_of

_OUTSIDE = "peer_scope IN ('internet', 'aws service')"
_FAILED = "'BLOCKED_SRC', 'BLOCKED_DST', 'REFUSED', 'NO_ANSWER'"


def said_of_baseline(baseline: Baseline | None) -> str:
    """Why nothing can be called new; empty where it can."""
    if baseline is None:
        return "Without --baseline_days nothing can be called new."
    if baseline.first_s is None:
        return f"The {baseline.asked_days} days before hold no record of the subject."
    if not baseline.is_enough:
        return (
            f"No baseline: of the {baseline.asked_days} days before, the records of the subject "
            f"begin only at {datetime.fromtimestamp(baseline.first_s, UTC):%Y-%m-%d %H:%M} UTC."
        )
    return ""


def never_seen_before(asked: Asked) -> Question:
    """P0-2b. Services of peers that the baseline does not hold, with the same side that began."""
    baseline = asked.baseline

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        problem = said_of_baseline(baseline)
        if baseline is None or problem:
            return ("not asked" if baseline is None else "cannot tell"), problem
        known = (
            f"in the {baseline.days:,} days with records before it knew {baseline.services:,}, of "
            f"which {baseline.later_services:,} came after the first day"
        )
        if not rows:
            return "nothing", f"Nothing is new; {known}."
        first = rows[0]
        return (
            f"{figures['services']:,} services",
            f"{figures['services']:,} services are new, {figures['inside']:,} of them attempts "
            f"inside at {figures['peers_inside']:,} peers; {known}; foremost {peer_of(first)} at "
            f"port {first['service_port']}, begun by the {first['initiator']} at "
            f"{moment(first['first_at'])} UTC.",
        )

    return Question(
        "P0-2b",
        "What was never seen before?",
        "Peers and service ports, by who began, that are not in the baseline; null is_new_service "
        "means that there is none",
        f"""
        SELECT {PEER_COLUMNS}, peer_scope, initiator FROM peers
        WHERE hop = 1 AND is_new_service AND {asked.unexpected()}
          AND (initiator = 'subject' OR outcome IN ('ANSWERED', 'DATA'))""",
        {
            "services": "count(*)",
            "peers": "count(DISTINCT IF(is_new_peer, peer, NULL))",
            "inside": "count_if(initiator = 'subject' AND peer_scope = 'internal')",
            "peers_inside": "count(DISTINCT IF(initiator = 'subject' AND peer_scope = 'internal',"
            " peer, NULL))",
        },
        f"initiator DESC, peer_scope = 'internal' DESC, {STRENGTH}, service_class IS NULL, "
        "first_at, peer, service_port, protocol",
        tell,
        ("baseline_min_days",),
    )


def entered_peers(asked: Asked) -> str:
    """SQL text: a row is an internal peer that answered the subject, the foremost ones first."""
    return f"""
        SELECT peer, max(peer_name) AS peer_name, max(peer_interface_id) AS peer_interface_id,
               max(peer_instance_id) AS peer_instance_id, min(first_at) AS entered_at,
               max(IF(outcome = 'DATA', 1, 0)) AS has_data
        FROM conversations WHERE {asked.attempts()} AND outcome IN ('ANSWERED', 'DATA')
        GROUP BY peer ORDER BY has_data DESC, entered_at, peer"""


def second_hop(asked: Asked) -> Question:
    """P0-9. What peers that answered the subject began afterwards and had not begun before.

    Only what may be the next step: services that matter inside, addresses outside that the subject
    began with as well, and scans.
    """
    hop, limits = asked.second_hop, asked.thresholds
    # Addresses in their shortest spelling hold no quote.
    own = ", ".join(f"('{address}', '{via}')" for address, via in hop.own) if hop else ""
    own = own or "(CAST(NULL AS STRING), CAST(NULL AS STRING))"
    after = "first_at >= entered_at"
    services = f"""
        SELECT via, max(via_name) AS via_name, max(entered_at) AS entered_at, peer,
               max(peer_name) AS peer_name, max(peer_scope) AS peer_scope, protocol, service_port,
               {class_of("service_port")} AS service_class,
               min_by(outcome, IF({after}, {STRENGTH}, 9)) AS outcome,
               count_if({after}) AS attempts, min(IF({after}, first_at, NULL)) AS first_at,
               max(last_at) AS last_at, sum(IF({after}, bytes_out, 0)) AS bytes_out,
               sum(IF({after}, bytes_in, 0)) AS bytes_in, bool_or(has_history) AS has_history
        FROM (SELECT c.*, own.via, entered.peer_name AS via_name, entered_at,
                     min(first_at) OVER (PARTITION BY own.via) < entered_at AS has_history
              FROM conversations c
              JOIN (VALUES {own}) AS own(address, via) ON c.subject_address = own.address
              JOIN ({entered_peers(asked)}) AS entered ON entered.peer = own.via
              WHERE c.hop = 2)
        WHERE initiator = 'subject'
        GROUP BY via, peer, protocol, service_port
        HAVING count_if({after}) > 0 AND count_if(NOT {after}) = 0"""
    fails = f"100 * count_if(outcome IN ({_FAILED})) OVER"
    hosts = "(PARTITION BY via, protocol, service_port)"
    ports = "(PARTITION BY via, protocol, peer)"
    is_scan = f"""
        peer_scope = 'internal' AND hosts >= {limits.fan_out_hosts}
            AND hosts_in_vain >= {limits.fan_out_fail_percent} * hosts
        OR ports >= {limits.scan_ports}
            AND ports_in_vain >= {limits.scan_fail_percent} * ports"""
    matters = "peer_scope = 'internal' AND service_class IS NOT NULL"
    why = f"""
        concat_ws(', ', IF({matters}, 'a service that matters', NULL),
            IF(outside.peer IS NOT NULL, 'an outside address of the subject', NULL),
            IF({is_scan}, 'one of a scan', NULL))"""

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        if hop is None:
            return "not asked", "A second hop was not searched for (--hops 2)."
        searched = f"{hop.peers:,} peers that answered the subject were followed"
        if hop.left_out:
            searched += f", {hop.left_out:,} more were not (max_peers {asked.max_peers})"
        if hop.unlogged:
            searched += (
                f"; {len(hop.unlogged):,} of them have no record of an interface of their own, so "
                "what they did shows only where the other end has one"
            )
        if not rows:
            is_open = bool(hop.left_out or hop.unlogged)
            word = "cannot tell" if is_open else "no"
            return word, f"No second hop was seen: {searched}."
        first = rows[0]
        unknown = figures["without_history"]
        return (
            f"{figures['peers']:,} peers",
            f"{figures['peers']:,} peers began {figures['services']:,} services afterwards that "
            f"they had not before, {figures['reached']:,} of them answered; foremost "
            f"{first['via']}{_named(first.get('via_name'))} to {peer_of(first)} at port "
            f"{first['service_port']}: {first['outcome']}, from {moment(first['first_at'])} UTC; "
            f"{searched}" + (f"; of {unknown:,} nothing from before is known." if unknown else "."),
        )

    rows = f"""
        SELECT via, via_name, entered_at, peer, peer_name, peer_scope, protocol, service_port,
               service_class, outcome, attempts, first_at, last_at, bytes_out, bytes_in,
               has_history, why
        FROM (SELECT s.*, {why} AS why
              FROM (SELECT *, count(*) OVER {hosts} AS hosts, {fails} {hosts} AS hosts_in_vain,
                           count(*) OVER {ports} AS ports, {fails} {ports} AS ports_in_vain
                    FROM ({services})) s
              LEFT JOIN (SELECT DISTINCT peer FROM peers
                         WHERE hop = 1 AND initiator = 'subject' AND {_OUTSIDE}) outside
                ON outside.peer = s.peer)
        WHERE why <> ''"""
    if hop is None:
        rows = f"SELECT {PEER_COLUMNS}, peer AS via, false AS has_history FROM peers WHERE false"
    return Question(
        "P0-9",
        "Did it spread?",
        "What internal peers that answered the subject began after that and not before, inside at "
        "services that matter, outside where the subject went too, or as a scan",
        rows,
        {
            "peers": "count(DISTINCT via)",
            "services": "count(*)",
            "targets": "count(DISTINCT peer)",
            "reached": "count_if(outcome IN ('ANSWERED', 'DATA'))",
            "without_history": "count(DISTINCT IF(has_history, NULL, via))",
        },
        f"has_history DESC, {STRENGTH}, service_class IS NULL, first_at, via, peer, service_port, "
        "protocol",
        tell,
        ("fan_out_hosts", "fan_out_fail_percent", "scan_ports", "scan_fail_percent"),
    )


def _named(name: object) -> str:
    return f" ({name})" if name else ""
