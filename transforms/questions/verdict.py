"""Did the subject try to reach others inside: peers by service, and one defensible sentence.

The ladder: DATA > ANSWERED > ATTEMPTED > NO EVIDENCE (only where coverage is FULL) > CANNOT TELL.
Flow logs prove attempt, answer and volume, never a login.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.network.service_classes import class_of
from transforms.questions.context import QuestionContext
from transforms.questions.question import Figures, KeyFigure, Place, Question, Rows, Told
from transforms.questions.sql import BY_SUBJECT, IS_INSIDE
from transforms.vocabulary import Initiator, Outcome, outcome_rank, sql_list

VERDICT_VERSION = "1"


class Verdict(NamedTuple):
    """A step of the ladder, the sentence that may be written down, and the counts in it."""

    step: str
    sentence: str
    figures: dict[str, int]


def peers_of(conversations: DataFrame, before: DataFrame | None = None) -> DataFrame:
    """Rows of `schemas.PEERS` without `run_id`: one per peer, service port, protocol, initiator.

    `before` are the peers of a baseline: what is not among them, with the same side that began, is
    new. Without one nothing can be called new, so `is_new_…` are null, as they are beyond hop 1.
    """
    labels = "name interface_id instance_id subnet_name vpc_name scope".split()
    near = F.expr("IF(hop = 1, NULL, subject_address)").alias("subject_address")
    peers = (
        conversations.groupBy("hop", near, "peer", "service_port", "protocol", "initiator")
        .agg(
            *(F.max(f"peer_{name}").alias(f"peer_{name}") for name in labels),
            F.expr(f"max({outcome_rank()})").alias("_rank"),
            F.count("*").alias("attempts"),
            *(F.count_if(F.col("outcome") == name).alias(name.lower()) for name in Outcome),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
            F.sum("bytes_out").alias("bytes_out"),
            F.sum("bytes_in").alias("bytes_in"),
            F.array_sort(F.array_distinct(F.flatten(F.collect_set("points")))).alias("points"),
        )
        .select(
            "*",
            F.expr(f"element_at(array({sql_list(Outcome)}), _rank + 1)").alias("outcome"),
            F.expr(class_of("service_port")).alias("service_class"),
        )
    )
    return _against(peers, before)


def _against(peers: DataFrame, before: DataFrame | None) -> DataFrame:
    """Add `is_new_peer` and `is_new_service`; keeps every row."""
    if before is None:
        nothing = F.lit(None).cast("boolean")
        return peers.withColumns({"is_new_peer": nothing, "is_new_service": nothing})
    key = ["initiator", "peer", "service_port", "protocol"]
    for column, keys in (("is_new_peer", key[:2]), ("is_new_service", key)):
        known = before.groupBy(*(F.col(name).alias(f"_{name}") for name in keys)).agg(
            F.lit(True).alias("_known")
        )
        same = [F.col(name).eqNullSafe(F.col(f"_{name}")) for name in keys]
        is_new = F.expr("IF(hop = 1, _known IS NULL, NULL)")
        peers = (
            peers.join(F.broadcast(known), same, "left")
            .withColumn(column, is_new)
            .drop("_known", *(f"_{name}" for name in keys))
        )
    return peers


# A row is an internal peer with what the subject began with it, by outcome. `unclear` counts
# internal conversations of which nobody knows who began: that is no evidence of silence.
# `expected` counts attempts at peers that are expected, which all other figures leave out.
_SUMS = ("attempts", *(outcome.lower() for outcome in Outcome))
_MATTERS = "{attempts} AND service_class IS NOT NULL"
_BEGINNERS = sql_list((Initiator.SUBJECT, Initiator.UNKNOWN))
DID_IT_TRY_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name,
           {", ".join(f"sum(IF({{attempts}}, {name}, 0)) AS {name}" for name in _SUMS)},
           sum(IF({_MATTERS}, attempts, 0)) AS at_services_that_matter,
           sum(IF({_MATTERS}, data, 0)) AS data_at_services_that_matter,
           sum(IF(initiator = '{Initiator.UNKNOWN}', attempts, 0)) AS unclear,
           sum(IF({BY_SUBJECT} AND NOT ({{unexpected}}), attempts, 0)) AS expected
    FROM peers
    WHERE hop = 1 AND {IS_INSIDE} AND initiator IN ({_BEGINNERS})
    GROUP BY peer"""


