"""Did the subject try to reach others inside: peers by service, and the first question."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.joins import with_known
from transforms.network.service_classes import class_of
from transforms.questions.context import QuestionContext
from transforms.questions.judgement import judge
from transforms.questions.question import Figures, KeyFigure, Place, Question, Rows, Told
from transforms.questions.sql import BY_SUBJECT, whole_sum
from transforms.standing.activity import KEY
from transforms.text import sanitise
from transforms.vocabulary import (
    Initiator,
    Outcome,
    Ring,
    Standing,
    is_inside,
    outcome_rank,
    ring_of_rank,
    ring_rank,
    sql_list,
)
from transforms.wording import number_of, peer_of


def peers_of(
    conversations: DataFrame,
    before: DataFrame | None = None,
    standings: DataFrame | None = None,
) -> DataFrame:
    """Rows of `schemas.PEERS` without `run_id`: one per peer, service port, protocol, initiator.

    `before` are the peers of a baseline: what is not among them, with the same side that began, is
    new. Without one nothing can be called new, so `is_new_…` are null, as they are beyond hop 1.
    `standings` are judged rows of activity; without them nothing is known to be ordinary.
    """
    labels = "name interface_id instance_id subnet_name vpc_name".split()
    near = F.expr("IF(hop = 1, NULL, subject_address)").alias("subject_address")
    peers = (
        conversations.groupBy("hop", near, "peer", "service_port", "protocol", "initiator")
        .agg(
            *(F.max(f"peer_{name}").alias(f"peer_{name}") for name in labels),
            F.expr(f"min({ring_rank('peer_ring')})").alias("_ring"),
            F.expr(f"max({outcome_rank()})").alias("_rank"),
            F.count("*").alias("attempts"),
            *(F.count_if(F.col("outcome") == name).alias(name.lower()) for name in Outcome),
            F.count_if(F.col("certainty") == "proven").alias("proven"),
            F.count_if(F.col("certainty") == "likely").alias("likely"),
            F.count_if("is_contradicted").alias("contradicted"),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
            *(F.expr(whole_sum(name)).alias(name) for name in ("bytes_out", "bytes_in")),
            F.expr("count_if(bytes_out IS NULL OR bytes_in IS NULL)").alias("volume_unknown"),
            F.array_sort(F.array_distinct(F.flatten(F.collect_set("points")))).alias("points"),
        )
        .select(
            "*",
            F.expr(f"element_at(array({sql_list(Outcome)}), _rank + 1)").alias("outcome"),
            F.expr(ring_of_rank("_ring")).alias("peer_ring"),
            F.expr(class_of("service_port")).alias("service_class"),
        )
    )
    return _with_standings(_against(peers, before), standings)


def _with_standings(peers: DataFrame, standings: DataFrame | None) -> DataFrame:
    """Add `standing`, its reasons and figures; keeps every row."""
    if standings is None:
        return peers.withColumns({name: F.lit(None).cast(kind) for name, kind in _ADDED.items()})
    judged = standings.select(*KEY, *_ADDED)
    machine = F.coalesce("subject_address", F.lit(""))
    return with_known(peers.withColumn("machine", machine), judged, KEY).drop("machine")


_ADDED = {
    "standing": "string", "reasons": "array<string>", "attempts_before": "bigint",
    "history_h": "double", "equals": "bigint", "compared": "bigint", "crowd": "bigint",
}  # fmt: skip


def _against(peers: DataFrame, before: DataFrame | None) -> DataFrame:
    """Add `is_new_peer` and `is_new_service`; keeps every row."""
    if before is None:
        nothing = F.lit(None).cast("boolean")
        return peers.withColumns({"is_new_peer": nothing, "is_new_service": nothing})
    key = ["initiator", "peer", "service_port", "protocol"]
    for column, keys in (("is_new_peer", key[:2]), ("is_new_service", key)):
        known = before.select(*keys).distinct().withColumn("_known", F.lit(True))
        is_new = F.expr("IF(hop = 1, _known IS NULL, NULL)")
        peers = with_known(peers, F.broadcast(known), keys).withColumn(column, is_new)
        peers = peers.drop("_known")
    return peers


# A row is a peer inside, with what the subject tried and what is unclear. `unclear` counts
# conversations inside of which nobody knows who began, `likely` those that the peer
# likely began: neither is evidence of silence. `expected` counts attempts at peers that are
# expected, `ordinary` those that are ordinary: all other figures leave both out.
_SUMS = ("attempts", *(outcome.lower() for outcome in Outcome))
_ORDINARY = f"standing IS NOT DISTINCT FROM '{Standing.ORDINARY}'"
_ATTEMPTS = f"{{attempts}} AND NOT ({_ORDINARY})"
_MATTERS = f"{_ATTEMPTS} AND service_class IS NOT NULL"
_UNCLEAR = f"initiator = '{Initiator.UNKNOWN}' AND {{unexpected}} AND NOT ({_ORDINARY})"
_LIKELY = f"initiator = '{Initiator.PEER}' AND {{unexpected}} AND NOT ({_ORDINARY})"
_USUAL = f"{{attempts}} AND {_ORDINARY}"
DID_IT_TRY_SQL = f"""
    SELECT peer, max(peer_name) AS peer_name,
           {ring_of_rank(f"min({ring_rank('peer_ring')})")} AS peer_ring,
           {", ".join(f"sum(IF({_ATTEMPTS}, {name}, 0)) AS {name}" for name in _SUMS)},
           sum(IF({_ATTEMPTS}, bytes_out, 0)) AS bytes_out,
           sum(IF({_ATTEMPTS}, bytes_in, 0)) AS bytes_in,
           sum(IF({_MATTERS}, attempts, 0)) AS at_services_that_matter,
           sum(IF({_MATTERS}, data, 0)) AS data_at_services_that_matter,
           sum(IF({_UNCLEAR}, attempts, 0)) AS unclear,
           sum(IF({_UNCLEAR}, bytes_out + bytes_in, 0)) AS unclear_bytes,
           sum(IF({_LIKELY}, likely, 0)) AS likely,
           sum(IF({_ATTEMPTS} OR {_UNCLEAR}, contradicted, 0)) AS contradicted,
           sum(IF({_ATTEMPTS} OR {_UNCLEAR}, volume_unknown, 0)) AS volume_unknown,
           sum(IF({BY_SUBJECT} AND NOT ({{unexpected}}), attempts, 0)) AS expected,
           sum(IF({_USUAL}, attempts, 0)) AS ordinary,
           sum(IF({{attempts}} AND standing IS NOT DISTINCT FROM '{Standing.UNKNOWN}',
               attempts, 0)) AS uncompared
    FROM peers WHERE hop = 1 AND {is_inside()}
    GROUP BY peer
    HAVING attempts + unclear + likely + expected + ordinary > 0"""
_USUAL_ROWS = f"FROM peers WHERE hop = 1 AND {is_inside()} AND {_USUAL}"
_RINGS = {
    "in_own_vpc": Ring.OWN_VPC,
    "in_other_vpc": Ring.OTHER_VPC,
    "in_private_unknown": Ring.PRIVATE_UNKNOWN,
}
_OUTSIDE = f"SELECT count(DISTINCT peer) FROM peers WHERE hop = 1 AND peer_ring = '{Ring.INTERNET}'"


def _tell_did_it_try(context: QuestionContext, figures: Figures, rows: Rows) -> Told:
    unclear = max(rows, key=lambda row: number_of(row, "unclear_bytes"), default=None)
    peer = sanitise(peer_of(unclear)) if unclear and unclear["unclear"] else None
    coverage = context.coverage
    unseen = context.unseen._replace(
        coverage=coverage.verdict if coverage else None,
        reasons=coverage.reasons if coverage else (),
        unclear_peer=peer,
        first_sign=context.first_sign,
    )
    verdict = judge(figures, unseen)
    return Told(verdict.step, verdict.sentence)


DID_IT_TRY = Question(
    id="P0-1",
    slug="did_it_try",
    title="Did the subject try to reach other resources in the VPC?",
    rule="Strongest outcome over conversations that the subject began inside and that are not "
    "ordinary: DATA > ANSWERED > ATTEMPTED > ORDINARY ONLY (all of them are ordinary, nothing is "
    "unclear) > NO EVIDENCE (there are none, coverage is full, ranges are known and nothing is "
    "unclear) > CANNOT TELL",
    sql=DID_IT_TRY_SQL,
    figures={
        **{name: f"sum({name})" for name in _SUMS},
        "peers_tried": "count_if(attempts > 0)",
        "peers_answered": "count_if(answered + data > 0)",
        "peers_with_data": "count_if(data > 0)",
        "peers_that_matter": "count_if(at_services_that_matter > 0)",
        "peers_that_matter_with_data": "count_if(data_at_services_that_matter > 0)",
        **{
            name: f"count_if(attempts > 0 AND peer_ring = '{ring.value}')"
            for name, ring in _RINGS.items()
        },
        "unclear": "sum(unclear)",
        "unclear_peers": "count_if(unclear > 0)",
        "unclear_bytes": "sum(unclear_bytes)",
        "likely": "sum(likely)",
        "contradicted": "sum(contradicted)",
        "volume_unknown": "sum(volume_unknown)",
        "expected": "sum(expected)",
        "ordinary": "sum(ordinary)",
        "ordinary_peers": "count_if(ordinary > 0)",
        "ordinary_ports": f"(SELECT count(DISTINCT service_port) {_USUAL_ROWS})",
        "ordinary_port": f"(SELECT min(service_port) {_USUAL_ROWS})",
        "uncompared": "sum(uncompared)",
        "uncompared_peers": "count_if(uncompared > 0)",
        "outside_v4": f"({_OUTSIDE} AND instr(peer, ':') = 0)",
        "outside_v6": f"({_OUTSIDE} AND instr(peer, ':') > 0)",
    },
    order="data DESC, answered DESC, attempts DESC, ordinary DESC, unclear_bytes DESC, "
    "unclear DESC, peer",
    tell=_tell_did_it_try,
    thresholds=("data_min", "aggregation_s", "gap_slack_s", "ephemeral_min", "shared_min"),
    places=frozenset({Place.HEADLINE}),
    key_figures=(
        KeyFigure("peers_tried", "internal peers tried"),
        KeyFigure("peers_answered", "of them answered"),
        KeyFigure("peers_with_data", "of them with data"),
    ),
)
