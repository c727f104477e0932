"""What would stop a load, found before the work: the server, its blocks, names that are taken."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError, OpenSearchException, SSLError, TransportError

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.errors import BadInput
from jobs.opensearch.answers import OddAnswer, by_name, greeting, inner, name_of
from jobs.opensearch.client import OpenSearchFailed, endpoint_of, passes
from jobs.opensearch.index import STORY, RunIndex, alias_of, indices_of_runs

_TIMEOUT_S = 10
# A block that lets nobody change the alias of an index; `write` blocks documents only.
_BLOCKS = ("read_only", "read_only_allow_delete", "metadata")


class NotNow(BadInput):
    """Nothing answers, or what answers has no time: it may be another matter later."""


def check_reachable(
    target: OpenSearchTarget, case_ids: Sequence[str] = (), *, run_id: str | None = None
) -> None:
    """Raise BadInput unless an OpenSearch that knows us answers and would take these cases.

    With a run id, the index of the first case is made and removed again, as only that tells limits
    and blocks of the cluster, permissions and templates of others for certain.
    """
    endpoint = replace(endpoint_of(target), timeout_s=_TIMEOUT_S, patience_s=_TIMEOUT_S)
    shown = f"--opensearch_url {target.url}"
    try:
        client = endpoint.connect()
    except OpenSearchFailed as error:
        raise BadInput([f"--opensearch_auth {target.auth}: {error}"]) from None
    try:
        _greet(client, target, shown)
        with _reading(shown):
            problems = [
                f"{shown}: {problem}"
                for case_id in case_ids
                for shape in (target.shape, STORY)
                for problem in _obstacles(client, alias_of(shape, case_id))
            ]
        if not problems and case_ids and run_id and target.service != "aoss":
            trial = RunIndex(
                client, endpoint, shape=target.shape, case_id=case_ids[0], run_id=run_id
            )
            problems = [f"{shown}: {problem}" for problem in _make_and_remove(trial)]
    finally:
        client.close()
    if problems:
        raise BadInput(problems)


def _greet(client: OpenSearch, target: OpenSearchTarget, shown: str) -> None:
    with _reading(shown):
        # Collections of OpenSearch Serverless have no root to ask.
        if target.service == "aoss":
            client.cat.indices(format="json")
            return
        kind, number = greeting(client.info())
    # A domain in compatibility mode says 7.10.2 of itself.
    if kind != "opensearch" or number.startswith("1."):
        raise BadInput(
            [
                f"{shown}: found {kind} {number}; expected OpenSearch 2 or later; give the URL of "
                "one, or drop the flag for Delta only"
            ]
        )


def _obstacles(client: OpenSearch, alias: str) -> Iterator[str]:
    """Names that are taken, and indices of earlier runs that cannot be changed."""
    shown = _indices(client, alias)
    if alias in shown:
        yield (
            f"found an index of the name {alias}, which has to be the alias of the case; delete "
            "or reindex it, or choose another --case_id"
        )
        return
    if others := sorted(shown.keys() - set(indices_of_runs(alias, list(shown)))):
        yield (
            f"found that the alias {alias} shows {others[0]:.80}, which no run of the case made; "
            "take the alias away from it, or choose another --case_id"
        )
    earlier = _indices(client, f"{alias}-*")
    for name in indices_of_runs(alias, list(earlier)):
        blocks = inner(earlier[name], "settings", "index", "blocks")
        held = [block for block in _BLOCKS if str(blocks.get(block)).lower() == "true"]
        if held:
            yield (
                f"found the block index.blocks.{held[0]} on {name}, the index of an earlier run, "
                "which has to be replaced; after the cluster's disk has space again, lift it with "
                f'PUT /{name}/_settings {{"index.blocks.{held[0]}": null}}'
            )


def _indices(client: OpenSearch, name: str) -> Mapping[str, Mapping[str, object]]:
    try:
        return by_name(client.indices.get(index=name), "indices")
    except NotFoundError:
        return {}


def _make_and_remove(index: RunIndex) -> Iterator[str]:
    try:
        index.create(0)
    except OpenSearchFailed as failure:
        yield f"found that the index {index.name} cannot be made: {failure}"
    finally:
        index.remove()


@contextmanager
def _reading(shown: str) -> Iterator[None]:
    """Turn whatever the server answers instead into a sentence."""
    try:
        yield
    except OpenSearchException as error:
        kind = NotNow if passes(error) else BadInput
        raise kind([f"{shown}: {_why_unreachable(error)}"]) from None


def _why_unreachable(error: OpenSearchException) -> str:
    status = error.status_code if isinstance(error, TransportError) else None
    if status in (401, 403):
        return (
            f"found that it does not let us in ({name_of(error)}); expected credentials that may "
            "write; see --opensearch_auth"
        )
    if isinstance(error, SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return (
            "found a certificate that cannot be verified; expected one of a known authority for "
            "this host name; a private authority goes into --opensearch_ca"
        )
    if isinstance(status, int):
        return (
            f"found a server that answers with {name_of(error)}; expected OpenSearch's greeting at "
            "the root; see to the URL, its path included, and to what stands in front of the node"
        )
    if isinstance(error, OddAnswer) or not isinstance(error, TransportError):
        return (
            f"found {name_of(error)}; expected OpenSearch; see to the URL, its path included, and "
            "to what stands in front of the node"
        )
    return (
        f"found nothing that answers ({name_of(error)}); expected an OpenSearch node; start one "
        "with `make opensearch`, or drop the flag"
    )
