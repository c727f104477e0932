"""The page of inputs: every test that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_page_of_inputs_names_exists() -> None:
    page = (ROOT / "docs/reference/inputs.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    rows = [line for line in lines if "---" not in line and not line.endswith("| test |")]
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    named = {row: re.findall(r"`(test_\w+)`", row) for row in rows}

    assert [row for row, names in named.items() if not names] == []
    assert [name for names in named.values() for name in names if f"def {name}(" not in tests] == []
