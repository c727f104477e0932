"""A file of a run: stored under the run's own name, and shown where readers look for it.

It is shown only once the manifest names it by SHA-256, so that readers see a complete run's.
"""

import hashlib

from jobs.storage.whole_objects import read_bytes, write_bytes


def store_copy(case_uri: str, name: str, octets: bytes) -> dict[str, object]:
    """Put the run's own file into the case; returns what the manifest says of it."""
    write_bytes(f"{case_uri}/{name}", octets)
    return {"name": name, "sha256": hashlib.sha256(octets).hexdigest(), "bytes": len(octets)}


def show_copy(case_uri: str, name: str, shown: str) -> None:
    """Make the run's own file the one that readers find."""
    write_bytes(f"{case_uri}/{shown}", read_bytes(f"{case_uri}/{name}"))
