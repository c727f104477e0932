"""Indices and aliases: what readers see is a complete run or the one before it."""

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import (
    NotFoundError,
    OpenSearchException,
    RequestError,
    TransportError,
)

from jobs.opensearch.answers import (
    Shards,
    acknowledge,
    by_name,
    count_of,
    inner,
    name_of,
    shards_of,
    type_of,
)
from jobs.opensearch.client import Endpoint, OpenSearchFailed, Patience, patiently
from transforms.text import sanitise

logger = logging.getLogger(__name__)

_RUN_ID = r"[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}"
# The index of the story stands beside that of the flows, whatever shape they have.
STORY = "story"
_FILES = {
    "flat": "flows-template.json", "ecs": "ecs-template.json", "ocsf": "ocsf-template.json",
    STORY: "story-template.json",
}  # fmt: skip
_ALIASES = {
    "flat": "flows-{}", "ecs": "ecs-flows-{}", "ocsf": "ocsf-flows-{}", STORY: "story-flows-{}",
}  # fmt: skip
_RUN_FIELDS = {
    "flat": "run_id", "ecs": "labels.run_id", "ocsf": "unmapped.run_id", STORY: "run_id",
}  # fmt: skip

# OpenSearch's advice for logs is 30 to 50 GB a shard; a flow takes about this much of one.
_BYTES_A_SHARD = 30e9
_BYTES_A_DOCUMENT = 400
_MOST_SHARDS = 64
# What a template of somebody else could add to the index, and must not.
_NO_PIPELINES = {"index.default_pipeline": "_none", "index.final_pipeline": "_none"}


def alias_of(shape: str, case_id: str) -> str:
    """The name that readers use."""
    return _ALIASES[shape].format(case_id)


def template_of(shape: str) -> dict[str, Any]:
    """Settings and mappings of a shape, in the form of an index template."""
    text = resources.files("conf").joinpath(f"opensearch/{_FILES[shape]}").read_text()
    template: dict[str, Any] = json.loads(text)
    return template


def shards_for(documents: int) -> int:
    """Primary shards for this number of documents: one, unless the index will be very large."""
    return min(
        _MOST_SHARDS, max(1, math.ceil(1.1 * documents * _BYTES_A_DOCUMENT / _BYTES_A_SHARD))
    )


def indices_of_runs(alias: str, names: Sequence[str]) -> list[str]:
    """Those of the names that belong to runs of the case with this alias."""
    of_the_case = re.compile(f"{re.escape(alias)}-{_RUN_ID}")
    return sorted(name for name in names if of_the_case.fullmatch(name))


class Index:
    """An index by its name, counted for one run: every shard has to answer."""

    def __init__(
        self, client: OpenSearch, endpoint: Endpoint, *, shape: str, name: str, run_id: str
    ) -> None:
        self._client, self._endpoint = client, endpoint
        self._shape, self._run_id = shape, run_id
        self._shards = 1
        self.name = name

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

    def _create(self, body: Mapping[str, Any]) -> None:
        try:
            acknowledge(self._client.indices.create(index=self.name, body=body), "an index")
        except RequestError as error:
            # A repeated request: the first one was carried out.
            if type_of(error) != "resource_already_exists_exception":
                raise

    def _described(self) -> Mapping[str, Any]:
        found = by_name(self._client.indices.get(index=self.name), "an index")
        return found.get(self.name, {})

    def _demand_as_requested(self, odd: Sequence[str]) -> None:
        if odd:
            raise OpenSearchFailed(
                f"the index {self.name} is not as requested: {'; '.join(odd[:5])}; see to "
                "the index templates that match its name"
            )

    def _refresh(self) -> None:
        _demand_shards(shards_of(self._client.indices.refresh(index=self.name)), self._shards)

    def _count(self) -> int:
        by_run = {"query": {"term": {_RUN_FIELDS[self._shape]: self._run_id}}}
        answer = self._client.count(index=self.name, body=by_run)
        shards = shards_of(answer)
        _demand_shards(shards, shards.total)
        return count_of(answer)


