"""A lock file → a CycloneDX bill of materials: `python requirements/sbom.py LOCK > sbom.cdx.json`.

A component is a package of the lock: its exact version, the SHA-256 of every file that may be
installed for it (pip refuses any other), and the licence that the installed package itself names.
Source of the shape: the CycloneDX 1.6 JSON schema. The same lock gives the same bytes.
"""

import hashlib
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_PACKAGE = re.compile(r"^([\w.-]+)==([^\s\\]+)((?:[\s\\]+--hash=sha256:[0-9a-f]{64})*)", re.M)


def bill_of(lock: str, name: str, version: str) -> dict[str, object]:
    """The bill of what `lock` pins, for the product of this name."""
    purl = f"pkg:pypi/{name}@{version}"
    product = {
        "type": "application",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    components = [*_components(lock)]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_identity(lock)}",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
        "dependencies": [{"ref": purl, "dependsOn": [item["bom-ref"] for item in components]}],
    }


def _identity(lock: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(lock.encode()).hexdigest())


def _components(lock: str) -> Iterator[dict[str, object]]:
    for package, version, hashes in _PACKAGE.findall(lock):
        purl = f"pkg:pypi/{re.sub('[-_.]+', '-', package).lower()}@{version}"
        component: dict[str, object] = {
            "type": "library",
            "bom-ref": purl,
            "name": package,
            "version": version,
            "purl": purl,
            "hashes": [
                {"alg": "SHA-256", "content": content}
                for content in re.findall(r"sha256:([0-9a-f]{64})", hashes)
            ],
        }
        if licences := _licences(package, version):
            component["licenses"] = licences
        yield component


def _licences(package: str, version: str) -> list[dict[str, object]]:
    """An SPDX expression where the package has one, else the words that it uses; or nothing."""
    try:
        said = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return []
    if said["Version"] != version:
        return []
    if expression := said["License-Expression"]:
        return [{"expression": expression}]
    named = [line.split(" :: ")[-1] for line in said.get_all("Classifier") or ()
             if line.startswith("License :: ")]  # fmt: skip
    text = (said["License"] or "").strip()
    if not named and text:
        named = [text.splitlines()[0]]  # some put the whole licence there
    return [{"license": {"name": name}} for name in named]


if __name__ == "__main__":
    pyproject = Path(__file__).resolve().parent.parent / "pyproject.toml"
    own = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lock = Path(sys.argv[1]).read_text(encoding="utf-8")
    bill = bill_of(lock, own["name"], own["version"])
    sys.stdout.write(json.dumps(bill, indent=2) + "\n")
