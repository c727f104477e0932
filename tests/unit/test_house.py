"""The house keeps its rules: sizes, directions of imports, homes of question ids, plain names."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.paths import ROOT

LONGEST_FILE, LONGEST_FUNCTION = 300, 50
VAGUE = {"said", "asked", "kept", "beside"}
QUESTION = re.compile(r"^P\d-\d+[a-z]?$")

# What breaks a rule today. A line that is no longer needed fails the test, so this only shrinks.
LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
QUESTIONS_ELSEWHERE: set[str] = set()
VAGUELY_NAMED: set[str] = {
    "transforms/finding/fields.py: said",
    "transforms/finding/guardduty.py: said",
    "transforms/finding/security_hub.py: said",
}


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


OURS = sources("jobs", "transforms")


def test_no_file_has_more_than_300_lines() -> None:
    long = {name_of(path) for path in OURS if len(path.read_text().splitlines()) > LONGEST_FILE}

    assert long == LONG_FILES


def test_no_function_has_more_than_50_lines() -> None:
    long = {
        f"{name_of(path)}:{node.name}"
        for path in OURS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    }

    assert long == LONG_FUNCTIONS


def imports_of(path: Path) -> Iterator[str]:
    """Our modules that this one needs when it is imported, or later, inside a function."""
    known = {module_of(each) for each in OURS}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole in known:
                    yield whole
                elif node.module in known:
                    yield node.module


def test_no_imports_go_in_a_circle() -> None:
    needed = {module_of(path): set(imports_of(path)) for path in OURS}
    while free := {name for name, needs in needed.items() if not needs & needed.keys()}:
        needed = {name: needs for name, needs in needed.items() if name not in free}

    assert needed == {}


def test_transforms_import_nothing_from_jobs() -> None:
    outward = {
        name_of(path): imports
        for path in sources("transforms")
        if (imports := [name for name in imports_of(path) if name.split(".")[0] == "jobs"])
    }

    assert outward == {}


def test_question_ids_stand_among_the_questions_alone() -> None:
    elsewhere = {
        f"{name_of(path)}: {node.value}"
        for path in OURS
        if path.parent != ROOT / "transforms/questions"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and QUESTION.match(node.value)
    }

    assert elsewhere == QUESTIONS_ELSEWHERE


def test_no_name_is_one_of_the_words_that_say_nothing() -> None:
    vague = {
        f"{name_of(path)}: {token.string}"
        for path in sources("jobs", "transforms", "demo", "bench")
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if token.type == tokenize.NAME and token.string in VAGUE
    }

    assert vague == VAGUELY_NAMED


@pytest.mark.parametrize(
    ("name", "target"),
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].items(),
)
def test_every_command_of_the_wheel_is_there(name: str, target: str) -> None:
    module, _, function = target.partition(":")

    assert callable(getattr(import_module(module), function)), name