class RunIndex(Index):
    """The index of one run: made, filled by others, counted, then shown or removed."""

    def __init__(
        self, client: OpenSearch, endpoint: Endpoint, *, shape: str, case_id: str, run_id: str
    ) -> None:
        self.alias = alias_of(shape, case_id)
        name = f"{self.alias}-{run_id}"
        super().__init__(client, endpoint, shape=shape, name=name, run_id=run_id)

    def create(self, documents: int) -> None:
        """Make the index for this number of documents, with refresh switched off.

        It carries its own mapping: templates of others add what they like, but change no field of
        ours. Raises OpenSearchFailed where the index is nevertheless another one.
        """
        self._shards = shards_for(documents)
        body = body_of(self._shape, self._shards, has_settings=self._endpoint.service != "aoss")
        patiently(self._endpoint, lambda: self._create(body))
        found = patiently(self._endpoint, self._described)
        self._demand_as_requested(differences(body, found))

    def shown(self) -> list[str]:
        """The names of the indices that the case's alias shows."""

        def ask() -> list[str]:
            return sorted(by_name(self._client.indices.get_alias(name=self.alias), "aliases"))

        return patiently(self._endpoint, ask)

    def show(self) -> None:
        """Switch refresh on, move the alias in one step, delete earlier runs of the case."""
        if self._endpoint.service != "aoss":
            patiently(self._endpoint, self._refresh_as_usual)
        earlier = patiently(self._endpoint, self._earlier)
        patiently(self._endpoint, lambda: self._move_alias(earlier))
        self._delete_all(earlier)

    def retire(self) -> None:
        """Delete earlier runs of the case; for a run that made no such index."""
        self._delete_all(patiently(self._endpoint, self._earlier))

    def remove(self) -> None:
        """Take the index back, as far as the server lets us; the alias was never on it."""
        try:
            self._delete(self.name)
        except OpenSearchException as error:
            logger.warning(
                "the index %s is incomplete and stays (%s); the next run removes it",
                self.name, name_of(error),
            )  # fmt: skip

    def _refresh_as_usual(self) -> None:
        body = {"index.refresh_interval": None}
        acknowledge(self._client.indices.put_settings(index=self.name, body=body), "a setting")

    def _move_alias(self, earlier: Sequence[str]) -> None:
        actions: list[Any] = [{"add": {"index": self.name, "alias": self.alias}}]
        actions += [
            {"remove": {"index": name, "alias": self.alias, "must_exist": False}}
            for name in earlier
        ]
        answer = self._client.indices.update_aliases(body={"actions": actions})
        acknowledge(answer, "an alias")

    def _earlier(self) -> list[str]:
        names = by_name(self._client.indices.get(index=f"{self.alias}-*"), "indices")
        return [name for name in indices_of_runs(self.alias, list(names)) if name != self.name]

    def _delete_all(self, names: Sequence[str]) -> None:
        for name in names:
            patiently(self._endpoint, lambda name=name: self._delete(name))  # type: ignore[misc]

    def _delete(self, name: str) -> None:
        try:
            acknowledge(self._client.indices.delete(index=name), "a deletion")
        except NotFoundError:
            pass  # a repeated request: the first one was carried out


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What of an index is not as requested; fields that templates added are no difference.

    They stay empty, as no document has them.
    """
    mappings, wanted = inner(found, "mappings"), expected["mappings"]
    rest = sorted((mappings.keys() | wanted.keys()) - {"properties"})
    odd = [
        f"{sanitise(name, 80)} is {sanitise(mappings.get(name), 40)}, not {wanted.get(name)}"
        for name in rest
        if str(mappings.get(name)) != str(wanted.get(name))
    ]
    odd += _other_fields(wanted["properties"], inner(mappings, "properties"), "")
    odd += [f"it has the alias {sanitise(name, 80)}" for name in inner(found, "aliases")]
    return odd


def _other_fields(wanted: Mapping[str, Any], found: Mapping[str, Any], at: str) -> list[str]:
    odd = []
    for name, field in wanted.items():
        # A name with dots is stored as a field in an object.
        *objects, last = name.split(".")
        holder = found
        for each in objects:
            holder = inner(holder, each, "properties")
        there = inner(holder, last)
        if "properties" in field:
            odd += _other_fields(field["properties"], inner(there, "properties"), f"{at}{name}.")
        elif dict(there) != field:
            odd.append(f"the field {at}{name} is {sanitise(dict(there), 80)}, not {field}")
    return odd


def body_of(
    shape: str, shards: int, *, has_settings: bool, is_refreshed: bool = False
) -> dict[str, Any]:
    """What an index is made with; a collection of OpenSearch Serverless has settings of its own."""
    template = template_of(shape)["template"]
    body = {"mappings": template["mappings"]}
    if has_settings:
        own = {f"index.{name}": value for name, value in template["settings"]["index"].items()}
        body["settings"] = {
            **own,
            **_NO_PIPELINES,
            "index.number_of_shards": shards,
        }
        if not is_refreshed:
            body["settings"]["index.refresh_interval"] = "-1"
    return body


def _demand_shards(shards: Shards, at_least: int) -> None:
    """A count of some of the shards is no count; the others come back with their node."""
    if shards.failed or shards.successful < at_least:
        raise TransportError(503, "shards_missing", {"reason": "shards are missing"})


def demand_complete(index: str, found: int, refused: int, expected: int) -> None:
    """Raise OpenSearchFailed unless every flow has become a document or a refusal."""
    if found + refused != expected:
        raise OpenSearchFailed(
            f"the index {index} holds {found:,} documents and {refused:,} were refused, but Delta "
            f"has {expected:,} flows"
        )
