"""What peers that answered the subject began afterwards."""

from transforms.network.service_classes import class_of
from transforms.questions.context import FollowedPeers, QuestionContext
from transforms.questions.question import Figures, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_SUBJECT,
    HAS_FAILED,
    HAS_REACHED,
    IS_INSIDE,
    IS_OUTSIDE,
    STRONGEST_FIRST,
)
from transforms.vocabulary import Outcome, outcome_rank
from transforms.wording import moment, peer_of

# A row is an internal peer that answered the subject, the foremost ones first.
ENTERED_PEERS_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name, max(peer_interface_id) AS peer_interface_id,
           max(peer_instance_id) AS peer_instance_id, min(first_at) AS entered_at,
           max(IF(outcome = '{Outcome.DATA}', 1, 0)) AS has_data
    FROM conversations WHERE {{attempts}} AND {HAS_REACHED}
    GROUP BY peer ORDER BY has_data DESC, entered_at, peer"""

_AFTER = "first_at >= entered_at"
# A row is a service that a followed peer began after it was entered, and not before.
_SERVICES_SQL = f"""
    SELECT via, max(via_name) AS via_name, max(entered_at) AS entered_at, peer,
           max(peer_name) AS peer_name, min(peer_ring) AS peer_ring, protocol, service_port,
           {class_of("service_port")} AS service_class,
           max_by(outcome, IF({_AFTER}, {outcome_rank()}, -1)) AS outcome,
           count_if({_AFTER}) AS attempts, min(IF({_AFTER}, first_at, NULL)) AS first_at,
           max(last_at) AS last_at, sum(IF({_AFTER}, bytes_out, 0)) AS bytes_out,
           sum(IF({_AFTER}, bytes_in, 0)) AS bytes_in, bool_or(has_history) AS has_history
    FROM (SELECT c.*, own.via, entered.peer_name AS via_name, entered_at,
                 min(first_at) OVER (PARTITION BY own.via) < entered_at AS has_history
          FROM conversations c
          JOIN (VALUES {{followed}}) AS own(address, via) ON c.subject_address = own.address
          JOIN ({ENTERED_PEERS_SQL}) AS entered ON entered.peer = own.via
          WHERE c.hop = 2)
    WHERE {BY_SUBJECT}
    GROUP BY via, peer, protocol, service_port
    HAVING count_if({_AFTER}) > 0 AND count_if(NOT {_AFTER}) = 0"""
_HOSTS = "(PARTITION BY via, protocol, service_port)"
_PORTS = "(PARTITION BY via, protocol, peer)"
_FAILS = f"100 * count_if({HAS_FAILED}) OVER"
_IS_SCAN = f"""
    {IS_INSIDE} AND hosts >= {{fan_out_hosts}}
        AND hosts_in_vain >= {{fan_out_fail_percent}} * hosts
    OR ports >= {{scan_ports}}
        AND ports_in_vain >= {{scan_fail_percent}} * ports"""
_WHY = f"""
    concat_ws(', ', IF({IS_INSIDE} AND service_class IS NOT NULL, 'a service that matters', NULL),
        IF(outside.peer IS NOT NULL, 'an outside address of the subject', NULL),
        IF({_IS_SCAN}, 'one of a scan', NULL))"""
SPREAD_SQL = f"""
    SELECT via, via_name, entered_at, peer, peer_name, peer_ring, protocol, service_port,
           service_class, outcome, attempts, first_at, last_at, bytes_out, bytes_in,
           has_history, why
    FROM (SELECT s.*, {_WHY} AS why
          FROM (SELECT *, count(*) OVER {_HOSTS} AS hosts, {_FAILS} {_HOSTS} AS hosts_in_vain,
                       count(*) OVER {_PORTS} AS ports, {_FAILS} {_PORTS} AS ports_in_vain
                FROM ({_SERVICES_SQL})) s
          LEFT JOIN (SELECT DISTINCT peer FROM peers
                     WHERE hop = 1 AND {BY_SUBJECT} AND {IS_OUTSIDE}) outside
            ON outside.peer = s.peer)
    WHERE why <> ''"""


def _was_followed(context: QuestionContext) -> bool:
    return context.followed is not None


def _searched(followed: FollowedPeers, max_peers: int) -> str:
    text = f"{followed.peers:,} peers that answered the subject were followed"
    if followed.left_out:
        text += f", {followed.left_out:,} more were not (max_peers {max_peers})"
    if followed.unlogged:
        text += (
            f"; {len(followed.unlogged):,} of them have no record of an interface of their own, so "
            "what they did shows only where the other end has one"
        )
    return text


def _tell_spread(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    followed = context.followed
    if followed is None:
        return Told("not asked", "A second hop was not searched for (--hops 2).")
    searched = _searched(followed, context.options.max_peers)
    if not rows:
        is_open = bool(followed.left_out or followed.unlogged)
        return Told("cannot tell" if is_open else "no", f"No second hop was seen: {searched}.")
    first = rows[0]
    name = first.get("via_name")
    named = f" ({name})" if name else ""
    unknown = figures["without_history"]
    return Told(
        f"{figures['peers']:,} peers",
        f"{figures['peers']:,} peers began {figures['services']:,} services afterwards that "
        f"they had not before, {figures['reached']:,} of them answered; foremost "
        f"{first['via']}{named} to {peer_of(first)} at port "
        f"{first['service_port']}: {first['outcome']}, from {moment(first['first_at'])} UTC; "
        f"{searched}" + (f"; of {unknown:,} nothing from before is known." if unknown else "."),
    )


# Only what may be the next step: services that matter inside, addresses outside that the subject
# began with as well, and scans.
SPREAD = Question(
    id="P0-9",
    slug="spread",
    title="Did it spread?",
    rule="What internal peers that answered the subject began after that and not before, inside at "
    "services that matter, outside where the subject went too, or as a scan",
    sql=SPREAD_SQL,
    figures={
        "peers": "count(DISTINCT via)",
        "services": "count(*)",
        "targets": "count(DISTINCT peer)",
        "reached": f"count_if({HAS_REACHED})",
        "without_history": "count(DISTINCT IF(has_history, NULL, via))",
    },
    order=f"has_history DESC, {STRONGEST_FIRST}, service_class IS NULL, first_at, via, peer, "
    "service_port, protocol",
    tell=_tell_spread,
    thresholds=("fan_out_hosts", "fan_out_fail_percent", "scan_ports", "scan_fail_percent"),
    options=("hops", "max_peers"),
    is_asked=_was_followed,
    places=frozenset({Place.SUMMARY_IF_FOUND, Place.REPORT_SAW, Place.CONTACT_NOTE}),
)
