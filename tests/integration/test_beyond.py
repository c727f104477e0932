"""A baseline before the window, a second hop behind it, and a watch-list, through the whole job.

Five ordinary days, then one on which web (10.0.0.7) enters app (10.0.0.9) and lone (10.0.0.20), and
app goes on to db (10.0.0.12) and to the address outside that web had called.
"""

import gzip
import json
import logging
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from pyspark.sql import SparkSession

from bench.jvm_memory import Held, heap_in_use, held_by
from jobs import verify_case
from jobs.errors import ExitCode
from jobs.evidence.case_lock import locked_case
from jobs.trace_instance import main
from tests.support.records import COLUMNS, flow_line

WEB, APP, DB, LONE = "10.0.0.7", "10.0.0.9", "10.0.0.12", "10.0.0.20"
C2, CLIENT = "198.51.100.77", "198.51.100.5"
LOGGED = {WEB: "a", APP: "b", DB: "d"}  # lone's interface has no flow log
DAYS = range(18, 24)


def eni(address: str) -> str:
    return f"eni-{LOGGED.get(address, 'f') * 17}"


def session(day: int, clock: str, source: str, target: str, port: int) -> list[bytes]:
    """Both directions of one conversation with data, at each end's interface that is logged."""
    hour, minute = map(int, clock.split(":"))
    at = int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp())
    client_port = 40_000 + (at // 60 + port) % 20_000
    lines = []
    for here in {source, target} & LOGGED.keys():
        for src, dst, sport, dport, flags in (
            (source, target, client_port, port, 2),
            (target, source, port, client_port, 18),
        ):
            lines.append(
                flow_line(
                    interface_id=eni(here), instance_id=f"i-{LOGGED[here] * 17}", srcaddr=src,
                    dstaddr=dst, pkt_srcaddr=src, pkt_dstaddr=dst, srcport=str(sport),
                    dstport=str(dport), tcp_flags=str(flags), packets="20", bytes="9000",
                    start=str(at), end=str(at + 50),
                    flow_direction="egress" if src == here else "ingress",
                )
            )  # fmt: skip
    return lines


def usual(day: int) -> list[bytes]:
    return [
        *session(day, "01:00", CLIENT, WEB, 443),
        *session(day, "01:05", WEB, APP, 8080),
        *session(day, "01:10", APP, DB, 5432),
    ]


def silence(day: int) -> list[bytes]:
    """NODATA every five minutes from one to four: without it nothing says that the log was on."""
    begin = int(datetime(2026, 11, day, 1, tzinfo=UTC).timestamp())
    nothing = dict.fromkeys(
        "srcaddr dstaddr srcport dstport protocol packets bytes action tcp_flags pkt_srcaddr "
        "pkt_dstaddr flow_direction".split(),
        "-",
    )
    return [
        flow_line(
            **nothing, interface_id=eni(address), instance_id=f"i-{letter * 17}", start=str(at),
            end=str(at + 59), log_status="NODATA",
        )
        for address, letter in LOGGED.items()
        for at in range(begin, begin + 3 * 3600, 300)
    ]  # fmt: skip


ATTACK = [
    *session(23, "02:50", WEB, C2, 443),
    *session(23, "03:00", WEB, APP, 22),
    *session(23, "03:05", WEB, LONE, 22),
    *session(23, "03:10", APP, DB, 22),
    *session(23, "03:15", APP, DB, 5432),
    *session(23, "03:20", APP, C2, 443),
    *session(23, "03:25", APP, "198.51.100.9", 443),
    *session(23, "03:30", LONE, DB, 22),
]


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags that read it."""
    folder = tmp_path_factory.mktemp("week")
    for day in DAYS:
        text = b"".join([*usual(day), *(ATTACK if day == 23 else silence(day))])
        at = folder / f"logs/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/{day}"
        at.mkdir(parents=True)
        name = "111122223333_vpcflowlogs_eu-west-1_fl-0aaaaaaaaaaaaaaaa"
        path = at / f"{name}_202611{day}T0330Z_0badcafe.log.gz"
        path.write_bytes(gzip.compress(" ".join(COLUMNS).encode() + b"\n" + text))
    labels = folder / "labels"
    labels.mkdir()
    (labels / "interfaces.csv").write_text(
        "interface_id,instance_id,addresses,description,vpc_id\n"
        + "".join(
            f"{eni(address)},i-{letter * 17},{address},{name},vpc-0aaaaaaaaaaaaaaaa\n"
            for (address, letter), name in zip(LOGGED.items(), ("web", "app", "db"), strict=True)
        )
    )
    # Known by its name, and not by an interface: nothing of it is recorded.
    (labels / "instances.csv").write_text(f"instance_id,name\ni-{'c' * 17},idle\n")
    return [
        "--flow_logs", str(folder / "logs"), "--labels", str(labels), "--instance_id",
        f"i-{'a' * 17}", "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z",
    ]  # fmt: skip


def answer(spark: SparkSession, case: Path, question: str) -> dict[str, Any]:
    answers = spark.read.format("delta").load(str(case / "answers"))
    row = answers.where(f"question = '{question}'").collect()[0].asDict()
    return {**row, "details": [json.loads(text) for text in row["details"]]}


def test_what_is_new_and_where_it_went_on(
    spark: SparkSession, week: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--case_id", "week", "--output", str(tmp_path), "--baseline_days", "5"]

    assert main([*week, *flags]) == 0

    said = " ".join(capsys.readouterr().out.split())
    case = tmp_path / "week"
    peers = spark.read.format("delta").load(str(case / "peers")).where("hop = 1")
    columns = "initiator peer service_port is_new_peer is_new_service".split()
    assert sorted(tuple(row) for row in peers.select(*columns).collect()) == [
        ("peer", CLIENT, 443, False, False),
        ("subject", LONE, 22, True, True),
        ("subject", APP, 22, False, True),
        ("subject", APP, 8080, False, False),
        ("subject", C2, 443, True, True),
    ]
    new = answer(spark, case, "P0-2b")
    assert (new["figures"]["services"], new["figures"]["inside"]) == (3, 2)
    assert "in the 5 days with records before it knew 2, of which 0 came after the first" in said

    # No finding, nobody from outside, no scan, nothing blocked: the days before are the history.
    assert answer(spark, case, "P1-16")["details"] == []

    standing = peers.where("initiator = 'subject'").select("peer", "service_port", "standing")
    assert sorted(tuple(row) for row in standing.collect()) == [
        (LONE, 22, "suspicious"),
        (APP, 22, "suspicious"),
        (APP, 8080, "ordinary"),
        (C2, 443, "suspicious"),
    ]
    path = spark.read.format("delta").load(str(case / "path"))
    steps = "hop from_address to_address service_port outcome standing".split()
    assert sorted(tuple(row) for row in path.select(*steps).collect()) == [
        (1, WEB, LONE, 22, "DATA", "suspicious"),
        (1, WEB, APP, 22, "DATA", "suspicious"),
        (2, LONE, DB, 22, "DATA", "unknown"),  # its interface has no flow log
        (2, APP, DB, 22, "DATA", "suspicious"),
        (2, APP, C2, 443, "DATA", "suspicious"),  # which the subject calls as well
    ]
    assert path.where("first_at < contact_at").count() == 0
    assert "3 machines were followed; 1 of them has no record of an interface of its own" in said
    assert "too little is known of 1 of them from before; no further machine was reached." in said
    assert "1 ordinary conversation with 1 address at port 8080" in said
    assert re.search(r"Books balanced: all \d+ identities hold in 4 readings", said)

    assert verify_case.main(["--case", str(case)]) == 0
    assert "the books of path_1 balance" in capsys.readouterr().out


def test_too_short_a_baseline_calls_nothing_new(
    spark: SparkSession, week: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--case_id", "short", "--output", str(tmp_path), "--baseline_days", "2"]

    assert main([*week, *flags, "--max_peers", "1"]) == 0

    said = " ".join(capsys.readouterr().out.split())
    peers = spark.read.format("delta").load(str(tmp_path / "short/peers"))
    assert {tuple(row) for row in peers.select("is_new_peer", "is_new_service").collect()} == {
        (None, None)
    }
    assert (
        "No baseline: of the 2 days before, the records of the subject begin only at 2026-11-21 "
        "01:00 UTC." in said
    )
    assert "; --max_peers 1 ended it." in said
    path = spark.read.format("delta").load(str(tmp_path / "short/path")).where("hop = 2")
    assert {row["from_address"] for row in path.collect()} == {APP}


def test_several_instances_are_one_case_and_each_is_seen_from_its_own_side(
    spark: SparkSession, week: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--case_id", "both", "--output", str(tmp_path), "--max_hops", "1"]

    assert main([*week, *flags, "--instance_id", f"i-{'a' * 17},i-{'b' * 17}"]) == 0

    said = capsys.readouterr().out
    assert f"subject   i-{'a' * 17}, i-{'b' * 17}, eni-{'a' * 17}, eni-{'b' * 17}, " in said
    found = spark.read.format("delta").load(str(tmp_path / "both/conversations")).where("hop = 1")
    columns = "subject_address initiator peer service_port".split()
    assert sorted(tuple(row) for row in found.select(*columns).collect()) == sorted(
        [
            (WEB, "peer", CLIENT, 443),
            *[(WEB, "subject", APP, port) for port in (22, 8080)],
            *[(APP, "peer", WEB, port) for port in (22, 8080)],
            (WEB, "subject", C2, 443),
            (WEB, "subject", LONE, 22),
            *[(APP, "subject", DB, port) for port in (22, 5432, 5432)],
            (APP, "subject", C2, 443),
            (APP, "subject", "198.51.100.9", 443),
        ]
    )


def test_a_watch_list_of_a_case_each_reads_every_object_once_and_says_what_each_did(
    spark: SparkSession, week: list[str], bucket: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    logs = Path(week[week.index("--flow_logs") + 1])
    keys = {str(path.relative_to(logs)): path for path in logs.rglob("*.gz") if "/23/" in str(path)}
    for key, path in keys.items():
        boto3.client("s3").upload_file(str(path), bucket, key)
    ids = {"web": f"i-{'a' * 17}", "app": f"i-{'b' * 17}", "idle": f"i-{'c' * 17}"}
    flags = [*week, "--case_id", "list", "--output", str(tmp_path), "--metrics", "emf"]
    flags += ["--max_hops", "1"]
    listed = [ids["web"], ids["app"], "Idle"]  # one by its name
    each = [*flags, "--instance_id", ",".join(listed), "--one_case_each", "true"]

    caplog.set_level(logging.INFO, "werkzeug")
    assert main([*each, "--flow_logs", f"s3://{bucket}"]) == 0

    # A list of any length needs no more memory than its longest case: nothing is held afterwards.
    assert _held_in_the_end(spark)._replace(threads=0) == Held(0, False, 0, (), 0)
    reads = [m for m in caplog.messages if '"GET' in m and ".log.gz" in m]
    assert len(reads) == len(keys) == 1
    cases = {f"list-{instance_id}" for instance_id in ids.values()}
    assert {item.name for item in tmp_path.iterdir()} == cases
    said = capsys.readouterr().out
    lines = said.partition("Watch-list  3 instances, a case each\n")[2].splitlines()
    assert [line.split()[:-1] for line in lines] == [
        ["DATA", ids["web"]],
        ["DATA", ids["app"]],
        ["CANNOT", "TELL", ids["idle"], "idle"],
    ]
    assert [line["CaseId"] for line in map(json.loads, re.findall(r"^{.*}$", said, re.M))] == [
        f"list-{instance_id}" for instance_id in ids.values()
    ]
    columns = "subject_address initiator peer service_port".split()
    for name, expected in {
        "web": [
            (WEB, "peer", CLIENT, 443),
            (WEB, "subject", LONE, 22),
            *[(WEB, "subject", APP, port) for port in (22, 8080)],
            (WEB, "subject", C2, 443),
        ],
        "app": [
            *[(APP, "peer", WEB, port) for port in (22, 8080)],
            *[(APP, "subject", DB, port) for port in (22, 5432, 5432)],
            (APP, "subject", C2, 443),
            (APP, "subject", "198.51.100.9", 443),
        ],
        "idle": [],
    }.items():
        case = tmp_path / f"list-{ids[name]}"
        found = spark.read.format("delta").load(str(case / "conversations")).select(*columns)
        assert sorted(map(tuple, found.collect())) == sorted(expected)
        manifest = json.loads((case / "manifest.json").read_text())
        assert manifest["subject"]["instance_ids"] == [ids[name]]
        assert all(identity["holds"] for identity in manifest["identities"])
        assert verify_case.main(["--case", str(case)]) == 0


def _held_in_the_end(spark: SparkSession) -> Held:
    """What is held once Spark's cleaner, a thread of its own, has done its work."""
    deadline = time.monotonic() + 60
    while True:
        heap_in_use(spark)
        held = held_by(spark)
        if not held.persistent_rdds or time.monotonic() > deadline:
            return held
        time.sleep(1)


def test_what_only_one_of_the_list_has_in_its_records_is_searched_for_once_more(
    spark: SparkSession, week: list[str], tmp_path: Path
) -> None:
    """Without labels the addresses come from records. Of the third instance there is none."""
    unlabelled = [word for word in week if word != "--labels" and not word.endswith("/labels")]
    flags = [*unlabelled, "--output", str(tmp_path), "--one_case_each", "true", "--max_hops", "1"]
    listed = f"i-{'a' * 17},i-{'b' * 17},i-{'c' * 17}"

    assert main([*flags, "--case_id", "bare", "--instance_id", listed]) == 0

    idle = json.loads((tmp_path / f"bare-i-{'c' * 17}/manifest.json").read_text())
    assert idle["objects_were_read_twice"]
    assert (idle["subject"]["holdings"], idle["books"]["flows"]) == ([], 0)

    for letter, address, records in (("a", WEB, (10, 4)), ("b", APP, (14, 10))):
        case = tmp_path / f"bare-i-{letter * 17}"
        manifest = json.loads((case / "manifest.json").read_text())
        assert manifest["objects_were_read_twice"]
        assert [held["address"] for held in manifest["subject"]["holdings"]] == [address]
        flows = spark.read.format("delta").load(str(case / "flows"))
        at_own = flows.where("role = 'own_interface'").count()
        assert (at_own, flows.count() - at_own) == records


def test_a_case_of_the_list_that_another_run_holds_stops_it_before_anything_is_written(
    week: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = f"i-{'a' * 17}", f"i-{'b' * 17}"
    flags = [*week, "--case_id", "held", "--output", str(tmp_path), "--one_case_each", "true"]
    (tmp_path / f"held-{second}").mkdir()
    with locked_case(f"{tmp_path}/held-{second}/run.lock", "20261125t000000z-0000"):
        assert main([*flags, "--instance_id", f"{first},{second}"]) == ExitCode.HELD

    assert (
        f"held-{second}/run.lock: found that run 20261125t000000z-0000" in capsys.readouterr().err
    )
    assert list((tmp_path / f"held-{first}").iterdir()) == []
