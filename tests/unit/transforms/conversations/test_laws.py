"""Laws of conversations and of the verdict over them, for whatever hypothesis draws.

An example is many stories in one frame, as one Spark job costs as much for one as for forty.
"""

from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.spark.session import for_few_rows
from tests.redteam.stories import DAY_S, ICMP, TCP, UDP, Case, Talk
from tests.redteam.verdicts import try_cases
from tests.support.flow_rows import P, Row, S, at_peer, back, flows_of, out
from transforms.conversations.build import conversations_of, survey
from transforms.conversations.members import with_conversation
from transforms.conversations.rules import Rules
from transforms.coverage.facts import of_unknown_vpcs

# What is found is found in a few examples of many stories; made smaller it is by whole stories.
FEW = settings(
    max_examples=5,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
PORTS = st.integers(0, 65_535) | st.sampled_from([22, 53, 80, 161, 443, 3389, 8080, 50_000])
VOLUMES = st.sampled_from([0, 40, 60, 1_400, 100_000])


@st.composite
def hostile_talks(draw: st.DrawFn) -> Talk:
    """What the subject may begin with an address inside: every choice is the attacker's."""
    protocol = draw(st.sampled_from([TCP, TCP, UDP, UDP, ICMP, 47, 50, 132]))
    has_ports = protocol in (TCP, UDP)
    fate = draw(st.sampled_from(["silence", "blocked near", "blocked far", "refused", "answered"]))
    return Talk(
        began="subject",
        protocol=protocol,
        subject_port=draw(PORTS) if has_ports else 0,
        peer_port=draw(PORTS) if has_ports else 0,
        peer=10,
        began_s=draw(st.integers(0, DAY_S - 2)),
        lasts_s=draw(st.sampled_from([1, 1, 30, 200, 900])),
        fate="silence" if fate == "refused" and protocol != TCP else fate,  # type: ignore[arg-type]
        out=draw(VOLUMES),
        back=draw(VOLUMES),
        crafted=draw(st.none() | st.integers(0, 255)) if protocol == TCP else None,
        at_peer_too=draw(st.booleans()),
        from_secondary=draw(st.booleans()),
        tries=draw(st.integers(1, 3)),
    )


@st.composite
def days(draw: st.DrawFn) -> Case:
    """A day of ordinary talks, to which the hostile one is added."""
    hostile = draw(hostile_talks())
    client = Talk("peer", TCP, 443, 50_000, 20, 60, 70, "answered", 900, 3_000)
    clients = [
        # Clients inside and outside, also of the port that the attacker uses.
        replace(
            client,
            subject_port=draw(st.sampled_from([443, hostile.subject_port])),
            peer_port=draw(st.integers(32_768, 61_000)),
            peer=peer,
            began_s=draw(st.integers(0, DAY_S - 600)),
        )
        for peer in draw(st.lists(st.sampled_from([20, 21, 22, 23, 120]), unique=True))
    ]
    fields = draw(st.sampled_from(["full", "no flags", "version 2", "no counts"]))
    return Case(1, "drawn", hostile, tuple(clients), fields, copies=draw(st.sampled_from([1, 2])))  # type: ignore[arg-type]


@given(drawn=st.lists(days(), min_size=1, max_size=40))
@FEW
def test_the_law_of_silence(spark: SparkSession, drawn: list[Case]) -> None:
    """Whatever the subject began inside is never NO EVIDENCE, even with FULL coverage."""
    cases = [replace(case, number=number) for number, case in enumerate(drawn, start=1)]

    broken = ("silence", "only the subject sent, the peer is named")
    assert [fault for fault in try_cases(spark, cases).faults if fault.law in broken] == []


@st.composite
def records(draw: st.DrawFn) -> Row:
    """A record of any kind: of either side, at any interface, with or without its addresses."""
    row = draw(st.sampled_from([out, back]))(draw(st.integers(0, 2_000)))
    own, far = draw(st.sampled_from([40_001, 40_002, 22])), draw(st.sampled_from([22, 50_000]))
    row |= {"srcport": own, "dstport": far} if row["srcaddr"] == S else {
        "srcport": far, "dstport": own,
    }  # fmt: skip
    row |= {
        "action": draw(st.sampled_from(["ACCEPT", "ACCEPT", "REJECT", None])),
        "tcp_flags": draw(st.sampled_from([None, 0, 1, 2, 4, 18, 19])),
        "protocol": draw(st.sampled_from([6, 6, 17, 1])),
        "packets": draw(st.sampled_from([None, 1, 40])),
    }
    if row["protocol"] == 1:
        row |= dict.fromkeys(("srcport", "dstport"), draw(st.sampled_from([0, None])))
    row = at_peer(row) if draw(st.booleans()) else row
    kind = draw(st.sampled_from(["whole"] * 8 + ["no source", "of others", "unknown", "no data"]))
    if kind == "no source":
        row |= {"srcaddr": None}
    elif kind == "of others":
        row |= {"srcaddr": "10.9.9.9", "dstaddr": "10.9.9.8", "flow_direction": None,
                "src_basis": None, "dst_basis": None}  # fmt: skip
    elif kind == "unknown":
        row |= {"role": "unknown_vpc", "interface_id": "eni-0dddddddd"}
    elif kind == "no data":
        row |= dict.fromkeys(("srcaddr", "dstaddr", "srcport", "dstport", "action"))
        row |= {"log_status": "NODATA"}
    return row


Ends = tuple[object, int, object, int]


def ends_of(row: Row) -> Ends | None:
    """Protocol, the subject's port, the peer and its port; None where a side is not known."""
    if (
        row["srcaddr"] is None
        or row["dstaddr"] is None
        or S not in (row["srcaddr"], row["dstaddr"])
    ):
        return None
    own, far = ("srcport", "dstport") if row["srcaddr"] == S else ("dstport", "srcport")
    return row["protocol"], int(str(row[own] or 0)), P, int(str(row[far] or 0))


@given(drawn=st.lists(records(), max_size=60), copied=st.sets(st.integers(0, 59), max_size=10))
@FEW
def test_a_record_is_in_exactly_one_conversation_or_among_those_left_out(
    spark: SparkSession, drawn: list[Row], copied: set[int]
) -> None:
    copies = [
        {**drawn[at], "object_uri": f"s3://copies/{str(drawn[at]['object_uri'])[7:]}"}
        for at in copied
        if at < len(drawn)
    ]
    rows = drawn + copies
    traffic = [row for row in rows if row["log_status"] == "OK"]
    own = {ends_of(row) for row in traffic if row["role"] == "own_interface"}
    strange = [
        row
        for row in traffic
        if row["role"] == "unknown_vpc" and ends_of(row) is not None and ends_of(row) not in own
    ]
    of_ends = Counter(
        ends for row in traffic if row not in strange and (ends := ends_of(row)) is not None
    )

    flows = flows_of(spark, rows)
    with for_few_rows(spark, is_small=True):
        conversations = conversations_of(flows, [S], Rules())
        found = conversations.collect()
        judged = conversations.withColumn("standing", F.lit(None).cast("string"))
        named = with_conversation(flows, judged, [S]).collect()
        left_out = survey(flows, [S]).collect()[0]["left_out"]
        unknown = of_unknown_vpcs(flows).collect()[0]["records"]

    held: Counter[Ends] = Counter()
    for row in found:
        ends = row["protocol"], row["subject_port"], row["peer"], row["peer_port"]
        held[ends] += row["records"] + row["copies"]
    assert held == of_ends
    assert unknown == len(strange)
    assert held.total() + left_out + unknown == len(traffic)
    # And each record names the one that it is in.
    of_conversation: Counter[str] = Counter()
    for row in found:
        of_conversation[row["conversation_id"]] += row["records"] + row["copies"]
    assert len(named) == len(rows)
    assert of_conversation == Counter(filter(None, (row["conversation_id"] for row in named)))
