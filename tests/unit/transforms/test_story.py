"""The story is told from rows of JSON, which leave out what is unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from transforms.questions.catalogue import QUESTIONS
from transforms.standing.path import PathStep
from transforms.story import Story, tell_story

AT = "2026-11-23T01:00:00"


def story_of(rows: Mapping[str, list[dict[str, object]]], steps: Sequence[PathStep] = ()) -> Story:
    answers: list[Any] = [
        SimpleNamespace(
            question=question,
            rows=rows.get(question.slug, []),
            parameters={"transfer_bytes": "100"},
        )
        for question in QUESTIONS
    ]
    return tell_story("web-3", answers, steps)


def test_rows_without_port_class_and_volume_are_told_as_far_as_they_go() -> None:
    story = story_of(
        {
            "entry": [{"peer": "192.0.2.1", "tries": 1, "longest_s": 5, "longest_at": AT,
                       "first_at": AT, "with_data": 1}],
            "scans": [{"kind": "horizontal", "targets": 5, "first_at": AT, "last_at": AT,
                       "fail_percent": 3}],
            "blocked": [{"peer": "10.0.0.1", "attempts": 3, "first_at": AT}],
            "volume": [{"peer": "192.0.2.1", "hour": AT}],
        }
    )  # fmt: skip

    assert story.headline == (
        "web-3 was entered over a protocol without ports from 192.0.2.1 at 01:00 and tried 5 "
        "addresses."
    )
    assert [act.technique for act in story.acts] == ["T1046", "T1133"]


def step(name: str, port: int, hour: int) -> PathStep:
    return PathStep(
        hop=1, from_address="10.0.0.7", from_name=None, to_address=f"10.0.2.{len(name)}",
        to_name=name, to_ring="own vpc", protocol=6, service_port=port,
        service_class="remote admin", first_at=datetime(2026, 11, 23, hour, tzinfo=UTC),
        outcome="DATA", standing="suspicious", reasons=(), attempts=1, conversation_id="c",
        contact_at=None, is_probe=False,
    )  # fmt: skip


def test_a_machine_that_was_reached_at_two_ports_is_one_in_the_headline() -> None:
    steps = (step("app-2", 22, 1), step("app-2", 3389, 2), step("files-10", 445, 3))

    story = story_of({}, steps)

    assert story.headline == "web-3 exchanged data with app-2 and 1 more."
    assert [act.technique for act in story.acts] == ["T1021.004", "T1021.001", "T1021.002"]


def test_unknown_steps_to_a_machine_are_told_together_and_not_in_the_headline() -> None:
    dc = [replace(step("dc", port, hour), standing="unknown") for hour, port in ((0, 53), (1, 88))]
    onward = [replace(one, hop=2, from_address="10.0.2.5", from_name="app-2") for one in dc]
    c2 = replace(
        onward[0], to_address="198.51.100.4", to_name=None, to_ring="internet", service_port=8443,
        first_at=datetime(2026, 11, 23, 4, tzinfo=UTC), attempts=376,
    )  # fmt: skip

    story = story_of({}, [*dc, step("app-2", 5985, 3), *onward, c2])

    assert story.headline == (
        "web-3 exchanged data with app-2 and went on through app-2 to 198.51.100.4."
    )
    assert [act.line() for act in story.acts] == [
        "00:00 web-3 exchanged data with dc over port 53, port 88 (unknown).",
        "00:00 app-2 exchanged data with dc over port 53, port 88 (unknown).",
        "03:00 web-3 exchanged data with app-2 over WinRM (suspicious). [T1021.006]",
        "04:00 app-2 called 198.51.100.4 over port 8443, 376 times, as web-3 does. [T1071]",
    ]


def test_where_nothing_is_surer_the_unknown_stands_in_the_headline() -> None:
    story = story_of({}, [replace(step("db-1", 5432, 1), standing="unknown")])

    assert story.headline == "web-3 exchanged data with db-1."


def test_a_channel_is_told_by_what_makes_it_one() -> None:
    call = {"peer_ring": "internet", "service_port": 443, "first_at": AT, "last_at": AT}
    story = story_of(
        {
            "channels": [
                {**call, "peer": "192.0.2.1", "calls": 80, "basis": "repeated"},
                {**call, "peer": "192.0.2.2", "calls": 1, "basis": "shared"},
                {**call, "peer": "192.0.2.3", "calls": 2, "basis": "long", "longest_s": 1_900},
            ],
        }
    )

    assert story.headline == "web-3 called 192.0.2.1 80 times."
    assert [act.sentence for act in story.acts] == [
        "It called 192.0.2.1 at port 443 80 times until 01:00.",
        "It called 192.0.2.2 at port 443 1 time until 01:00.",
        "It kept a session of 31 min with 192.0.2.3 at port 443.",
    ]
    assert [act.until for act in story.acts] == [AT, AT, "2026-11-23T01:31:40"]


def test_without_any_act_there_is_no_headline() -> None:
    assert story_of({}) == Story()


def test_each_act_has_a_name_and_its_end_where_that_is_known() -> None:
    story = story_of(
        {
            "entry": [{"peer": "192.0.2.1", "tries": 9, "longest_s": 3_600, "longest_at": AT,
                       "first_at": AT, "with_data": 1, "service_port": 22}],
            "scans": [{"kind": "horizontal", "targets": 5, "first_at": AT, "fail_percent": 3,
                       "last_at": "2026-11-23T01:05:00", "service_port": 445}],
            "services_tried": [{"peer": "10.0.2.5", "service_port": 22, "protocol": 6,
                                "last_at": "2026-11-23T03:00:00"}],
            "volume": [
                {"peer": "192.0.2.7", "hour": "2026-11-23T04:00:00", "payload_out": 5_000_000,
                 "last_at": "2026-11-23T04:50:00"},
                {"peer": "192.0.2.7", "hour": "2026-11-23T05:00:00", "payload_out": 1_000_000,
                 "last_at": "2026-11-23T05:20:00"},
            ],
        },
        (step("app-2", 22, 2), step("files-10", 445, 3)),
    )  # fmt: skip

    assert [(act.name, act.at[11:16], act.until[11:16]) for act in story.acts] == [
        ("scan: SMB at 5 addresses", "01:00", "01:05"),
        ("SSH session from 192.0.2.1", "01:00", "02:00"),
        ("web-3 to app-2, SSH", "02:00", "03:00"),
        ("web-3 to files-10, SMB", "03:00", ""),
        ("6.0 MB to 192.0.2.7", "04:00", "05:20"),
    ]


def test_an_act_names_the_address_of_the_other_end_where_there_is_one() -> None:
    story = story_of(
        {
            "entry": [{"peer": "192.0.2.1", "tries": 1, "longest_s": 5, "longest_at": AT,
                       "first_at": AT, "with_data": 1, "service_port": 22}],
            "scans": [{"kind": "horizontal", "targets": 5, "first_at": AT, "last_at": AT,
                       "fail_percent": 3, "service_port": 445},
                      {"kind": "vertical", "peer": "10.0.0.9", "targets": 7, "first_at": AT,
                       "last_at": AT, "fail_percent": 3}],
            "blocked": [{"peer": "10.0.0.1", "attempts": 3, "first_at": AT, "service_port": 5432,
                         "service_class": "database", "standing": "suspicious"}],
            "channels": [{"peer": "192.0.2.3", "peer_ring": "internet", "calls": 9,
                                "service_port": 443, "first_at": AT, "last_at": AT}],
            "volume": [{"peer": "192.0.2.4", "hour": AT, "payload_out": 500}],
        },
        [step("app-2", 22, 1)],
    )  # fmt: skip

    assert sorted((act.address, act.technique) for act in story.acts) == [
        ("", "T1046"),
        ("10.0.0.1", ""),
        ("10.0.0.9", "T1046"),
        ("10.0.2.5", "T1021.004"),
        ("192.0.2.1", "T1133"),
        ("192.0.2.3", "T1071"),
        ("192.0.2.4", "T1048"),
    ]


def test_a_machine_of_the_vpc_is_named_before_a_private_address_that_may_be_anybodys() -> None:
    server = replace(step("", 80, 1), to_address="192.168.0.4", to_name=None,
                     to_ring="private, unknown")  # fmt: skip
    onward = replace(server, hop=2, from_address="10.0.2.5", from_name="app-2",
                     service_port=8443, standing="unknown")  # fmt: skip
    blocked = {"peer": "192.168.0.4", "attempts": 1, "first_at": AT, "service_port": 445,
               "service_class": "file", "standing": "suspicious"}  # fmt: skip

    story = story_of({"blocked": [blocked]}, [server, step("app-2", 5985, 2), onward])

    assert story.headline == (
        "web-3 exchanged data with app-2 and 1 more and went on through app-2 to 192.168.0.4."
    )
