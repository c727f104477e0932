"""Packages that only some commands need."""

from importlib.util import find_spec


def missing_packages(*names: str) -> list[str]:
    """A sentence for each package of exports that is not installed."""
    return [
        f"found no package {name}; expected the packages of exports; run "
        "pip install --require-hashes -r requirements/export.lock"
        for name in names
        if find_spec(name) is None
    ]
