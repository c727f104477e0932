"""The tables of flags: what `--help` prints of them, and that every example is one that works."""

import shlex
from collections.abc import Callable

import pytest

from docs.generate import COMMANDS
from jobs import collect_labels, trace_instance, verify_case
from jobs.cli.arguments import parse_arguments
from jobs.cli.command_line import Parser
from jobs.cli.flags import Command, Flag, FlagGroup, help_text
from jobs.errors import BadInput
from jobs.submit import launch
from jobs.submit.flags import parse_launch

SHORT = Command(
    start="python -m jobs.tea",
    purpose="Make tea.",
    groups=(
        FlagGroup(
            "The pot",
            (
                Flag("leaves", "GRAMS", "how many", "12"),
                Flag("pot", "NAME", "which one", is_required=True),
                Flag("milk", "true|false", "true: milk first, which some people never " * 2),
            ),
            "--leaves 10 --pot blue",
        ),
    ),
    exit_codes={0: "tea", 130: "no tea, because somebody pressed Ctrl-C before the water was hot"},
)


def test_help_is_the_table_in_groups() -> None:
    assert help_text(SHORT) == (
        "usage: python -m jobs.tea FLAGS\n"
        "\n"
        "Make tea.\n"
        "Every flag is --name value. @FILE reads flags from a file, one to a line; #\n"
        "starts a comment.\n"
        "\n"
        "The pot\n"
        "  --leaves GRAMS  (default: 12)\n"
        "      how many\n"
        "  --pot NAME  (required)\n"
        "      which one\n"
        "  --milk true|false\n"
        "      true: milk first, which some people never true: milk first, which some\n"
        "      people never\n"
        "    example: --leaves 10 --pot blue\n"
        "\n"
        "Exit codes\n"
        "    0  tea\n"
        "  130  no tea, because somebody pressed Ctrl-C before the water was hot\n"
    )


@pytest.mark.parametrize(
    ("main", "argv"),
    [
        (trace_instance.main, []),
        (verify_case.main, []),
        (collect_labels.main, []),
        (launch.main, ["glue"]),
        (launch.main, ["emr"]),
        (launch.main, ["emr-serverless"]),
        (launch.main, []),
    ],
)
def test_help_of_every_command_fits_80_columns_without_colour(
    main: Callable[[list[str]], int], argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*argv, "--help"])

    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert [line for line in printed.splitlines() if len(line) > 80] == []
    assert "\x1b" not in printed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_of_its_group_and_is_known(name: str) -> None:
    command = COMMANDS[name]
    for group in command.groups:
        words = shlex.split(group.example)
        used = {word.removeprefix("--") for word in words if word.startswith("--")}

        assert used, group.title
        assert used <= {flag.name for flag in group.flags}, group.title
        assert Parser(command).read(words).problems == []


def test_the_examples_together_are_a_command_that_is_accepted() -> None:
    of_job = [w for group in COMMANDS["trace_instance"].groups for w in shlex.split(group.example)]
    of_submit = [w for group in COMMANDS["submit glue"].groups for w in shlex.split(group.example)]

    given = parse_arguments(of_job)
    launched = parse_launch(["glue", *of_submit, *of_job, "--dry_run", "false"])

    assert (given.instance_names, given.addresses) == (("web-3",), ("10.20.1.13",))
    assert launched.job.question_options == given.question_options


def test_a_launch_of_a_case_for_each_needs_ids_as_it_reads_no_labels() -> None:
    of_job = [w for group in COMMANDS["trace_instance"].groups for w in shlex.split(group.example)]
    words = ["glue", "--artifacts", "s3://a/b", "--role", "r", *of_job, "--dry_run", "false"]
    each = ["--one_case_each", "true", "--labels", "s3://a/labels"]
    at = words.index("--addresses")
    without = [*words[:at], *words[at + 2 :]]

    with pytest.raises(BadInput) as bad:
        parse_launch([*without, *each])

    assert bad.value.problems == (
        "--instance_id: found 'web-3' with --one_case_each true; expected ids, as the folders of "
        "the cases are named after them",
    )
    known = parse_launch([*without, *each, "--instance_id", "i-0123abcd,i-0123abce"])
    assert known.job.case_ids == ("web-3-i-0123abcd", "web-3-i-0123abce")
