"""What the subject sent outside: addresses, volume, name resolution, services of AWS."""

from collections.abc import Mapping

from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, KeyFigure, Place, Question, Rows, Told
from transforms.questions.sql import BY_SUBJECT, IS_BEYOND, IS_UNKNOWN_PRIVATE, PEER_COLUMNS
from transforms.vocabulary import Initiator, Outcome
from transforms.wording import count_of, moment, peer_of, size

OUTSIDE_ADDRESSES_SQL = f"""
    SELECT {PEER_COLUMNS}, peer_ring FROM peers
    WHERE hop = 1 AND {BY_SUBJECT} AND {IS_BEYOND} AND {{unexpected}}"""
VOLUME_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name, min(peer_ring) AS peer_ring,
           date_trunc('HOUR', first_at) AS hour, count(*) AS conversations,
           count_if(payload_out IS NULL) AS unrecorded,
           sum(payload_out) AS payload_out, sum(payload_in) AS payload_in,
           CAST(floor(100 * (sum(payload_out) - sum(payload_in))
               / nullif(sum(payload_out) + sum(payload_in), 0)) AS BIGINT) AS out_over_in_percent,
           min(first_at) AS first_at, max(last_at) AS last_at,
           array_sort(array_agg(DISTINCT observation_point)
               FILTER (WHERE observation_point IS NOT NULL)) AS observation_points
    FROM conversations WHERE hop = 1 AND {IS_BEYOND}
    GROUP BY peer, date_trunc('HOUR', first_at)"""
RESOLVERS_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name, min(peer_ring) AS peer_ring, service_port,
           protocol, count(*) AS conversations, sum(bytes_out) AS bytes_out,
           sum(bytes_in) AS bytes_in, min(first_at) AS first_at, max(last_at) AS last_at
    FROM conversations WHERE hop = 1 AND {BY_SUBJECT} AND service_port IN (53, 853)
      AND outcome <> '{Outcome.REFUSED}' AND {{unexpected}}
    GROUP BY peer, service_port, protocol"""
AWS_SERVICES_SQL = """
    SELECT coalesce(peer_aws_service, peer_name, 'unnamed') AS service,
           count(DISTINCT peer) AS addresses, count(*) AS conversations,
           sum(bytes_out) AS bytes_out, sum(bytes_in) AS bytes_in,
           min(first_at) AS first_at, max(last_at) AS last_at
    FROM conversations WHERE hop = 1 AND peer_ring = 'aws service'
    GROUP BY coalesce(peer_aws_service, peer_name, 'unnamed')"""


def _tell_outside_addresses(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "The subject began nothing with the outside.")
    first = rows[0]
    return Told(
        count_of(figures["peers"], "address", "addresses"),
        f"The subject began with {count_of(figures['peers'], 'address', 'addresses')} outside; "
        f"most went to {peer_of(first)} at port {first['service_port']}: "
        f"{_volume_of(first, 'bytes_out')} from {moment(first['first_at'])} UTC"
        f"{_unknown_ones(figures)}.",
    )


OUTSIDE_ADDRESSES = Question(
    id="P0-7",
    slug="outside_addresses",
    title="Which outside addresses?",
    rule="Conversations that the subject began, by outside peer, port and protocol; private "
    "addresses that no label knows count as outside, too",
    sql=OUTSIDE_ADDRESSES_SQL,
    figures={
        "services": "count(*)",
        "peers": "count(DISTINCT peer)",
        "private_unknown": f"count(DISTINCT IF({IS_UNKNOWN_PRIVATE}, peer, NULL))",
        "attempts": "sum(attempts)",
        "bytes_out": "sum(bytes_out)",
        "bytes_in": "sum(bytes_in)",
    },
    order="bytes_out DESC, attempts DESC, first_at, peer, service_port, protocol",
    side=Initiator.SUBJECT,
    tell=_tell_outside_addresses,
    places=frozenset({Place.SUMMARY}),
)


