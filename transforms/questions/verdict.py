"""Did the subject try to reach others inside: peers by service, and one defensible sentence.

The ladder: DATA > ANSWERED > ATTEMPTED > NO EVIDENCE (only where coverage is FULL) > CANNOT TELL.
Flow logs prove attempt, answer and volume, never a login.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.network.service_classes import class_of
from transforms.questions.question import Asked, Figures, Question, Rows

VERDICT_VERSION = "1"
# Weakest first. What the far side said weighs more than silence, silence more than an own rule.
OUTCOMES = ("BLOCKED_SRC", "NO_ANSWER", "BLOCKED_DST", "REFUSED", "ANSWERED", "DATA")


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
    cases = " ".join(f"WHEN '{name}' THEN {rank}" for rank, name in enumerate(OUTCOMES))
    listed = ", ".join(f"'{name}'" for name in OUTCOMES)
    labels = "name interface_id instance_id subnet_name vpc_name scope".split()
    near = F.expr("IF(hop = 1, NULL, subject_address)").alias("subject_address")
    peers = (
        conversations.groupBy("hop", near, "peer", "service_port", "protocol", "initiator")
        .agg(
            *(F.max(f"peer_{name}").alias(f"peer_{name}") for name in labels),
            F.expr(f"max(CASE outcome {cases} END)").alias("_rank"),
            F.count("*").alias("attempts"),
            *(F.count_if(F.col("outcome") == name).alias(name.lower()) for name in OUTCOMES),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
            F.sum("bytes_out").alias("bytes_out"),
            F.sum("bytes_in").alias("bytes_in"),
            F.array_sort(F.array_distinct(F.flatten(F.collect_set("points")))).alias("points"),
        )
        .select(
            "*",
            F.expr(f"element_at(array({listed}), _rank + 1)").alias("outcome"),
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


def did_it_try(asked: Asked) -> Question:
    """P0-1. A row is an internal peer with what the subject began with it, by outcome.

    `unclear` are internal conversations whose beginner is unknown: they are no evidence of silence.
    `expected` are attempts at peers that were said to be expected: left out of all other figures.
    """
    is_attempt = asked.attempts()
    sums = "attempts blocked_src blocked_dst no_answer refused answered data".split()
    kept = ", ".join(f"sum(IF({is_attempt}, {name}, 0)) AS {name}" for name in sums)
    matters = f"{is_attempt} AND service_class IS NOT NULL"

    def tell(figures: Figures, rows: Rows) -> tuple[str, str]:
        verdict = judge(figures, None)
        return verdict.step, verdict.sentence

    return Question(
        "P0-1",
        "Did the subject try to reach other resources in the VPC?",
        "Strongest outcome over conversations that the subject began inside: DATA > ANSWERED > "
        "ATTEMPTED > NO EVIDENCE (only where coverage is full) > CANNOT TELL",
        f"""
        SELECT peer, max(peer_name) AS peer_name, {kept},
               sum(IF({matters}, attempts, 0)) AS at_services_that_matter,
               sum(IF({matters}, data, 0)) AS data_at_services_that_matter,
               sum(IF(initiator = 'unknown', attempts, 0)) AS unclear,
               sum(IF(initiator = 'subject' AND NOT ({asked.unexpected()}), attempts, 0))
                   AS expected
        FROM peers
        WHERE hop = 1 AND peer_scope = 'internal' AND initiator IN ('subject', 'unknown')
        GROUP BY peer""",
        {
            **{name: f"coalesce(sum({name}), 0)" for name in sums},
            "peers_tried": "count_if(attempts > 0)",
            "peers_answered": "count_if(answered + data > 0)",
            "peers_with_data": "count_if(data > 0)",
            "peers_that_matter": "count_if(at_services_that_matter > 0)",
            "peers_that_matter_with_data": "count_if(data_at_services_that_matter > 0)",
            "unclear": "coalesce(sum(unclear), 0)",
            "expected": "coalesce(sum(expected), 0)",
        },
        "data DESC, answered DESC, attempts DESC, peer",
        tell,
        ("data_min", "aggregation_s", "gap_slack_s", "ephemeral_min", "shared_min"),
    )


def judge(figures: Mapping[str, int], coverage: str | None, reasons: Sequence[str] = ()) -> Verdict:
    """The verdict over the figures of `did_it_try`; `coverage` is None when it was not judged.

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
