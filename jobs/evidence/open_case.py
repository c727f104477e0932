"""The case in a folder, by the manifest of its last complete run."""

from jobs.errors import BadInput
from jobs.evidence.manifest_file import read_manifest
from jobs.evidence.stored_case import StoredCase, read_case
from jobs.storage.whole_objects import StorageFailed, reason_of
from transforms.text import sanitise


def case_at(case_uri: str) -> StoredCase:
    """The case by the manifest of its last complete run; raises BadInput when there is none."""
    where = f"--case {case_uri}"
    try:
        found = read_manifest(f"{case_uri}/manifest.json")
    except (ValueError, StorageFailed) as error:
        raise BadInput([f"{where}: manifest.json is not readable ({reason_of(error)})"]) from error
    if found is None:
        raise BadInput(
            [
                f"{where}: found no manifest.json; expected the folder of a case that a "
                "run completed: <output>/<case_id>"
            ]
        )
    try:
        return read_case(found)
    except ValueError as error:
        raise BadInput(
            [
                f"{where}: its manifest is not one that this version of the job writes "
                f"({sanitise(error, 1000)}); if an earlier version wrote it, run the case again"
            ]
        ) from error