def _tell_did_it_try(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    coverage = context.coverage
    if coverage is None:
        verdict = judge(figures, None)
    else:
        verdict = judge(figures, coverage.verdict, coverage.reasons)
    return Told(verdict.step, verdict.sentence)


DID_IT_TRY = Question(
    id="P0-1",
    slug="did_it_try",
    title="Did the subject try to reach other resources in the VPC?",
    rule="Strongest outcome over conversations that the subject began inside: DATA > ANSWERED > "
    "ATTEMPTED > NO EVIDENCE (only where coverage is full) > CANNOT TELL",
    sql=DID_IT_TRY_SQL,
    figures={
        **{name: f"coalesce(sum({name}), 0)" for name in _SUMS},
        "peers_tried": "count_if(attempts > 0)",
        "peers_answered": "count_if(answered + data > 0)",
        "peers_with_data": "count_if(data > 0)",
        "peers_that_matter": "count_if(at_services_that_matter > 0)",
        "peers_that_matter_with_data": "count_if(data_at_services_that_matter > 0)",
        "unclear": "coalesce(sum(unclear), 0)",
        "expected": "coalesce(sum(expected), 0)",
    },
    order="data DESC, answered DESC, attempts DESC, peer",
    tell=_tell_did_it_try,
    thresholds=("data_min", "aggregation_s", "gap_slack_s", "ephemeral_min", "shared_min"),
    places=frozenset({Place.HEADLINE}),
    key_figures=(
        KeyFigure("peers_tried", "internal peers tried"),
        KeyFigure("peers_answered", "of them answered"),
        KeyFigure("peers_with_data", "of them with data"),
    ),
)


def judge(figures: Mapping[str, int], coverage: str | None, reasons: Sequence[str] = ()) -> Verdict:
    """The verdict over the figures of `DID_IT_TRY`; `coverage` is None when it was not judged.

    Silence is evidence only where coverage is FULL; what was seen counts whatever was not.
    """
    of = dict(figures)
    stopped = of["blocked_src"] + of["blocked_dst"] + of["refused"]
    tried = f"{of['attempts']:,} attempts at {of['peers_tried']:,} internal addresses"
    matter = (
        f"{of['peers_that_matter']:,} of them at services that matter, "
        f"{of['peers_that_matter_with_data']:,} of these with data"
    )
    if of["data"]:
        found = f"data was exchanged with {of['peers_with_data']:,}"
        return Verdict("DATA", f"Yes: {tried}, {found} ({matter}).", of)
    if of["answered"]:
        found = f"{of['peers_answered']:,} answered, no data was exchanged"
        return Verdict("ANSWERED", f"Yes: {tried}, {found} ({matter}).", of)
    if of["attempts"]:
        found = f"none was answered ({stopped:,} stopped, {of['no_answer']:,} without answer)"
        return Verdict("ATTEMPTED", f"Yes: {tried}, {found}.", of)
    if of["unclear"]:
        why = f"who began {of['unclear']:,} internal conversations is unknown"
        return Verdict("CANNOT TELL", f"Cannot tell: {why}.", of)
    if coverage == "FULL":
        return Verdict("NO EVIDENCE", "No attempt was seen, and the records are complete.", of)
    why = "; ".join(reasons) or "how complete the records are was not judged"
    return Verdict("CANNOT TELL", f"Cannot tell: no attempt was seen, but {why}.", of)
