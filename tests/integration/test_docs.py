"""What the documentation says of the code is so: links, commands, exit codes, permissions."""

import json
import re
import shlex
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from docs import generate
from jobs.cli.flags import Command
from jobs.cli.ingest_arguments import INGEST
from jobs.cli.label_arguments import COLLECT
from jobs.cli.trace_flags import TRACE
from jobs.errors import ExitCode
from jobs.export_case import EXPORT
from jobs.note_case import NOTE
from jobs.submit.flags import parse_launch, submit_command
from jobs.verify_case import VERIFY
from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())

    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_attack_names_a_test_that_is_there() -> None:
    """`the same` stands for the tests of the row above."""
    page = (ROOT / "docs/reference/security.md").read_text()
    rows = [line.strip("|\n ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    names = {path.name for path in (ROOT / "tests").rglob("*.py")}

    unnamed = [row[0] for row in rows if len(row) != 3 or not row[2].strip("| ")]
    missing = [
        found
        for row in rows
        for found in re.findall(r"`([\w/.]+)`", row[2])
        if not (ROOT / found).is_file() and found not in names
    ]
    assert (unnamed, missing) == ([], [])
    assert len(rows) > 40


def test_every_page_is_in_the_index() -> None:
    for folder in (ROOT / "docs", ROOT / "docs/adr"):
        index = (folder / "README.md").read_text()
        pages = {
            str(page.relative_to(folder))
            for page in PAGES
            if page.is_relative_to(folder) and page.name != "README.md"
            and (folder.name == "adr" or page.parent.name != "adr")
        }  # fmt: skip
        assert {name for name in pages if f"({name})" not in index} == set()


def test_the_readme_fits_on_the_front_door() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 900


@pytest.mark.parametrize("page", generate.PAGES)
def test_a_generated_page_is_what_the_code_says(page: str) -> None:
    assert (ROOT / page).read_text() == generate.PAGES[page](), "run `make reference`"


@pytest.mark.parametrize("platform", ["glue", "emr", "emr-serverless"])
def test_the_launch_that_a_page_shows_is_accepted(platform: str) -> None:
    text = "".join(page.read_text() for page in PAGES).replace("\\\n", "")
    shown = {
        name: re.findall(rf'make submit-{name} ARGS="([^"]+)"', text) for name in ("glue", platform)
    }
    _, _, same = shown["glue"][0].partition("--flow_logs")

    assert shown[platform]
    for words in shown[platform]:
        argv = shlex.split(words.replace("… the same flags", f"--flow_logs {same}"))
        assert parse_launch([platform, *argv]).job.case_id == "web-3"


def codes_explained(heading: str) -> set[int]:
    page = (ROOT / "docs/what-to-do-when.md").read_text()
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.M)}


@pytest.mark.parametrize(
    ("heading", "command"),
    [
        ("`trace_instance`", TRACE),
        ("`ingest_flows`", INGEST),
        ("`collect_labels`", COLLECT),
        ("`verify_case`", VERIFY),
        ("`export_case`", EXPORT),
        ("`note_case`", NOTE),
        ("`python -m jobs.submit`", submit_command("glue")),
    ],
)
def test_every_exit_code_that_a_command_names_is_explained(heading: str, command: Command) -> None:
    named = {int(code) for code in command.exit_codes}

    of_all, own = codes_explained("Every command"), codes_explained(heading)
    assert {0, 1, 2} <= named
    assert own <= named <= own | of_all


def test_every_exit_code_has_its_line() -> None:
    explained = codes_explained("Every command") | codes_explained("`trace_instance`")
    explained |= codes_explained("`ingest_flows`")

    assert explained == {int(code) for code in ExitCode}


def test_every_call_to_aws_is_among_the_permissions() -> None:
    page = (ROOT / "docs/permissions-and-cost.md").read_text()
    submit = "".join(path.read_text() for path in (ROOT / "jobs/submit").glob("*.py"))
    inventory = (ROOT / "jobs/sources/inventory.py").read_text()
    calls = re.findall(r'"((?:describe|get_managed)_\w+)"', inventory)
    calls += re.findall(r'get_paginator\("(\w+)"\)', inventory)
    actions = set(re.findall(r'asking\(\s*"([\w-]+:\w+)"', submit))
    actions |= {"".join(word.capitalize() for word in call.split("_")) for call in calls}

    assert len(actions) > 15
    assert [action for action in sorted(actions) if f"{action}`" not in page] == []


def rows_of(page: str, heading: str) -> dict[str, list[float]]:
    """The rows of figures in the table below a heading."""
    section = (ROOT / page).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [
        line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")
    ]
    return {
        name: [float(figure.replace(",", "")) for figure in figures] for name, *figures in lines[1:]
    }


def test_the_costs_of_a_month_follow_from_the_prices() -> None:
    prices = json.loads((ROOT / "conf/prices.json").read_text())
    (ten_workers,) = (each for each in prices["platforms"] if each["name"].startswith("Glue, 10"))
    hour, read = ten_workers["usd_per_hour"], prices["usd_per_1000_gets"] / 1_000

    cases, minutes, objects, runs, run_minutes, *told = rows_of(
        "docs/organisation.md", "What it costs in a month"
    ).values()

    for at in range(3):
        of_cases = cases[at] * minutes[at] / 60 * hour
        of_labels = runs[at] * run_minutes[at] / 60 * hour * 2 / 10
        of_reads = cases[at] * objects[at] * read
        parts = (of_cases, of_labels, of_reads, of_cases + of_labels + of_reads)
        assert [row[at] for row in told] == [round(part, 2) for part in parts]


def test_the_newest_version_of_the_changelog_is_that_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert re.findall(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.M)[0] == version


# Of spark-submit, of the AWS CLI, of pip, of Glue, of a benchmark, and words for any flag.
FOREIGN_FLAGS = {
    *("conf", "jars", "properties-file"),
    *("detector-id", "finding-ids"),
    *("stack-set-name", "permission-model", "auto-deployment", "capabilities", "template-body"),
    *("parameters", "deployment-targets", "job-name", "state-machine-arn", "input"),
    *("no-index", "python-virtual-env"),
    "require-hashes",
    *("datalake-formats", "enable-metrics", "extra-jars"),
    *("flows", "help", "flag", "name"),
}


def text_of_pages() -> str:
    more = ("infra/README.md", "bench/RESULTS.md", "CONTRIBUTING.md", "SECURITY.md")
    return "\n".join(page.read_text() for page in [*PAGES, *(ROOT / name for name in more)])


def test_every_flag_that_a_page_shows_is_one_of_a_command() -> None:
    shown = set(re.findall(r"(?<![\w-])--([a-z][\w-]+)", text_of_pages()))
    known = {name for command in generate.COMMANDS.values() for name in command.flags}

    assert shown - known == FOREIGN_FLAGS


def test_every_target_and_module_that_a_page_starts_exists() -> None:
    text = text_of_pages()
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    started = set(re.findall(r"`make ([a-z][a-z0-9-]*)|^make ([a-z][a-z0-9-]*)", text, re.M))
    modules = set(re.findall(r"python -m ((?:jobs|demo|bench|docs|tests)[\w.]*)", text))

    assert {one or other for one, other in started} <= targets
    assert {name for name in modules if find_spec(name) is None} == set()
