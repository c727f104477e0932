"""Over which time a watch judges, and which of the judged peers it tells."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.flow_table.watch_cases import rows_to_tell, time_of
from transforms.flow_table.shapes import STORED_OBJECTS
from transforms.schemas import PEERS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=6)
NOON_S = int(NOON.timestamp())
HOUR, DAY = 3_600, 86_400
RUN = IngestRun(
    run_id="r", number=1, began_at=NOON, objects=1, flows=1, manifest_sha256="0"
)  # fmt: skip


# Slots of objects (None: no name of AWS's) with the first and last second of their records, and the
# time that follows from them; all from noon on.
OBJECTS: dict[str, tuple[list[tuple[int | None, int, int]], tuple[int, int] | None]] = {
    "its records": ([(0, -50, 299)], (-50, 300)),
    "all of them": ([(0, 10, 299), (300, 310, 650)], (10, 651)),
    "a late record": ([(0, -HOUR, 299)], (-HOUR, 300)),
    "a record of another year": ([(0, -400 * DAY, 299)], (-HOUR - 660, 300)),
    "a record of the year 5138": ([(0, 10, 10**11 - NOON_S)], (10, 1_200)),
    "no slot, and later than now": ([(None, 10, 10**11 - NOON_S)], (10, 6 * HOUR)),
    "a month at most": ([(None, -400 * DAY, -1)], (-31 * DAY, 0)),
    "nothing was read": ([], None),
}


@pytest.mark.parametrize(("objects", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_a_watch_judges_over_the_records_of_what_is_new(
    spark: SparkSession, tmp_path: Path, objects: list[tuple[int | None, int, int]],
    expected: tuple[int, int] | None,
) -> None:  # fmt: skip
    table = FlowTable(str(tmp_path))
    rows = [
        {
            "uri": f"o{number}", "run_id": "r", "parsed_lines": 1, "day": NOON.date(),
            "slot_at": None if slot is None else NOON + timedelta(seconds=slot),
            "first_start": NOON_S + first, "last_end": NOON_S + last,
        }
        for number, (slot, first, last) in enumerate(objects)
    ]  # fmt: skip
    unread = {"uri": "unread", "run_id": "r", "parsed_lines": 0, "day": NOON.date()}
    other = {**unread, "run_id": "other", "parsed_lines": 1, "first_start": 1, "last_end": 2}
    table.append(spark.createDataFrame([*rows, unread, other], STORED_OBJECTS), "objects")

    window = time_of(spark, table, [RUN], timedelta(hours=1), NOW)

    found = (window.from_s - NOON_S, window.to_s - NOON_S) if window else None
    assert found == expected


def test_suspicious_peers_are_told_but_not_everybody_who_calls_a_public_service(
    spark: SparkSession,
) -> None:
    """Ring, initiator, service class, standing, hop; and whether the row is told."""
    table = [
        ("own vpc", "subject", None, "suspicious", 1, True),
        ("own vpc", "peer", None, "suspicious", 1, True),
        ("own vpc", "unknown", None, "suspicious", 1, True),
        ("internet", "subject", None, "suspicious", 1, True),
        ("internet", "peer", "remote admin", "suspicious", 1, True),
        ("internet", "peer", None, "suspicious", 1, False),
        ("internet", "unknown", None, "suspicious", 1, False),
        ("own vpc", "subject", None, "suspicious", 2, False),
        ("own vpc", "subject", None, "changed", 1, False),
        ("own vpc", "subject", None, "unknown", 1, False),
        ("own vpc", "subject", None, "ordinary", 1, False),
    ]
    peers = spark.createDataFrame(
        [
            {
                "peer": f"10.0.0.{number:02}", "peer_ring": ring, "initiator": initiator,
                "service_class": class_, "standing": standing, "hop": hop, "first_at": NOON,
                "last_at": NOON,
            }
            for number, (ring, initiator, class_, standing, hop, _) in enumerate(table)
        ],
        PEERS,
    )  # fmt: skip

    told = rows_to_tell(peers.where(F.lit(True)))

    assert [row["peer"] for row in told] == [
        f"10.0.0.{number:02}" for number, row in enumerate(table) if row[-1]
    ]
    assert {row["first_at"] for row in told} == {NOON}
