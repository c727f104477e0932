"""Daily indices of a flow table: made when their first documents come, filled by every run."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.cli.opensearch_arguments import OpenSearchTarget
from jobs.opensearch.answers import acknowledge, inner
from jobs.opensearch.client import Endpoint, patiently
from jobs.opensearch.index import Index, body_of, demand_complete, differences, shards_for
from jobs.opensearch.sink import for_writers, load

_IN_FRONT = {"flat": "", "ecs": "ecs-", "ocsf": "ocsf-"}


class DayLoaded(NamedTuple):
    """What one run has in the index of a day; `reason` is that of one of the refused documents."""

    documents: int
    refused: int
    reason: str | None


def full_prefix(shape: str, prefix: str) -> str:
    """What the names of the indices begin with: those of two shapes are never the same."""
    return f"{_IN_FRONT[shape]}{prefix}"


def name_of_day(shape: str, prefix: str, day: date) -> str:
    """The index that has the flows of objects of this day."""
    return f"{full_prefix(shape, prefix)}-{day.year:04}.{day.month:02}.{day.day:02}"


class DayIndex(Index):
    """The index of one day. Readers see it while it is filled: it is refreshed as usual."""

    def prepare(self, documents_a_day: int) -> None:
        """Make the index for this number of documents, or see that it has our mapping.

        It may have aliases, and fields of templates; fields that a newer version of the job adds
        are added to it. Raises OpenSearchFailed where one of ours is another one there.
        """
        body = body_of(
            self._shape, shards_for(documents_a_day), is_refreshed=True,
            has_settings=self._endpoint.service != "aoss",
        )  # fmt: skip
        found = patiently(self._endpoint, self._found)
        if not found:
            patiently(self._endpoint, lambda: self._create(body))
            found = patiently(self._endpoint, self._described)
        elif _differences(body, found):
            patiently(self._endpoint, lambda: self._add_fields(body["mappings"]))
            found = patiently(self._endpoint, self._described)
        self._demand_as_requested(_differences(body, found))
        shards = str(inner(found, "settings", "index").get("number_of_shards"))
        self._shards = int(shards) if shards.isdecimal() else 1

    def _found(self) -> Mapping[str, Any]:
        try:
            return self._described()
        except NotFoundError:
            return {}

    def _add_fields(self, mappings: Mapping[str, Any]) -> None:
        answer = self._client.indices.put_mapping(index=self.name, body=mappings)
        acknowledge(answer, "a mapping")


def _differences(body: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return differences(body, {**found, "aliases": {}})


def load_day(
    client: OpenSearch, endpoint: Endpoint, flows: DataFrame, target: OpenSearchTarget, *,
    name: str, run_id: str, expected: int, documents_a_day: int,
) -> DayLoaded:  # fmt: skip
    """Load the flows of one run and one day, `expected` rows, into the index of the day.

    A document that is there already replaces itself. Raises OpenSearchFailed unless documents of
    the run and refusals add up to the flows.
    """
    index = DayIndex(client, endpoint, shape=target.shape, name=name, run_id=run_id)
    index.prepare(documents_a_day)
    refused, number = load(for_writers(flows, target, expected), target, endpoint, name)
    first = refused.agg(F.min("reason").alias("reason")).first() if number else None
    refused.unpersist()
    found = index.count(expected - number)
    demand_complete(name, found, number, expected)
    return DayLoaded(found, number, first["reason"] if first else None)
