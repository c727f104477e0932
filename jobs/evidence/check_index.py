"""Does the index that the manifest names have its documents, and does the alias show it."""

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.evidence.check import Check
from jobs.evidence.stored_case import StoredCase
from jobs.opensearch.client import OpenSearchFailed
from jobs.opensearch.sink import count_index


def check_index(case: StoredCase, target: OpenSearchTarget) -> Check:
    """Count the documents of the run on every shard, and ask what the alias shows."""
    index = case.index
    if index is None:
        return Check("", ["index: the run made none, so there is nothing to compare"])
    try:
        found, shown = count_index(
            target, case_id=case.case_id, run_id=case.run_id, expected=index.documents
        )
    except OpenSearchFailed as failure:
        return Check("", [f"index {index.name}: cannot be counted: {failure}"])
    problems = []
    if found != index.documents:
        problems.append(
            f"index {index.name}: {found:,} documents, the manifest says {index.documents:,}"
        )
    if shown != [index.name]:
        problems.append(f"alias {index.alias}: it shows {', '.join(shown) or 'nothing'}")
    return Check(f"the index {index.name} has its {found:,} documents", problems)
