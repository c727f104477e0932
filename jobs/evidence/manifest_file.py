"""The manifest of a case as a file: where it is, how it is spelled, how it is replaced."""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from jobs.errors import BadInput
from jobs.evidence import stored_fields as fields
from jobs.storage.whole_objects import (
    NotThere,
    StorageFailed,
    read_bytes,
    reason_of,
    write_bytes,
)

# It lists every data file of every table: a million of them would still fit.
_MAX_BYTES = 256 * 1024 * 1024


class Stored(NamedTuple):
    """A manifest as it lies in the case, with the hash that the next one names it by."""

    content: dict[str, object]
    text: bytes

    @property
    def sha256(self) -> str:
        """Hex, over the bytes as stored."""
        return hashlib.sha256(self.text).hexdigest()

    @property
    def run_id(self) -> str:
        """The run that it is of."""
        return str(self.content["run_id"])


def canonical(content: Mapping[str, object]) -> bytes:
    """The one way to write this content: keys in order, ASCII, two spaces, a newline at the end."""
    return json.dumps(content, indent=2, sort_keys=True).encode() + b"\n"


def read_manifest(uri: str) -> Stored | None:
    """The manifest at a URI; None when there is none.

    Raises StorageFailed, and ValueError for anything that is no manifest.
    """
    try:
        data = read_bytes(uri, _MAX_BYTES)
    except NotThere:
        return None
    try:
        content = json.loads(data)
    except RecursionError:
        raise ValueError("it is no manifest: it is nested too deeply") from None
    if not isinstance(content, dict) or "run_id" not in content:
        raise ValueError("it is no manifest: it names no run")
    fields.run_id(content["run_id"], "run_id")  # it becomes part of paths
    return Stored(content, data)


def earlier_manifest(case_uri: str, run_id: str) -> str:
    """Where the manifest of an earlier run of the case is kept."""
    return f"{case_uri}/manifests/{run_id}.json"


def replace_manifest(case_uri: str, content: Mapping[str, object], before: Stored | None) -> None:
    """Keep the manifest of the run before, then put the new one in its place, in one step each.

    A run that is killed in between has changed nothing that a reader of the case relies on.
    """
    if before is not None:
        write_bytes(earlier_manifest(case_uri, before.run_id), before.text)
    write_bytes(f"{case_uri}/manifest.json", canonical(content))


def is_complete(case_uri: str, run_id: str) -> bool:
    """Whether the case's manifest is the one of this run."""
    try:
        found = read_manifest(f"{case_uri}/manifest.json")
    except (ValueError, StorageFailed):
        return False
    return found is not None and found.run_id == run_id


def check_manifest(case_uri: str) -> None:
    """Raise BadInput when something else lies where the manifest will go."""
    uri = f"{case_uri}/manifest.json"
    try:
        read_manifest(uri)
    except (ValueError, StorageFailed) as error:
        raise BadInput(
            [
                f"{uri}: found something that cannot be read ({reason_of(error)}); expected the "
                "manifest of an earlier run; move it away or choose another --case_id"
            ]
        ) from error
