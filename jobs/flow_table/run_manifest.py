"""The manifest of one ingest: what it was given, what it added, and which run came before."""

import hashlib
from datetime import UTC, datetime

from jobs.cli.ingest_arguments import IngestArguments
from jobs.evidence.manifest_file import canonical
from jobs.evidence.provenance import code_facts
from jobs.flow_table.books import IngestBooks
from jobs.flow_table.tables import FlowTable, IngestRun
from jobs.pipeline.books import described
from jobs.storage.whole_objects import write_bytes

FORMAT = 1


def store_manifest(
    arguments: IngestArguments, table: FlowTable, books: IngestBooks, *, run_id: str, number: int,
    began_at: datetime, before: IngestRun | None,
) -> str:  # fmt: skip
    """Write `manifests/<run_id>.json`; returns its SHA-256, which the table `runs` keeps.

    It names the manifest of the run before by SHA-256. It counts as soon as `runs` names it.
    """
    content = {
        "format": FORMAT,
        "run_id": run_id,
        "number": number,
        "began_at": began_at.isoformat(),
        "written_at": datetime.now(UTC).isoformat(),
        "code": code_facts(),
        "parameters": arguments.as_parameters(),
        **described(books),
        "previous": {"run_id": before.run_id, "sha256": before.manifest_sha256} if before else None,
    }
    data = canonical(content)
    write_bytes(f"{table.uri}/manifests/{run_id}.json", data)
    return hashlib.sha256(data).hexdigest()
