"""Indices and aliases: what readers see is a complete run or the one before it."""

import json
import logging
import math
import re
from importlib import resources
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError, RequestError, TransportError

from jobs.opensearch.client import Endpoint, OpenSearchFailed, Patience, patiently

logger = logging.getLogger(__name__)

_RUN_ID = r"\d{8}t\d{6}z-[0-9a-f]{4}"
_TEMPLATES = {
    "flat": ("vpc-flow-trace", "flows-template.json"),
    "ecs": ("vpc-flow-trace-ecs", "ecs-template.json"),
    "ocsf": ("vpc-flow-trace-ocsf", "ocsf-template.json"),
}
_ALIASES = {"flat": "flows-{}", "ecs": "ecs-flows-{}", "ocsf": "ocsf-flows-{}"}

# OpenSearch's advice for logs is 30 to 50 GB a shard; a flow takes about this much of one.
_BYTES_A_SHARD = 30e9
_BYTES_A_DOCUMENT = 400
_MOST_SHARDS = 64


def alias_of(shape: str, case_id: str) -> str:
    """The name that readers use."""
    return _ALIASES[shape].format(case_id)


def template_of(shape: str) -> dict[str, Any]:
    """The index template of a shape, as it is put."""
    file = _TEMPLATES[shape][1]
    template: dict[str, Any] = json.loads(
        resources.files("conf").joinpath(f"opensearch/{file}").read_text()
    )
    return template


def shards_for(documents: int) -> int:
    """Primary shards for so many documents: one, unless the index will be very large."""
    return min(
        _MOST_SHARDS, max(1, math.ceil(1.1 * documents * _BYTES_A_DOCUMENT / _BYTES_A_SHARD))
    )


class RunIndex:
    """The index of one run: made, filled by others, counted, then shown or removed."""

    def __init__(
        self, client: OpenSearch, endpoint: Endpoint, *, shape: str, case_id: str, run_id: str
    ) -> None:
        self._client, self._endpoint = client, endpoint
        self._shape, self._run_id = shape, run_id
        self._shards = 1
        self.alias = alias_of(shape, case_id)
        self.name = f"{self.alias}-{run_id}"

    def create(self, documents: int) -> None:
        """Put the template, then make the index for so many documents, refresh switched off."""
        name = _TEMPLATES[self._shape][0]
        body = template_of(self._shape)
        patiently(
            self._endpoint, lambda: self._client.indices.put_index_template(name=name, body=body)
        )
        self._shards = shards_for(documents)
        settings = {"index.refresh_interval": "-1", "index.number_of_shards": self._shards}
        # A collection of OpenSearch Serverless decides both by itself.
        created = {} if self._endpoint.service == "aoss" else {"settings": settings}
        patiently(self._endpoint, lambda: self._create(created))

    def count(self, expected: int) -> int:
        """Documents of this run that a search finds, every shard asked."""
        is_serverless = self._endpoint.service == "aoss"
        if not is_serverless:
            patiently(self._endpoint, self._refresh)
        patience = Patience(min(120.0, self._endpoint.patience_s))
        while True:
            found = patiently(self._endpoint, self._count)
            # A collection refreshes when it likes.
            if not is_serverless or found == expected or not patience.wait():
                return found

    def show(self) -> None:
        """Switch refresh on, move the alias in one step, delete earlier runs of the case."""
        if self._endpoint.service != "aoss":
            as_usual = {"index.refresh_interval": None}
            patiently(
                self._endpoint,
                lambda: self._client.indices.put_settings(index=self.name, body=as_usual),
            )
        earlier = patiently(self._endpoint, self._earlier)
        patiently(self._endpoint, lambda: self._move_alias(earlier))
        for name in earlier:
            patiently(self._endpoint, lambda name=name: self._delete(name))  # type: ignore[misc]

    def remove(self) -> None:
        """Take the index back, as far as the server lets us; the alias was never on it."""
        try:
            self._delete(self.name)
        except TransportError:
            logger.warning(
                "the index %s is incomplete and stays; the next run removes it", self.name
            )

    def _create(self, body: dict[str, Any]) -> None:
        try:
            self._client.indices.create(index=self.name, body=body)
        except RequestError as error:
            # A repeated request: the first one was carried out.
            if error.error != "resource_already_exists_exception":
                raise

    def _refresh(self) -> None:
        _demand_shards(self._client.indices.refresh(index=self.name), self._shards)

    def _count(self) -> int:
        by_run = {"query": {"term": {_RUN_FIELDS[self._shape]: self._run_id}}}
        answer = self._client.count(index=self.name, body=by_run)
        _demand_shards(answer, answer["_shards"]["total"])
        return int(answer["count"])

    def _move_alias(self, earlier: list[str]) -> None:
        actions: list[Any] = [{"add": {"index": self.name, "alias": self.alias}}]
        actions += [
            {"remove": {"index": name, "alias": self.alias, "must_exist": False}}
            for name in earlier
        ]
        self._client.indices.update_aliases(body={"actions": actions})

    def _earlier(self) -> list[str]:
        names = self._client.indices.get(index=f"{self.alias}-*")
        of_the_case = re.compile(f"{re.escape(self.alias)}-{_RUN_ID}")
        return sorted(n for n in names if n != self.name and of_the_case.fullmatch(n))

    def _delete(self, name: str) -> None:
        try:
            self._client.indices.delete(index=name)
        except NotFoundError:
            pass  # a repeated request: the first one was carried out


_RUN_FIELDS = {"flat": "run_id", "ecs": "labels.run_id", "ocsf": "unmapped.run_id"}


def _demand_shards(answer: dict[str, Any], at_least: int) -> None:
    """A count of some of the shards is no count; the others come back with their node."""
    shards = answer["_shards"]
    if shards["failed"] or shards["successful"] < at_least:
        raise TransportError(503, "shards are missing", {})


def demand_complete(index: str, found: int, refused: int, expected: int) -> None:
    """Raise OpenSearchFailed unless every flow has become a document or a refusal."""
    if found + refused != expected:
        raise OpenSearchFailed(
            f"the index {index} holds {found:,} documents and {refused:,} were refused, but Delta "
            f"has {expected:,} flows"
        )
