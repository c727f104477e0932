"""Each contrast decides as the page says; what is unknown never makes a row ordinary."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from transforms.questions.options import Thresholds
from transforms.standing.judge import Contrasts, with_standing

# A row that is ordinary by history alone: 12 conversations in 4 of 10 hours, then 9.
USUAL: dict[str, Any] = {
    "hop": 1, "machine": "", "initiator": "subject", "peer": "10.0.2.21", "service_port": 8081,
    "protocol": 6, "attempts_before": 12, "reached_before": 12, "peak_before": 4,
    "peak_bytes_before": 40_000, "hours_before": 4, "days_before": 1, "hours": 8,
    "attempts_after": 9, "reached_after": 9, "data_after": 9, "peak_after": 5,
    "peak_bytes_after": 50_000, "began_s": 40_000, "has_failed_first": False,
    "peer_ring": "own vpc",
}  # fmt: skip
ABSENT = {"attempts_before": 0, "reached_before": 0, "peak_before": 0, "peak_bytes_before": None,
          "hours_before": 0, "days_before": 0}  # fmt: skip
MACHINE: dict[str, Any] = {"has_sign": True, "history_h": 10.0, "contact_s": None, "compared": None}
# name → (differs in the row, in the machine, equals that do it, crowd), standing
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], int | None, int | None, str]] = {
    "as before": ({}, {}, None, None, "ordinary"),
    "too little history": ({}, {"history_h": 1.9}, None, None, "unknown"),
    "no history, nobody to compare with": (ABSENT, {"history_h": 0.0}, None, None, "unknown"),
    "new": (ABSENT, {}, None, None, "suspicious"),
    "seen in one hour only": ({"hours_before": 1, "attempts_before": 1}, {}, None, None,
                              "suspicious"),
    "busier": ({"peak_after": 18}, {}, None, None, "changed"),
    "as busy as may be": ({"peak_after": 17}, {}, None, None, "ordinary"),
    "more bytes": ({"peak_bytes_after": 1_120_001}, {}, None, None, "changed"),
    "bytes not recorded": ({"peak_bytes_after": None}, {}, None, None, "ordinary"),
    "answered only now": ({"reached_before": 0}, {}, None, None, "changed"),
    "new, as half of its equals": (ABSENT, {"compared": 2}, 1, None, "ordinary"),
    "new, as less than half": (ABSENT, {"compared": 3}, 1, None, "suspicious"),
    "new, as no equal": (ABSENT, {"compared": 3}, None, None, "suspicious"),
    "no history, as its equals": (ABSENT, {"history_h": 0.0, "compared": 2}, 2, None, "ordinary"),
    "no history, as no equal": (ABSENT, {"history_h": 0.0, "compared": 2}, None, None,
                                "suspicious"),
    "no history, a crowd, all day": (ABSENT, {"history_h": 0.0}, None, 3, "ordinary"),
    "no history, a crowd, once": ({**ABSENT, "hours": 1}, {"history_h": 0.0}, None, 3, "unknown"),
    "no history, two others": (ABSENT, {"history_h": 0.0}, None, 2, "unknown"),
    "a first try that failed": ({**ABSENT, "has_failed_first": True}, {"compared": 2}, 2, None,
                                "suspicious"),
    "failing as ever": ({"has_failed_first": True}, {}, None, None, "ordinary"),
    "soon after the contact": (ABSENT, {"history_h": 0.0, "contact_s": 39_000}, None, 9,
                               "suspicious"),
    "long after the contact": (ABSENT, {"history_h": 0.0, "contact_s": 30_000}, None, 9,
                               "ordinary"),
    "SSH as before": ({"service_port": 22}, {}, None, None, "suspicious"),
    "SSH as before and as equals": ({"service_port": 22}, {"compared": 2}, 2, None, "ordinary"),
    "SSH as before, by a crowd": ({"service_port": 22}, {}, None, 3, "ordinary"),
    "SSH as equals, but new": ({**ABSENT, "service_port": 22}, {"compared": 2}, 2, None,
                               "suspicious"),
    "SSH for three days, alone": ({"service_port": 22, "days_before": 3}, {}, None, None,
                                  "ordinary"),
    "SSH for two days, alone": ({"service_port": 22, "days_before": 2}, {}, None, None,
                                "suspicious"),
    "SSH for three days, not as equals": ({"service_port": 22, "days_before": 3}, {"compared": 2},
                                          None, None, "suspicious"),
    "SSH as equals, no sign at all": ({**ABSENT, "service_port": 22},
                                      {"has_sign": False, "history_h": 0.0, "compared": 2}, 2,
                                      None, "ordinary"),
}  # fmt: skip


def judged(spark: SparkSession, cases: list[tuple[Any, ...]]) -> dict[str, tuple[str, list[str]]]:
    """Each case as a machine of its own, so that one query judges all."""
    rows, machines, equals, crowd = [], [], [], []
    for number, (name, differs, machine, doing, others) in enumerate(cases):
        row = {**USUAL, **differs, "machine": name, "peer": f"10.0.9.{number}"}
        rows.append(tuple(row.values()))
        known = {**MACHINE, **machine}
        machines.append((name, *known.values()))
        if doing is not None:
            equals.append((name, "subject", row["peer"], row["service_port"], 6, doing, doing, 9,
                           90_000))  # fmt: skip
        if others is not None:
            crowd.append(("subject", row["peer"], row["service_port"], 6, others))
    kinds = {int: "BIGINT", str: "STRING", bool: "BOOLEAN", float: "DOUBLE", type(None): "BIGINT"}

    def shape(values: dict[str, Any]) -> str:
        return ", ".join(f"{name} {kinds[type(value)]}" for name, value in values.items())

    service = "initiator STRING, peer STRING, service_port BIGINT, protocol BIGINT"
    activity = spark.createDataFrame(rows, shape(USUAL)).selectExpr(
        "*", "timestamp_seconds(began_s) AS began_at"
    )
    contrasts = Contrasts(
        spark.createDataFrame(machines, f"machine STRING, {shape(MACHINE)}"),
        spark.createDataFrame([], "machine STRING, address STRING"),
        spark.createDataFrame(
            equals,
            "machine STRING, initiator STRING, peer_or_equal STRING, service_port BIGINT, "
            "protocol BIGINT, equals BIGINT, equals_reached BIGINT, peak_equals BIGINT, "
            "peak_bytes_equals BIGINT",
        ),
        spark.createDataFrame(crowd, f"{service}, crowd BIGINT"),
    )
    found = with_standing(activity, contrasts, Thresholds()).collect()
    return {row["machine"]: (row["standing"], row["reasons"]) for row in found}


@pytest.fixture(scope="module")
def found(spark: SparkSession) -> dict[str, tuple[str, list[str]]]:
    return judged(spark, [(name, *case[:4]) for name, case in CASES.items()])


@pytest.mark.parametrize("name", CASES)
def test_a_row_stands_as_its_contrasts_say(
    found: dict[str, tuple[str, list[str]]], name: str
) -> None:
    assert found[name][0] == CASES[name][4], found[name][1]


def test_the_reasons_begin_with_what_speaks_against_the_row(
    found: dict[str, tuple[str, list[str]]],
) -> None:
    assert found["as before"][1] == ["before: 12 in 10.0 h, 4 in the busiest hour; then 5"]
    assert found["new, as no equal"][1] == [
        "before: not seen in 10.0 h of records",
        "equals: none of 3 does this",
    ]
    assert found["SSH as before"][1][0] == (
        "remote admin: ordinary only with history and equals or a crowd"
    )
    assert found["soon after the contact"][1][0] == (
        "manner: 16 min after a suspicious contact from outside"
    )
    assert found["no history, a crowd, all day"][1] == [
        "before: too little is recorded, 0.0 h",
        "crowd: 3 other machines use it",
    ]


def activity_of(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    kinds = {int: "BIGINT", str: "STRING", bool: "BOOLEAN", type(None): "BIGINT"}
    shape = ", ".join(f"{name} {kinds[type(value)]}" for name, value in USUAL.items())
    return spark.createDataFrame([tuple(row.values()) for row in rows], shape).selectExpr(
        "*", "timestamp_seconds(began_s) AS began_at"
    )


def one_machine(spark: SparkSession, history_h: float) -> DataFrame:
    return spark.createDataFrame(
        [("one", *{**MACHINE, "history_h": history_h}.values())],
        "machine STRING, has_sign BOOLEAN, history_h DOUBLE, contact_s BIGINT, compared BIGINT",
    )


def test_many_new_rows_in_vain_are_a_scan_and_what_was_there_before_is_none_of_it(
    spark: SparkSession,
) -> None:
    service = {"machine": "one", "service_port": 8081}
    rows = [
        {**USUAL, **service, **ABSENT, "peer": f"10.0.5.{n}", "reached_after": 0, "data_after": 0}
        for n in range(5)
    ]
    rows.append({**USUAL, **service, "peer": "10.0.5.100"})
    found = with_standing(
        activity_of(spark, rows), Contrasts(one_machine(spark, 10.0)), Thresholds()
    ).collect()

    assert {row["peer"]: (row["is_scan"], row["standing"]) for row in found} == {
        **{f"10.0.5.{n}": (True, "suspicious") for n in range(5)},
        "10.0.5.100": (False, "ordinary"),
    }


def test_whoever_failed_at_one_port_of_a_machine_is_suspicious_at_its_others(
    spark: SparkSession,
) -> None:
    cases = {  # peer, port → crowd, whether the first try failed, standing
        ("10.0.9.1", 55_121): (None, True, "suspicious"),
        ("10.0.9.1", 5_985): (None, False, "suspicious"),
        ("10.0.9.1", 8_082): (3, False, "ordinary"),
        ("10.0.9.2", 8_080): (None, False, "unknown"),
    }
    rows = [
        {**USUAL, **ABSENT, "machine": "one", "peer": peer, "service_port": port,
         "has_failed_first": has_failed}
        for (peer, port), (_, has_failed, _) in cases.items()
    ]  # fmt: skip
    crowd = [("subject", *key, 6, number) for key, (number, *_) in cases.items() if number]
    contrasts = Contrasts(
        one_machine(spark, 0.0),
        crowd=spark.createDataFrame(
            crowd,
            "initiator STRING, peer STRING, service_port BIGINT, protocol BIGINT, crowd BIGINT",
        ),
    )

    found = with_standing(activity_of(spark, rows), contrasts, Thresholds()).collect()

    assert {(row["peer"], row["service_port"]): row["standing"] for row in found} == {
        key: standing for key, (_, _, standing) in cases.items()
    }
