"""Flags: strict, all problems at once, the same on every platform."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.cli.arguments import NOT_GIVEN, Arguments, parse_arguments
from jobs.cli.command_line import GLUE_FLAGS
from jobs.errors import BadInput
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.window import Window

FLAGS = [
    *("--flow_logs", "s3://logs/AWSLogs,/data/more", "--case_id", "web-3", "--output", "/cases"),
    *("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-23T02:00:00+01:00"),
    *("--instance_id", "i-0123456789abcdef0"),
]


def problems(*words: str) -> tuple[str, ...]:
    with pytest.raises(BadInput) as caught:
        parse_arguments(words)
    return caught.value.problems


def test_flags_become_arguments() -> None:
    assert parse_arguments(FLAGS) == Arguments(
        flow_logs=("s3://logs/AWSLogs", "/data/more"),
        object_list=None,
        scope="instance",
        case_id="web-3",
        output="/cases",
        instance_ids=("i-0123456789abcdef0",),
        one_case_each=False,
        interface_ids=(),
        addresses=(),
        vpc_id=None,
        finding=None,
        window=Window(
            datetime(2026, 11, 23, 0, tzinfo=UTC),
            datetime(2026, 11, 23, 1, tzinfo=UTC),
            timedelta(minutes=60),
        ),
        labels=None,
        opensearch=None,
        record_format=(),
        max_line_bytes=16_384,
        max_ratio=100,
        max_object_bytes=5_368_709_120,
        reads_in_flight=32,
        requests_per_second=5_000,
        strict=False,
        derive=True,
        dry_run=False,
        prices=None,
        metrics="none",
        question_options=QuestionOptions(),
        break_lock=None,
    )


@pytest.mark.parametrize(
    ("flag", "value", "problem"),
    [
        ("--case_id", "Web 3", "expected 3 to 41 lower-case letters, digits and dashes"),
        ("--case_id", "../../x", "expected 3 to 41 lower-case letters, digits and dashes"),
        ("--record_format", "start end start", "expected each field of flow logs once"),
        ("--scope", "all", "expected instance or everything"),
        ("--flow_logs", "https://logs", "expected a folder or s3://bucket/prefix"),
        ("--flow_logs", "s3:///logs", "expected a bucket: s3://bucket/prefix"),
        ("--flow_logs", ",", "expected a folder or s3://bucket/prefix"),
        ("--instance_id", ",", "expected i- and 8 to 17 hex digits, or the name of an instance"),
        ("--verbose", "yes", "expected true or false"),
        ("--interface_ids", "eni-0123abcd,web", "expected eni- and 8 to 17 hex digits"),
        ("--from", "yesterday", "expected a time such as 2026-11-23T00:00:00Z or now-25h"),
        ("--from", "2026-11-23T00:00:00",
         "expected a zone; write 2026-11-23T00:00:00Z if it is UTC"),
        ("--slack_minutes", "-5", "expected a whole number from 0 to 10080"),
        ("--opensearch_writers", "0", "expected a whole number from 1 to 64"),
        ("--opensearch_url", "search:9200", "expected http://host:port or https://host:port"),
        ("--strict", "yes", "expected true or false"),
        ("--metrics", "json", "expected none or emf"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_named_with_what_was_expected(
    flag: str, value: str, problem: str
) -> None:
    assert problems(*FLAGS, flag, value) == (f"{flag}: found {value!r}; {problem}",)


@pytest.mark.parametrize(
    "flag",
    [
        "flow_logs",
        "object_list",
        "output",
        "finding",
        "labels",
        "expected_peers_file",
        "prices",
        "opensearch_ca",
    ],
)
@pytest.mark.parametrize(
    "uri",
    ["s3://AKIAEXAMPLE:sEcR3t@bucket/logs", "s3://AKIAEXAMPLE:sE/cR3t@bucket/logs",
     "https://user:sEcR3t@host/logs", "https://host/logs?X-Amz-Signature=sEcR3t"],
)  # fmt: skip
def test_credentials_in_a_uri_are_refused_and_not_repeated(flag: str, uri: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_arguments([*FLAGS, f"--{flag}", uri])

    assert f"--{flag}: found " in str(refused.value)
    assert "cR3t" not in str(refused.value)


def test_credentials_in_a_misplaced_word_are_not_repeated() -> None:
    with pytest.raises(BadInput) as refused:
        parse_arguments([*FLAGS, "s3://AKIAEXAMPLE:sEcR3t@bucket/logs"])

    assert "sEcR3t" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://user:sEcR3t@host", "https://host/?token=sEcR3t", "https://user:sEcR3t@[host",
     "https://user:sEcR3t@ho\u2100st"],
)  # fmt: skip
def test_an_opensearch_url_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_arguments([*FLAGS, "--opensearch_url", url])

    assert "sEcR3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("addresses", "expected IPv4 or IPv6 addresses without a zone"),
        ("expected_peers", """; "fe80::1%')" is none"""),
    ],
)
def test_an_address_with_a_zone_is_refused(flag: str, told: str) -> None:
    attack = (
        "fe80::1%') OR raise_error(java_method('java.lang.System' 'getenv' 'X')) OR srcaddr IN ('"
    )
    with pytest.raises(BadInput) as refused:
        parse_arguments([*FLAGS, f"--{flag}", attack])

    assert told in str(refused.value)


def test_addresses_are_compared_in_their_shortest_spelling() -> None:
    given = parse_arguments([*FLAGS, "--addresses", "10.0.0.7, 2001:DB8:0::0015"])

    assert given.addresses == ("10.0.0.7", "2001:db8::15")


def test_an_end_before_the_start_is_one_problem() -> None:
    assert problems(*FLAGS, "--to", "2026-11-22T00:00:00Z") == (
        "--to: found 2026-11-22 00:00:00+00:00; expected a time after --from "
        "2026-11-23 00:00:00+00:00",
    )


def test_all_that_is_missing_is_told_at_once() -> None:
    assert [problem.split(";")[0] for problem in problems("--strict", "true")] == [
        "--flow_logs is missing",
        "--case_id is missing",
        "--output is missing",
        "--from is missing",
        "--to is missing",
        "no subject: expected --finding, --instance_id, --interface_ids or --addresses",
    ]


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--instanceid", "--instance_id"),
        ("--dry-run", "--dry_run"),
        ("--Case_id", "--case_id"),
        ("--CASE-ID", "--case_id"),
        ("-case_id", "--case_id"),
        ("--lables", "--labels"),
        ("--flow", "--flow_logs"),
        ("--base", "--baseline_days"),
    ],
)
def test_an_unknown_or_abbreviated_flag_is_answered_with_the_nearest(flag: str, meant: str) -> None:
    assert problems(*FLAGS, flag, "x") == (
        f"unknown flag {flag}; did you mean {meant}? --help lists all",
    )


def test_several_unknown_flags_are_told_at_once_and_one_that_is_near_to_nothing() -> None:
    assert problems(*FLAGS, "--xyzzy=1", "--strickt", "true") == (
        "unknown flag --xyzzy; --help lists all",
        "unknown flag --strickt; did you mean --strict? --help lists all",
    )


def test_an_unknown_flag_cannot_steer_a_terminal() -> None:
    (problem,) = problems(*FLAGS, "--\x1b[31mred", "x")

    assert problem.isprintable()


def test_a_name_is_an_instance_only_with_labels_that_may_know_it() -> None:
    mixed = [*FLAGS, "--instance_id", "web-3, i-0123456789abcdef0, Web 4"]

    given = parse_arguments([*mixed, "--labels", "labels/"])

    assert given.instance_ids == ("i-0123456789abcdef0",)
    assert given.instance_names == ("web-3", "Web 4")
    assert problems(*mixed) == (
        "--instance_id: found 'web-3'; expected i- and 8 to 17 hex digits, or a name together "
        "with the --labels that know it",
    )


@pytest.mark.parametrize("text", ["10.0.0.7;10.0.0.8", "10.0.0.7\t10.0.0.8", "10.0.0.7, 10.0.0.8 "])
def test_addresses_may_be_separated_as_a_spreadsheet_does(text: str) -> None:
    assert parse_arguments([*FLAGS, "--addresses", text]).addresses == ("10.0.0.7", "10.0.0.8")


def test_a_word_without_a_flag_is_refused() -> None:
    assert problems(*FLAGS, "stray") == (
        "found 'stray' where a flag was expected; give every flag as --name value",
    )


def test_a_file_of_flags_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems(f"@{tmp_path}/none.args")
    assert "No such file" in problem


def test_the_flags_that_glue_adds_change_nothing() -> None:
    of_glue = [word for name in GLUE_FLAGS for word in (f"--{name}", "x")]

    assert parse_arguments([*of_glue, *FLAGS]) == parse_arguments(FLAGS)


# AWS, "Using job parameters in AWS Glue jobs", and what a later release may add.
OF_PLATFORMS = {
    "a flag with a value": ["--enable-observability-metrics", "true"],
    "a flag without one": ["--enable-job-insights"],
    "an empty value": ["--enable-spark-ui", ""],
    "a value after =": ["--job-language=python"],
    "a value that looks like a flag": ["--python-modules-installer-option", "--no-index"],
    "capitals": ["--WORKFLOW_RUN_ID", "wr_1", "--scriptLocation", "s3://b/x.py"],
    "nobody knows it yet": ["--Some-Flag-of-Glue-7", "on"],
}


@pytest.mark.parametrize("words", OF_PLATFORMS.values(), ids=OF_PLATFORMS)
@pytest.mark.parametrize("at", [0, 2, len(FLAGS)], ids=["first", "between", "last"])
def test_a_flag_that_only_a_platform_can_have_added_stops_no_run(words: list[str], at: int) -> None:
    assert parse_arguments([*FLAGS[:at], *words, *FLAGS[at:]]) == parse_arguments(FLAGS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("--flow-logs", "flow_logs"), ("--Flow-log", "flow_logs"), ("--STRICT", "strict"),
     ("--max-hops", "max_hops"), ("--max-hop=3", "max_hops")],
)  # fmt: skip
def test_a_slip_in_one_of_our_flags_is_refused_and_not_taken_for_a_platform_s(
    typed: str, meant: str
) -> None:
    name = typed.partition("=")[0]

    assert problems(*FLAGS, typed, "x") == (
        f"unknown flag {name}; did you mean --{meant}? --help lists all",
    )


def test_a_flag_that_is_taken_for_a_platform_s_is_told(caplog: pytest.LogCaptureFixture) -> None:
    parse_arguments([*FLAGS, "--enable-metrics", "true", "--Some-Flag", "x"])

    assert caplog.messages == ["ignored=--Some-Flag reason=taken for a flag of the platform"]


def test_scope_everything_needs_no_subject() -> None:
    without_subject = FLAGS[:-2]

    assert parse_arguments([*without_subject, "--scope", "everything"]).scope == "everything"


def test_a_finding_stands_for_the_subject_and_for_either_end_of_the_window() -> None:
    without = [*FLAGS[:6], "--finding", "s3://findings/one.json"]

    open_window = parse_arguments(without).window
    half_open = parse_arguments([*without, "--to", "2026-11-24T00:00:00Z"]).window

    assert (open_window.from_at, open_window.to_at) == (NOT_GIVEN, NOT_GIVEN)
    assert (half_open.from_at, half_open.to_at) == (NOT_GIVEN, datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [("now-25h", "now-1h", 24), ("now-7d", "now", 168), ("now-90m", "now-30m", 1)],
)
def test_times_may_be_relative_to_now_as_a_schedule_wants_them(
    start: str, end: str, hours: int
) -> None:
    window = parse_arguments([*FLAGS, "--from", start, "--to", end]).window

    asked = window.to_at - window.from_at
    assert timedelta(0) <= asked - timedelta(hours=hours) <= timedelta(seconds=2)
    assert datetime.now(UTC) - window.to_at < timedelta(hours=2)


@pytest.mark.parametrize("text", ["now-25", "now+1h", "now-h", "yesterday", "now -1h"])
def test_other_words_are_no_times(text: str) -> None:
    assert any("expected a time such as" in said for said in problems(*FLAGS, "--from", text))


def test_thresholds_expected_peers_and_containment_are_asked() -> None:
    options = parse_arguments(
        [*FLAGS, "--thresholds", "scan_ports=4, data_min=2000", "--expected_peers", "10.0.0.2",
         "--contained_at", "2026-11-23T00:30:00Z"]
    ).question_options  # fmt: skip

    assert (options.thresholds.scan_ports, options.thresholds.rules().data_min) == (4, 2000)
    assert options.thresholds._replace(scan_ports=10, data_min=1024) == Thresholds()
    assert [each.addresses for each in options.expected_peers] == [("10.0.0.2",)]
    assert options.contained_at == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)


def test_a_value_that_no_threshold_can_have_is_named_with_its_threshold() -> None:
    (problem,) = problems(*FLAGS, "--thresholds", "scan_ports=4,data_min=lots")

    assert problem.endswith("; data_min: expected a whole number from 1 to 100000000000")


def test_a_threshold_that_is_none_is_named_with_those_that_are() -> None:
    (said,) = problems(*FLAGS, "--thresholds", "scan_port=4")

    assert said.startswith("--thresholds: found 'scan_port=4'; 'scan_port' is none; expected")
    assert "scan_ports" in said
    assert "aggregation_s" not in said


def test_expected_peers_of_a_file_join_those_of_the_flag(tmp_path: Path) -> None:
    listed = tmp_path / "peers.txt"
    listed.write_text("# directory\n10.0.0.3  # dc-1\n\n2001:DB8::1\n10.0.0.2\n")

    options = parse_arguments(
        [*FLAGS, "--expected_peers", "10.0.0.2", "--expected_peers_file", str(listed)]
    ).question_options

    written = [each.text for each in options.expected_peers]
    assert written == ["10.0.0.2", "10.0.0.3", "2001:db8::1"]


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.3\r\n10.0.0.4\r\n",
        "10.0.0.3;10.0.0.4",
        "10.0.0.3;10.0.0.4, 10.0.0.3\n10.0.0.4\n",
        "10.0.0.3, 10.0.0.4  # both of them\n",
        "name;address;note\ndc-1;10.0.0.3;a, b\ndc-2;10.0.0.4;\n",
        "sep=;\r\nPrivate IP address;Name\r\n10.0.0.3;dc-1\r\n10.0.0.4;dc-2\r\n",
        "Name,IP\ndc-1,10.0.0.3\nboth,10.0.0.4\n",
        "ip\tname\n# the second one\n10.0.0.3\tdc-1\n10.0.0.4\tdc-2\n",
        "\ufeff# a list\n\n10.0.0.3\n10.0.0.4",
    ],
)
def test_expected_peers_may_stand_in_a_list_or_a_table(tmp_path: Path, text: str) -> None:
    listed = tmp_path / "peers.csv"
    listed.write_bytes(text.encode())

    options = parse_arguments([*FLAGS, "--expected_peers_file", str(listed)]).question_options

    assert [each.text for each in options.expected_peers] == ["10.0.0.3", "10.0.0.4"]


@pytest.mark.parametrize("text", ["", "\n# nobody\n"])
def test_a_file_of_expected_peers_may_be_empty(tmp_path: Path, text: str) -> None:
    listed = tmp_path / "peers.txt"
    listed.write_text(text)

    options = parse_arguments([*FLAGS, "--expected_peers_file", str(listed)]).question_options

    assert options.expected_peers == ()


def test_a_file_of_expected_peers_that_is_not_there_or_holds_names_is_refused(
    tmp_path: Path,
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("dc-1.corp\n")

    (absent,) = problems(*FLAGS, "--expected_peers_file", str(tmp_path / "absent"))
    (wrong,) = problems(*FLAGS, "--expected_peers_file", str(names))

    assert "found nothing there" in absent
    assert "expected 10.0.3.5, 10.0.3.5:443," in wrong
    assert wrong.endswith("; 'dc-1.corp' is none")


def test_following_and_comparing_are_for_one_subject_and_for_prefixes() -> None:
    said = problems(*FLAGS, "--scope", "everything", "--max_hops", "2")
    assert any(text.startswith("--max_hops: found with --scope everything") for text in said)

    at = FLAGS.index("--flow_logs")
    rest = [*FLAGS[:at], *FLAGS[at + 2 :], "--object_list", "list.txt"]
    assert any(
        text.startswith("--baseline_days: found without --flow_logs")
        for text in problems(*rest, "--baseline_days", "3")
    )


def test_a_watch_list_is_several_instances_and_none_beside_a_finding() -> None:
    several = [*FLAGS, "--instance_id", "i-0123456789abcdef0, i-0123456789abcdef1"]

    assert parse_arguments(several).instance_ids == ("i-0123456789abcdef0", "i-0123456789abcdef1")
    assert any(
        text.startswith("--instance_id: found several with --finding")
        for text in problems(*several, "--finding", "finding.json")
    )


def test_a_case_for_each_instance_is_named_after_it() -> None:
    words = ["--instance_id", "i-0123abcd,i-0123456789abcdef0", "--one_case_each", "true"]

    given = parse_arguments([*FLAGS, *words])

    assert given.case_ids == ("web-3-i-0123abcd", "web-3-i-0123456789abcdef0")
    assert given.case_uris[0] == "/cases/web-3-i-0123abcd"


def test_what_does_not_go_together_with_a_case_each_is_told_at_once() -> None:
    words = [*FLAGS, "--one_case_each", "true", "--addresses", "10.0.0.7", "--scope", "everything"]

    assert problems(*words, "--case_id", "a-name-of-22-characters") == (
        "--addresses: found with --one_case_each true; expected --instance_id or --finding, as it "
        "does not say which of the instances it is about",
        "--scope: found everything with --one_case_each true; expected instance",
        "--case_id: found 23 characters; expected at most 21, as a dash and the instance id follow",
    )
    assert problems(*FLAGS[:-2], "--one_case_each", "true") == (
        "no subject: expected --finding, --instance_id, --interface_ids or --addresses; or take "
        "every flow with --scope everything",
        "--one_case_each: found no --instance_id; expected the instances, comma separated, or a "
        "--finding that is about them",
    )


def test_a_finding_may_name_the_instances_of_a_case_each() -> None:
    words = [*FLAGS[:-2], "--one_case_each", "true", "--finding", "finding.json"]

    assert parse_arguments(words).instance_ids == ()
    chosen = parse_arguments([*words, "--instance_id", "i-0123abcd,i-0123456789abcdef0"])
    assert chosen.instance_ids == ("i-0123abcd", "i-0123456789abcdef0")
    # the longest id that the finding may have must fit
    assert problems(*words, "--case_id", "a-name-of-22-characters") == (
        "--case_id: found 23 characters; expected at most 21, as a dash and the instance id follow",
    )
