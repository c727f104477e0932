"""Who reached the subject, and at which of its ports."""

from transforms.network.service_classes import class_of
from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, KeyFigure, Place, Question, Rows, Told
from transforms.questions.sql import (
    BY_PEER,
    HAS_PORTS,
    HAS_REACHED,
    IS_OUTSIDE,
    PEER_COLUMNS,
    SECONDS,
    STRONGEST_FIRST,
)
from transforms.vocabulary import Initiator, Outcome
from transforms.wording import count_of, duration, moment, peer_of

_FIRST_ACT = "min(IF({attempts} AND service_class IS NOT NULL, first_at, NULL)) OVER ()"
SOURCES_SQL = f"""
    SELECT {PEER_COLUMNS}, peer_ring, first_at < first_act AS before_first_act
    FROM (SELECT *, {_FIRST_ACT} AS first_act FROM peers WHERE hop = 1)
    WHERE {BY_PEER} AND {HAS_REACHED} AND {{unexpected}}"""
LISTENING_PORTS_SQL = f"""
    SELECT service_port, protocol, count(DISTINCT peer) AS clients, count(*) AS conversations,
           min(first_at) AS first_at, max(last_at) AS last_at,
           min_by(peer, first_at) AS first_client
    FROM conversations WHERE hop = 1 AND {BY_PEER} AND {HAS_REACHED}
      AND {HAS_PORTS}
    GROUP BY service_port, protocol
    HAVING clients >= 2 OR bool_or(certainty = 'proven')"""


def _tell_sources(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("nobody", "Nobody was seen to reach the subject.")
    first = rows[0]
    return Told(
        f"{figures['sources']:,} sources",
        f"{count_of(figures['sources'], 'address', 'addresses')} reached the subject, "
        f"{figures['outside']:,} of them "
        f"from outside, {figures['at_services_that_matter']:,} at services that matter; "
        f"mainly {peer_of(first)} at port {first['service_port']} from "
        f"{moment(first['first_at'])} UTC, {first['outcome']}.",
    )


# A source that came before the first act is a candidate, no proof: flow logs hold no login.
SOURCES = Question(
    id="P0-6",
    slug="sources",
    title="Who reached the subject?",
    rule="Peers that began and were answered; before_first_act: before the subject's first attempt "
    "inside at a service that matters (null where there is none)",
    sql=SOURCES_SQL,
    figures={
        "sources": "count(DISTINCT peer)",
        "outside": f"count(DISTINCT IF({IS_OUTSIDE}, peer, NULL))",
        "at_services_that_matter": "count(DISTINCT IF(service_class IS NOT NULL, peer, NULL))",
        "before_first_act": "count(DISTINCT IF(before_first_act, peer, NULL))",
    },
    order=f"service_class IS NULL, before_first_act DESC, {IS_OUTSIDE} DESC, {STRONGEST_FIRST}, "
    "attempts DESC, first_at, peer, service_port, protocol",
    side=Initiator.PEER,
    tell=_tell_sources,
    places=frozenset({Place.SUMMARY, Place.REPORT_SAW}),
    key_figures=(KeyFigure("outside", "sources outside that got in touch"),),
)


def _tell_listening_ports(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("none", "No port of the subject answered anybody.")
    named = ", ".join(str(row["service_port"]) for row in rows[:10])
    return Told(
        f"{figures['ports']:,} ports",
        f"{figures['ports']:,} ports of the subject answered ({named}); which are new only a "
        "baseline could say.",
    )


LISTENING_PORTS = Question(
    id="P1-13",
    slug="listening_ports",
    title="Which ports of the subject answered?",
    rule="Service ports at which the subject answered, proven by flags or sender, or to two peers",
    sql=LISTENING_PORTS_SQL,
    figures={"ports": "count(*)"},
    order="service_port, protocol",
    side=Initiator.PEER,
    tell=_tell_listening_ports,
)


# A row is a client from outside at one service by which a machine is entered, or of the finding.
ENTRY_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name, service_port, protocol, service_class,
           count(*) AS tries, min(first_at) AS first_at, max(last_at) AS last_at,
           max_by(first_at, seconds) AS longest_at, max(seconds) AS longest_s,
           CAST(floor(median(seconds)) AS BIGINT) AS median_s,
           count_if(outcome = '{Outcome.DATA}') AS with_data
    FROM (SELECT *, {SECONDS} AS seconds, {class_of("service_port")} AS service_class
          FROM conversations
          WHERE hop = 1 AND {BY_PEER} AND {IS_OUTSIDE} AND {HAS_REACHED} AND {{unexpected}})
    WHERE service_class = 'remote admin' OR {{finding_remotes}}
    GROUP BY peer, service_port, protocol, service_class"""


def _tell_entry(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    if not rows:
        return Told("nobody", "No client from outside was answered at a remote-admin service.")
    first = rows[0]
    tries, longest = int(str(first["tries"])), int(str(first["longest_s"]))
    entered = f"the longest session, of {duration(longest)}, began {moment(first['longest_at'])}"
    many = (
        f"{count_of(tries, 'conversation', 'conversations')} from {moment(first['first_at'])} UTC, "
        f"{entered} UTC"
    )
    return Told(
        f"{figures['clients']:,} clients",
        f"{peer_of(first)} at port {first['service_port']}: {many}.",
    )


# Flow logs hold no login: that a session was one is told by its length alone.
ENTRY = Question(
    id="P0-6b",
    slug="entry",
    title="How may it have been entered?",
    rule="Clients from outside that were answered at remote-admin services, or that the finding "
    "names; the longest of their sessions",
    sql=ENTRY_SQL,
    figures={
        "clients": "count(DISTINCT peer)",
        "tries": "sum(tries)",
        "longest_s": "max(longest_s)",
    },
    order="with_data > 0 DESC, longest_s DESC, tries DESC, first_at, peer, service_port, protocol",
    side=Initiator.PEER,
    tell=_tell_entry,
    places=frozenset({Place.SUMMARY_IF_FOUND}),
)
