"""The bill of materials: what is pinned is what is named, with the hashes that pip insists on."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

LOCK = f"""\
six==1.17.0 \\
    --hash=sha256:{"a" * 64} \\
    --hash=sha256:{"b" * 64}
    # via python-dateutil
No_Such.Package==2.0.post1 \\
    --hash=sha256:{"c" * 64}
idna==0.0.1 \\
    --hash=sha256:{"d" * 64}
"""


def bill_of(lock: Path) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "requirements/sbom.py"), str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def test_a_component_is_a_package_with_its_hashes_and_the_licence_that_it_names_itself(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(LOCK)

    bill = bill_of(lock)

    def hashes(*letters: str) -> list[dict[str, str]]:
        return [{"alg": "SHA-256", "content": letter * 64} for letter in letters]

    six, absent, older = (
        "pkg:pypi/six@1.17.0",
        "pkg:pypi/no-such-package@2.0.post1",
        ("pkg:pypi/idna@0.0.1"),
    )
    assert bill["components"] == [
        {"type": "library", "bom-ref": six, "name": "six", "version": "1.17.0", "purl": six,
         "hashes": hashes("a", "b"), "licenses": [{"license": {"name": "MIT License"}}]},
        {"type": "library", "bom-ref": absent, "name": "No_Such.Package", "version": "2.0.post1",
         "purl": absent, "hashes": hashes("c")},
        # Another version is installed here: what its licence is, is not known.
        {"type": "library", "bom-ref": older, "name": "idna", "version": "0.0.1", "purl": older,
         "hashes": hashes("d")},
    ]  # fmt: skip
    assert bill["dependencies"][0]["dependsOn"] == [six, absent, older]


def test_the_bill_of_the_locked_packages_is_whole_and_the_same_each_time() -> None:
    lock = ROOT / "requirements/runtime.lock"

    bill = bill_of(lock)

    assert bill == bill_of(lock)
    # The rules of the CycloneDX 1.6 schema for what is used of it.
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", bill["serialNumber"])
    assert set(bill) == {
        "$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata",
        "components", "dependencies",
    }  # fmt: skip
    parts = [bill["metadata"]["component"], *bill["components"]]
    assert len({part["bom-ref"] for part in parts}) == len(parts)
    for part in parts:
        assert part["type"] in ("application", "library")
        kinds = [next(iter(licence)) for licence in part["licenses"]]
        assert kinds in (["expression"], ["license"] * len(kinds)), part["name"]
    text = lock.read_text()
    pinned = re.findall(r"^([^\s#=]+)==(\S+)", text, re.M)
    assert [(part["name"], part["version"]) for part in bill["components"]] == pinned
    hashes = [said["content"] for part in bill["components"] for said in part["hashes"]]
    assert hashes == re.findall(r"--hash=sha256:([0-9a-f]{64})", text)
