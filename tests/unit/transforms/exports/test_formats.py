"""Each format, against what its readers demand; the values can be checked by eye."""

import csv
import io
import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.support.export_checks import check_finding, check_layer, check_timeline, valid_bundle
from tests.support.export_rows import (
    CAME_IN,
    FACTS,
    MANIFEST,
    RUN,
    UPDATES,
    WENT_TO,
    SmallCase,
    conversation,
    quiet_case,
)
from transforms.exports.formats import FORMATS

STAMP = {"case_id": "web-3", "run_id": RUN, "manifest_sha256": MANIFEST}


def files_of(name: str, case: SmallCase | None = None) -> dict[str, str]:
    return {
        file.ending: b"".join(file.chunks).decode() for file in FORMATS[name](case or SmallCase())
    }


def timeline_of(case: SmallCase | None = None) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in files_of("timesketch", case)["timesketch.jsonl"].splitlines()
    ]


def test_a_timeline_tells_the_story_the_path_and_every_conversation() -> None:
    events = timeline_of()

    check_timeline(events)
    assert [(e["datetime"], e["timestamp_desc"], e["message"]) for e in events] == [
        ("2026-11-23T02:39:32+00:00", "Story of the case", f"{CAME_IN} came in over SSH."),
        ("2026-11-23T03:16:09+00:00", "Story of the case",
         "web-3 exchanged data with app-2 over SSH."),
        ("2026-11-23T03:26:36+00:00", "Story of the case", "db-1 stopped 12 tries."),
        ("2026-11-23T03:39:52+00:00", "Story of the case", f"At most 2.4 GB went to {WENT_TO}."),
        ("2026-11-23T03:16:00+00:00", "Contact on the path",
         "web-3 reached app-2 at tcp 22: DATA (suspicious)"),
        ("2026-11-23T03:16:00+00:00", "Conversation began",
         "10.20.1.13 to 10.20.2.22 (app-2), tcp 22: DATA"),
        ("2026-11-23T02:10:00+00:00", "Conversation began",
         f"{CAME_IN} to 10.20.1.13, tcp 22: DATA"),
        ("2026-11-23T03:16:00+00:00", "Conversation began",
         "10.20.1.13 and 10.20.9.9, icmp: NO_ANSWER; who began is unknown"),
    ]  # fmt: skip
    assert all(STAMP.items() <= event.items() for event in events)
    assert [event.get("standing") for event in events[5:]] == ["suspicious", "suspicious", None]
    assert (events[0]["technique"], events[0]["technique_name"]) == ("T1110", "Brute Force")
    assert "service_port" not in events[7]


def tables_of(case: SmallCase | None = None) -> dict[str, list[dict[str, str]]]:
    return {
        ending.removesuffix(".csv"): list(csv.DictReader(io.StringIO(text, newline="")))
        for ending, text in files_of("csv", case).items()
    }


def test_tables_have_every_row_and_say_what_they_are_of() -> None:
    tables = tables_of()

    assert {name: len(rows) for name, rows in tables.items()} == {
        "path": 1, "peers": 5, "conversations": 3, "indicators": 3,
    }  # fmt: skip
    assert all(STAMP.items() <= row.items() for rows in tables.values() for row in rows)
    (step,) = tables["path"]
    assert (step["from_name"], step["to_name"], step["service_port"], step["first_at"]) == (
        "web-3", "app-2", "22", "2026-11-23T03:16:00+00:00",
    )  # fmt: skip
    found = tables["indicators"]
    assert [(row["address"], row["bytes_out"], row["is_in_story"]) for row in found] == [
        (CAME_IN, "10", "true"),
        (WENT_TO, "2468573015", "true"),
        (UPDATES, "", "false"),
    ]  # fmt: skip


def test_a_table_without_rows_has_its_head() -> None:
    text = files_of("csv", quiet_case())["path.csv"]

    assert text.startswith('"hop","from_address",')
    assert text.count("\r\n") == 1


def of_kind(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["type"] == kind]


def test_a_bundle_holds_the_machine_the_traffic_the_indicators_and_a_report() -> None:
    objects = valid_bundle(files_of("stix")["stix.json"])

    assert [each["name"] for each in of_kind(objects, "identity")] == ["VPC Flow Trace", "web-3"]
    (traffic,) = of_kind(objects, "network-traffic")
    assert (traffic["src_port"], traffic["dst_port"], traffic["protocols"]) == (
        32936, 22, ["ipv4", "tcp"],
    )  # fmt: skip
    assert (traffic["src_byte_count"], traffic["dst_byte_count"]) == (62454, 93629)
    assert [each["pattern"] for each in of_kind(objects, "indicator")] == [
        f"[ipv4-addr:value = '{CAME_IN}']",
        f"[ipv4-addr:value = '{WENT_TO}']",
    ]
    names = {each["id"]: each.get("name") for each in objects}
    assert [
        (names[each["source_ref"]], each["relationship_type"], names[each["target_ref"]])
        for each in of_kind(objects, "relationship")
    ] == [
        (f"{CAME_IN}: inbound traffic", "indicates", "Brute Force"),
        (f"{WENT_TO}: outbound traffic", "indicates", "Exfiltration Over Alternative Protocol"),
    ]
    assert [each["content"] for each in of_kind(objects, "note")] == [
        f"2026-11-23T02:39:32Z {CAME_IN} came in over SSH.",
        "2026-11-23T03:16:09Z web-3 exchanged data with app-2 over SSH.",
        f"2026-11-23T03:39:52Z At most 2.4 GB went to {WENT_TO}.",
    ]
    (report,) = of_kind(objects, "report")
    assert report["external_references"][0] == {
        "source_name": "vpc-flow-trace",
        "external_id": f"web-3/{RUN}",
        "description": f"SHA-256 of manifest.json: {MANIFEST}",
    }
    assert report["name"] == "web-3 was entered over SSH and sent 2.4 GB."
    assert set(report["object_refs"]) == {each["id"] for each in objects} - {report["id"]}


