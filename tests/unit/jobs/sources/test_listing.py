"""Listing: every layout that AWS writes, and nothing that the window does not need."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.errors import BadInput
from jobs.sources.listing import list_objects
from transforms.window import Window

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(hours=1), slack=timedelta(0))
FILE = "111122223333_vpcflowlogs_eu-west-1_fl-0123456789abcdef0_{stamp}_abcd1234.log.gz"


def put(root: Path, key: str) -> str:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return f"file://{path}"


def test_the_four_layouts_are_found_below_any_prefix(tmp_path: Path) -> None:
    name = FILE.format(stamp="20261123T1205Z")
    keys = [
        f"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/23/{name}",
        f"central/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/23/12/{name}",
        f"h/AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/"
        f"year=2026/month=11/day=23/{name}",
        f"o/AWSLogs/o-abc123def4/111122223333/vpcflowlogs/eu-west-1/2026/11/23/{name}",
        f"h/AWSLogs/aws-account-id=111122223333/service=vpcflowlogs/aws-region=eu-west-1/"
        f"year=2026/month=11/day=23/hour=12/{name}",
    ]
    written = sorted(put(tmp_path, key) for key in keys)

    assert [item.uri for item in list_objects([str(tmp_path)], WINDOW).selected] == written


def test_days_and_hours_that_the_window_does_not_need_are_not_listed(tmp_path: Path) -> None:
    region = "AWSLogs/111122223333/vpcflowlogs/eu-west-1"
    needed = put(tmp_path, f"{region}/2026/11/23/12/{FILE.format(stamp='20261123T1205Z')}")
    put(tmp_path, f"{region}/2026/11/23/10/{FILE.format(stamp='20261123T1005Z')}")
    put(tmp_path, f"{region}/2026/11/22/12/{FILE.format(stamp='20261122T1205Z')}")
    put(tmp_path, f"{region}/2026/10/23/12/{FILE.format(stamp='20261023T1205Z')}")
    put(tmp_path, f"{region}/2025/11/23/12/{FILE.format(stamp='20251123T1205Z')}")
    put(tmp_path, "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/23/trail.json.gz")

    listing = list_objects([str(tmp_path)], WINDOW)

    assert [item.uri for item in listing.objects] == [needed]
    of_date, of_service = (
        "its date is outside the padded window",
        "it belongs to another AWS service",
    )
    assert listing.left_folders == (
        (f"file://{tmp_path}/AWSLogs/111122223333/CloudTrail", of_service),
        (f"file://{tmp_path}/{region}/2025", of_date),
        (f"file://{tmp_path}/{region}/2026/10", of_date),
        (f"file://{tmp_path}/{region}/2026/11/22", of_date),
        (f"file://{tmp_path}/{region}/2026/11/23/10", of_date),
    )


def test_slots_are_padded_by_the_longest_interval_and_the_lag(tmp_path: Path) -> None:
    """A record that ends at 13:10:59 may have begun at 12:59:59."""
    stamps = ["T1145Z", "T1150Z", "T1155Z", "T1300Z", "T1310Z", "T1315Z"]
    for stamp in stamps:
        put(tmp_path, FILE.format(stamp=f"20261123{stamp}"))

    listing = list_objects([str(tmp_path)], WINDOW)

    assert [item.uri[-22:-16] for item in listing.selected] == stamps[1:5]
    assert {item.skipped for item in listing.skipped} == {
        "the slot in its name is outside the padded window"
    }


def test_midnight_needs_the_neighbour_day(tmp_path: Path) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    region = "AWSLogs/111122223333/vpcflowlogs/eu-west-1"
    before = put(tmp_path, f"{region}/2026/11/30/{FILE.format(stamp='20261130T2355Z')}")
    after = put(tmp_path, f"{region}/2026/12/01/{FILE.format(stamp='20261201T0000Z')}")

    listing = list_objects([str(tmp_path)], Window(midnight, midnight + timedelta(minutes=1)))

    assert [item.uri for item in listing.selected] == [before, after]


@pytest.mark.parametrize(
    "key",
    [
        "000000.gz",
        "flow-stream-1-2026-11-23-12-00-10-0f0e0d0c-aaaa-bbbb-cccc-000000000001",
        "fh/2025/11/22/02/part-0000.json",
        "CloudWatchLogs/2025/11/22/02/stream-1",
        "exportedlogs/4f0e/eni-0a1b2c3d4e5f60718-all/000000",
        "111122223333_prod-flowlogs_2026.gz",
        "111122223333_flow_eu-west-1_20251122T1205Z_x.json.gz",
        "AWSLogs/111122223333/flowlogs/eu-west-1/2025/11/22/x.gz",
        "vpcflowlogs/prod/2025/11/22/x.log",
        "vpcflowlogs/prod/2025/AWSLogs/111122223333/x.log.gz",
        "vpcflowlogs/2025/x.log.gz",
        "AWSLogs/111122223333/vpcflowlogs/eu-west-1/0042/x.log.gz",
        "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2025-copies/x.log.gz",
    ],
)
def test_a_name_or_a_folder_that_says_no_time_for_certain_is_opened(
    tmp_path: Path, key: str
) -> None:
    written = put(tmp_path, key)

    assert [item.uri for item in list_objects([str(tmp_path)], WINDOW).selected] == [written]


@pytest.mark.parametrize(
    ("key", "folder"),
    [
        ("AWSLogs/111122223333/vpcflowlogs/2025/11/22/x.gz",
         "AWSLogs/111122223333/vpcflowlogs/2025"),
        ("x/2031/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2025/x.gz",
         "x/2031/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2025"),
        ("vpcflowlogs/eu-west-1/2025/11/22/x.gz", "vpcflowlogs/eu-west-1/2025/11/22"),
        ("AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/"
         "year=2026/month=1/x.gz",
         "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/"
         "year=2026/month=1"),
    ],
)  # fmt: skip
def test_a_date_below_the_service_folder_is_one(tmp_path: Path, key: str, folder: str) -> None:
    needed = put(tmp_path, "export.log")
    put(tmp_path, key)

    listing = list_objects([str(tmp_path)], WINDOW)

    assert [item.uri for item in listing.objects] == [needed]
    assert listing.left_folders == (
        (f"file://{tmp_path}/{folder}", "its date is outside the padded window"),
    )


def test_what_is_left_out_is_told_by_reason_with_an_example(tmp_path: Path) -> None:
    early = [put(tmp_path, FILE.format(stamp=f"2026112{day}T1205Z")) for day in (1, 2)]
    trail = put(tmp_path, "AWSLogs/111122223333/CloudTrail/x.json.gz").rpartition("/")[0]

    with pytest.raises(BadInput) as bad:
        list_objects([str(tmp_path)], WINDOW)

    assert list(bad.value.problems) == [
        f"--flow_logs: found 1 folder left out (it belongs to another AWS service), as {trail}; "
        f"2 objects left out (the slot in its name is outside the padded window), as {early[0]}; "
        "expected objects that may hold records of 2026-11-23 12:00:00 UTC to "
        "2026-11-23 13:00:00 UTC; check --from, --to and the prefix"
    ]


def test_the_window_is_not_blamed_for_a_name(tmp_path: Path) -> None:
    put(tmp_path, "AWSLogs/111122223333/CloudTrail/x.json.gz")

    with pytest.raises(BadInput) as bad:
        list_objects([str(tmp_path)], WINDOW)

    assert bad.value.problems[0].endswith("; check the prefix")


def test_objects_of_other_services_are_skipped_wherever_they_are(tmp_path: Path) -> None:
    flows = put(tmp_path, f"mixed/{FILE.format(stamp='20261123T1205Z')}")
    put(tmp_path, "mixed/111122223333_CloudTrail_eu-west-1_20261123T1205Z_x.json.gz")
    put(tmp_path, "mixed/111122223333_elasticloadbalancing_eu-west-1_app.x_20261123T1205Z_1.log.gz")

    listing = list_objects([str(tmp_path)], WINDOW)

    assert [item.uri for item in listing.selected] == [flows]
    assert [item.skipped for item in listing.skipped] == ["it belongs to another AWS service"] * 2


def test_an_object_below_two_prefixes_counts_once_and_a_single_object_is_a_prefix(
    tmp_path: Path,
) -> None:
    one = put(tmp_path, f"a/{FILE.format(stamp='20261123T1205Z')}")
    two = put(tmp_path, "b/export.log")

    listing = list_objects(
        [str(tmp_path), str(tmp_path / "a"), two.removeprefix("file://")], WINDOW
    )

    assert [item.uri for item in listing.objects] == [one, two]


def test_a_list_names_objects_one_by_one_and_the_window_still_decides(tmp_path: Path) -> None:
    inside = put(tmp_path, f"a/{FILE.format(stamp='20261123T1205Z')}")
    outside = put(tmp_path, f"a/{FILE.format(stamp='20261122T1205Z')}")
    put(tmp_path, f"a/{FILE.format(stamp='20261123T1210Z')}")
    path = inside.removeprefix("file://")
    names = tmp_path / "objects.txt"
    names.write_text(f"\ufeff{inside}\r\n# noon\r\n\n  {inside}  \n{path}\n{outside}\n")

    listing = list_objects([], WINDOW, object_list=str(names))

    assert [item.uri for item in listing.selected] == [inside]
    assert [item.uri for item in listing.skipped] == [outside]


def test_an_object_of_the_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    here = put(tmp_path, "export.log")
    names = tmp_path / "objects.txt"
    names.write_text("\n".join([here, *(f"{tmp_path}/gone-{n:02}.log" for n in range(12))]))

    with pytest.raises(BadInput) as bad:
        list_objects([], WINDOW, object_list=str(names))

    assert len(bad.value.problems) == 11
    assert bad.value.problems[0] == (
        f"--object_list {names}: file://{tmp_path}/gone-00.log: found no object there; "
        "expected one; correct the list"
    )
    assert bad.value.problems[10] == f"--object_list {names}: and 2 more of its objects"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# nothing\n\n", "found no object; expected one per line"),
        (b"\xff\xfe\n", "found bytes that are not UTF-8; expected a URI per line"),
    ],
)
def test_a_list_that_names_nothing_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    names = tmp_path / "objects.txt"
    names.write_bytes(content)

    with pytest.raises(BadInput) as bad:
        list_objects([], WINDOW, object_list=str(names))

    assert list(bad.value.problems) == [f"--object_list {names}: {said}"]