def _tell_volume(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if figures["unrecorded"] and not figures["payload_out"]:
        number = figures["unrecorded"]
        what = count_of(number, "outside conversation", "outside conversations")
        return Told("cannot tell", f"The volume of {what} is not recorded.")
    if not figures["payload_out"]:
        return Told("nothing", "No payload went from the subject to the outside.")
    first = rows[0]
    return Told(
        size(figures["payload_out"]),
        f"At most {size(figures['payload_out'])} went outside to "
        f"{count_of(figures['peers'], 'address', 'addresses')}"
        f" ({size(figures['payload_in'])} came in); most to {peer_of(first)} in the hour from "
        f"{moment(first['hour'])} UTC: {_volume_of(first, 'payload_out')}"
        f"{_unknown_ones(figures)}{_unrecorded(figures)}.",
    )


def _volume_of(row: Mapping[str, object], name: str) -> str:
    """The volume of a row for a person; rows are JSON, which leaves out what is unknown."""
    octets = row.get(name)
    return "a volume that is not recorded" if octets is None else size(int(str(octets)))


def _unknown_ones(figures: Figures) -> str:
    number = figures["private_unknown"]
    if not number:
        return ""
    if number == 1:
        return "; 1 of the addresses is private and no label knows it, so it may be inside"
    return (
        f"; {number:,} of the addresses are private and no label knows them, so they may be inside"
    )


def _unrecorded(figures: Figures) -> str:
    number = figures["unrecorded"]
    if not number:
        return ""
    what = count_of(number, "conversation", "conversations")
    return f"; the volume of {what} is not recorded"


# Whoever began. Each conversation counts at one interface, in the hour in which it began; the sum
# is an upper bound, as retransmissions and TCP options are in it.
VOLUME = Question(
    id="P0-8",
    slug="volume",
    title="How much left?",
    rule="Payload to outside peers (private addresses that no label knows are among them), by "
    "peer and hour of the conversation's beginning, at one interface each; "
    "large: hours of a peer above transfer_bytes",
    sql=VOLUME_SQL,
    figures={
        "payload_out": "sum(payload_out)",
        "payload_in": "sum(payload_in)",
        "peers": "count(DISTINCT IF(payload_out > 0, peer, NULL))",
        "private_unknown": "count(DISTINCT IF(payload_out > 0 AND "
        f"{IS_UNKNOWN_PRIVATE}, peer, NULL))",
        "unrecorded": "sum(unrecorded)",
        "large": "count_if(payload_out > {transfer_bytes})",
    },
    order="payload_out DESC, hour, peer",
    tell=_tell_volume,
    thresholds=("transfer_bytes",),
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW}),
    key_figures=(KeyFigure("payload_out", "bytes of payload to the outside, at most"),),
)


def _tell_resolvers(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("no", "No DNS beside Amazon's resolver, whose traffic flow logs never hold.")
    return Told(
        count_of(figures["resolvers"], "resolver", "resolvers"),
        f"{count_of(figures['conversations'], 'conversation', 'conversations')} with "
        f"{count_of(figures['resolvers'], 'resolver', 'resolvers')} "
        f"beside Amazon's, mainly {peer_of(rows[0])}.",
    )


RESOLVERS = Question(
    id="P1-14",
    slug="resolvers",
    title="DNS anywhere but at Amazon's resolver?",
    rule="What the subject began at ports 53 and 853, but for closed ones: those are scanned",
    sql=RESOLVERS_SQL,
    figures={
        "resolvers": "count(DISTINCT peer)",
        "conversations": "sum(conversations)",
        "bytes_out": "sum(bytes_out)",
    },
    order="conversations DESC, peer, service_port, protocol",
    side=Initiator.SUBJECT,
    tell=_tell_resolvers,
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)


def _tell_aws_services(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none seen", "No service of AWS is told by records or labels.")
    return Told(
        count_of(figures["services"], "service", "services"),
        f"{size(figures['bytes_out'])} went to "
        f"{count_of(figures['services'], 'service', 'services')} of AWS, most "
        f"to {rows[0]['service']}.",
    )


AWS_SERVICES = Question(
    id="P1-15",
    slug="aws_services",
    title="Which services of AWS?",
    rule="Conversations with addresses of AWS services, by service",
    sql=AWS_SERVICES_SQL,
    figures={"services": "count(*)", "bytes_out": "sum(bytes_out)"},
    order="bytes_out DESC, service",
    tell=_tell_aws_services,
)
