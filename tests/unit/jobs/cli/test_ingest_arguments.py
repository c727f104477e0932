"""What an ingest is asked to do."""

from datetime import date, datetime
from pathlib import Path

import pytest

from jobs.cli.ingest_arguments import parse_ingest
from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput

_FLAGS = ["--flow_logs", "logs", "--flow_table", "table", "--to", "2026-11-26T06:00:00Z"]


def test_everything_stays_unless_days_are_given() -> None:
    assert parse_ingest(_FLAGS).keep_from is None
    assert parse_ingest([*_FLAGS, "--keep_days", "10"]).keep_from == date(2026, 11, 16)


def test_a_day_that_would_be_read_again_cannot_be_deleted() -> None:
    assert parse_ingest([*_FLAGS, "--keep_days", "3"]).keep_from == date(2026, 11, 23)
    with pytest.raises(BadInput) as refused:
        parse_ingest([*_FLAGS, "--keep_days", "2"])
    assert refused.value.problems == (
        "--keep_days: found 2; expected more, as this run looks back to 2026-11-23: what it "
        "deletes would be read again",
    )


def test_flows_go_to_delta_alone_unless_an_opensearch_is_given() -> None:
    read = parse_ingest([*_FLAGS, "--opensearch_url", "http://127.0.0.1:9200", "--shape", "ecs"])

    assert parse_ingest(_FLAGS).opensearch is None
    assert read.opensearch == OpenSearchTarget("http://127.0.0.1:9200", shape="ecs")
    assert read.opensearch_prefix == "all-flows"


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("flows", "expected a name that does not begin as the indices of cases do"),
        ("flows-web", "expected a name that does not begin as the indices of cases do"),
        ("story-of", "expected a name that does not begin as the indices of cases do"),
        ("../x", "expected 3 to 41 lower-case letters, digits and dashes"),
        ("all,flows", "expected 3 to 41 lower-case letters, digits and dashes"),
        ("all-*", "expected 3 to 41 lower-case letters, digits and dashes"),
    ],
)
def test_a_prefix_is_a_plain_name_that_no_case_has(prefix: str, expected: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_ingest([*_FLAGS, "--opensearch_prefix", prefix])

    assert refused.value.problems == (f"--opensearch_prefix: found {prefix!r}; {expected}",)


def test_a_password_cannot_go_to_a_plain_http_node_elsewhere() -> None:
    with pytest.raises(BadInput, match="would show the password to the network"):
        parse_ingest(
            [*_FLAGS, "--opensearch_url", "http://search.example", "--opensearch_auth", "basic"]
        )


def test_a_watch_list_has_ids_and_names_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "watched.txt"
    path.write_text(
        "# the shop\n\ni-0839de4aa2b2f82cb  # web-3\nbuild server\ni-0839de4aa2b2f82cb\n"
    )
    flags = [*_FLAGS, "--watch_list", str(path)]

    assert parse_ingest([*flags, "--labels", "labels"]).watched == (
        "i-0839de4aa2b2f82cb", "build server",
    )  # fmt: skip
    with pytest.raises(BadInput) as refused:
        parse_ingest(flags)
    assert refused.value.problems == (
        "--watch_list: found 'build server'; expected i- and 8 to 17 hex digits, or a name "
        "together with the --labels that know it",
    )


@pytest.mark.parametrize(
    ("stamp", "is_listed"),
    [("2026-11-23T00:00", True), ("2026-11-23T23:55", True), ("2026-11-24T00:00", False)],
)
def test_an_object_that_begins_where_a_run_ends_is_the_next_run_s(
    stamp: str, is_listed: bool
) -> None:
    """So that a run each midnight leaves each day in files of one run."""
    day = [*_FLAGS, "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z"]
    at = datetime.fromisoformat(f"{stamp}+00:00")

    assert parse_ingest(day).listed.may_hold(at, at) == is_listed
