"""Every tool that `make setup` needs is looked at before it downloads anything."""

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.paths import ROOT

GOOD = {
    "python3.11": "Python 3.11.9",
    "java": 'openjdk version "17.0.12" 2024-07-16',
    "mvn": "Apache Maven 3.8.7",
    "make": "GNU Make 4.3",
}
PYTHON = (
    "expected Python 3.11 or newer, with venv; install it with `brew install python@3.11` (macOS), "
    "`sudo apt-get install python3 python3-venv` (Debian, Ubuntu) or `sudo dnf install python3.11` "
    "(Amazon Linux 2023)"
)
JAVA = (
    "expected Java 17 or newer; install it with `brew install openjdk@17` (macOS), `sudo apt-get "
    "install openjdk-17-jdk-headless` (Debian, Ubuntu) or `sudo dnf install "
    "java-17-amazon-corretto-devel` (Amazon Linux 2023)"
)
MAVEN = (
    "expected Maven 3.6 or newer; install it with `brew install maven` (macOS), `sudo apt-get "
    "install maven` (Debian, Ubuntu) or `sudo dnf install maven` (Amazon Linux 2023)"
)
MAKE = (
    "expected GNU make 4.0 or newer (on macOS it is called gmake); install it with `brew install "
    "make` (macOS), `sudo apt-get install make` (Debian, Ubuntu) or `sudo dnf install make` "
    "(Amazon Linux 2023)"
)


def check(folder: Path, tools: Mapping[str, str], **environment: str) -> tuple[int, list[str]]:
    """Run it with these tools alone on the path, each of which prints its line on both streams."""
    for name, line in tools.items():
        tool = folder / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        stream = ">&2" if name.endswith("java") else ""
        # `python -c` imports what venv needs; this one has it unless its line says otherwise.
        code = 'case "$1" in -c) case "$0" in *bare*) exit 1;; esac;; *) '
        tool.write_text(f"#!/bin/sh\n{code} printf '%s\\n' '{line}' {stream};; esac\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "requirements/check_tools.sh")],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_a_machine_with_everything_is_told_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, GOOD) == (0, [])


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    assert check(tmp_path, {}) == (
        1,
        [
            f"error: found no Python; {PYTHON}",
            f"error: found no Java; {JAVA}",
            f"error: found no Maven; {MAVEN}",
            f"error: found no make; {MAKE}",
        ],
    )


@pytest.mark.parametrize(
    ("tool", "line", "sentence"),
    [
        ("python3.11", "Python 3.10.12", f"found Python 3.10.12; {PYTHON}"),
        ("python3.11", "Python 2.7.18", f"found Python 2.7.18; {PYTHON}"),
        ("java", 'openjdk version "11.0.22" 2024-01-16', f"found Java 11.0.22; {JAVA}"),
        ("java", 'java version "1.8.0_392"', f"found Java 1.8.0_392; {JAVA}"),
        ("java", "Unable to locate a Java Runtime.", f"found no Java that starts; {JAVA}"),
        ("mvn", "Apache Maven 3.5.4", f"found Maven 3.5.4; {MAVEN}"),
        ("make", "GNU Make 3.81", f"found GNU Make 3.81; {MAKE}"),
    ],
)
def test_what_is_too_old_is_named_with_its_version(
    tool: str, line: str, sentence: str, tmp_path: Path
) -> None:
    assert check(tmp_path, {**GOOD, tool: line}) == (1, [f"error: {sentence}"])


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ("python3.11", "Python 3.14.0rc1"),
        ("java", 'openjdk version "21" 2023-09-19'),
        ("mvn", "Apache Maven 4.0.0-rc-3"),
        ("make", "GNU Make 4.4.1"),
    ],
)
def test_what_is_newer_will_do(tool: str, line: str, tmp_path: Path) -> None:
    assert check(tmp_path, {**GOOD, tool: line}) == (0, [])


def test_a_python_without_venv_is_not_enough(tmp_path: Path) -> None:
    tools = {**GOOD, "bare/python": "Python 3.12.3"}

    found = check(tmp_path, tools, PYTHON=str(tmp_path / "bare/python"))

    assert found == (1, [f"error: found Python 3.12.3 without venv; {PYTHON}"])


def test_java_is_that_of_java_home(tmp_path: Path) -> None:
    tools = {**GOOD, "old/bin/java": 'openjdk version "11.0.22" 2024-01-16'}

    assert check(tmp_path, tools, JAVA_HOME=str(tmp_path / "old")) == (
        1,
        [f"error: found Java 11.0.22; {JAVA}"],
    )
    nowhere = os.fspath(tmp_path / "nowhere")
    assert check(tmp_path, GOOD, JAVA_HOME=nowhere) == (
        1,
        [f"error: found no Java in JAVA_HOME={nowhere}; {JAVA}"],
    )