def test_the_same_case_is_the_same_bundle_and_another_run_is_not() -> None:
    first, again = (files_of("stix")["stix.json"] for _ in range(2))
    later = files_of("stix", SmallCase(replace(FACTS, run_id="20261129t000000z-0002")))["stix.json"]

    assert first == again
    ids = [{each["id"] for each in valid_bundle(text)} for text in (first, later)]
    observables = {each for each in ids[0] & ids[1] if not each.startswith("identity--")}
    assert {each.partition("--")[0] for each in observables} == {"ipv4-addr", "network-traffic"}


def test_an_observable_has_the_id_that_the_specification_derives() -> None:
    """STIX 2.1, 2.9: UUIDv5 of the contributing properties, as canonical JSON, in OASIS's space."""
    objects = valid_bundle(files_of("stix")["stix.json"])
    expected = uuid5(UUID("00abedb4-aa42-466c-9c01-fed23315a9b7"), f'{{"value":"{WENT_TO}"}}')

    assert [each["id"] for each in of_kind(objects, "ipv4-addr") if each["value"] == WENT_TO] == [
        f"ipv4-addr--{expected}"
    ]


def test_traffic_without_ports_or_counters_has_none_in_a_bundle() -> None:
    step = {**SmallCase().tables["path"][0], "conversation_id": f"{7:040x}"}
    talk = conversation(7, UPDATES, "subject", protocol=58, subject_address="2001:db8::1",
                        packets_out=None, bytes_out=None)  # fmt: skip
    case = SmallCase(tables={**SmallCase().tables, "path": (step,), "conversations": (talk,)})

    (traffic,) = of_kind(valid_bundle(files_of("stix", case)["stix.json"]), "network-traffic")
    assert traffic["protocols"] == ["ipv6", "icmp"]
    assert not {"src_port", "dst_port", "src_byte_count", "src_packets"} & traffic.keys()
    assert traffic["dst_byte_count"] == 93629


def finding_of(case: SmallCase | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files_of("ocsf", case)["ocsf.json"])
    check_finding(found)
    return found


def test_a_finding_tells_verdict_techniques_and_evidence() -> None:
    found = finding_of()

    assert (found["class_uid"], found["type_uid"], found["severity"]) == (2004, 200401, "High")
    assert found["time"] == 1_795_435_200_000  # 2026-11-23 12:00:00 UTC
    assert found["finding_info"]["title"] == "web-3 was entered over SSH and sent 2.4 GB."
    assert [attack["technique"]["uid"] for attack in found["finding_info"]["attacks"]] == [
        "T1110", "T1021", "T1048",
    ]  # fmt: skip
    assert found["finding_info"]["attacks"][1] == {
        "tactic": {"uid": "TA0008", "name": "Lateral Movement"},
        "technique": {"uid": "T1021", "name": "Remote Services",
                      "src_url": "https://attack.mitre.org/techniques/T1021"},
        "sub_technique": {"uid": "T1021.004", "name": "SSH",
                          "src_url": "https://attack.mitre.org/techniques/T1021/004"},
    }  # fmt: skip
    assert [
        (each["src_endpoint"].get("ip"), each["dst_endpoint"].get("ip"),
         each["connection_info"]["direction_id"])
        for each in found["evidences"]
    ] == [("10.20.1.13", "10.20.2.22", 3), (CAME_IN, None, 1), (None, WENT_TO, 2)]  # fmt: skip
    assert [each["value"] for each in found["observables"]] == [CAME_IN, WENT_TO]
    assert STAMP.items() <= found["unmapped"].items()


@pytest.mark.parametrize(
    ("verdict", "severity"),
    [("DATA", 4), ("ANSWERED", 3), ("ATTEMPTED", 2), ("ORDINARY ONLY", 1), ("NO EVIDENCE", 1),
     ("CANNOT TELL", 0)],
)  # fmt: skip
def test_the_severity_is_the_step_of_the_ladder(verdict: str, severity: int) -> None:
    assert finding_of(SmallCase(replace(FACTS, verdict=verdict)))["severity_id"] == severity


def layer_of(case: SmallCase | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files_of("navigator", case)["navigator.json"])
    check_layer(found)
    return found


def test_a_layer_has_each_technique_with_its_basis() -> None:
    found = layer_of()
    techniques = found["techniques"]

    assert [(each["techniqueID"], each["tactic"], each["comment"]) for each in techniques] == [
        ("T1110", "credential-access", f"2026-11-23T02:39:32Z {CAME_IN} came in over SSH."),
        ("T1021.004", "lateral-movement",
         "2026-11-23T03:16:09Z web-3 exchanged data with app-2 over SSH."),
        ("T1048", "exfiltration", f"2026-11-23T03:39:52Z At most 2.4 GB went to {WENT_TO}."),
    ]  # fmt: skip
    assert found["techniques"][0]["metadata"] == [
        {"name": "basis", "value": "P0-6b"}, {"name": "address", "value": CAME_IN},
    ]  # fmt: skip
    stamp = {each["name"]: each["value"] for each in found["metadata"]}
    assert STAMP.items() <= stamp.items()


def test_a_case_in_which_nothing_happened_is_valid_in_every_format() -> None:
    case = quiet_case()

    assert timeline_of(case) == []
    assert finding_of(case)["finding_info"]["title"] == "the subject: CANNOT TELL"
    assert layer_of(case)["techniques"] == []
    objects = valid_bundle(files_of("stix", case)["stix.json"])
    assert [each["type"] for each in objects] == ["identity", "report"]
