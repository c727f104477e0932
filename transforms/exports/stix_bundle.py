"""A case as a STIX 2.1 bundle.

Cyber-observables have the ids that the specification derives from their values (UUIDv5). Everything
else has a UUIDv5 as well, in a namespace of this project, over case, run and content: the same case
gives the same bundle, and importing it twice makes nothing double.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from uuid import UUID, uuid5

import stix2

from transforms.attack import url_of
from transforms.exports.case_facts import NOT_SEEN, CaseFacts, CaseSource, Row
from transforms.exports.indicators import Indicator, indicators_of
from transforms.network.protocols import ICMPV6, PROTOCOL_NAMES, WITH_PORTS
from transforms.wording import count_of

_NAMESPACE = UUID("5d1c6e0a-7a0f-4a53-9d0c-5b9d1a5f3a61")
_PRODUCER = "VPC Flow Trace"
_MITRE = "mitre-attack"
# What it is called behind `ipv6`, as the registry that STIX names has no other word for it.
_NAMES = {ICMPV6: "icmp"}


def bundle(case: CaseSource) -> bytes:
    """The bundle: machines, observed traffic of the path, indicators, techniques, a report."""
    objects = _Objects(case.facts)
    steps = list(case.rows("path"))
    first = {step["conversation_id"] for step in steps}
    conversations = [row for row in case.rows("conversations") if row["conversation_id"] in first]
    for row in sorted(conversations, key=lambda row: (row["hop"], row["first_at"])):
        objects.add_observed(row)
    for technique in case.facts.techniques():
        objects.add_technique(technique)
    for indicator in indicators_of(case.rows("peers"), case.facts.acts):
        if indicator.is_in_story:
            objects.add_indicator(indicator)
    return objects.bundled()


class _Objects:
    """The objects of one bundle, each once."""

    def __init__(self, facts: CaseFacts) -> None:
        self._facts = facts
        self._found: dict[str, Any] = {}
        self._producer = self._add(
            stix2.v21.Identity(
                id=f"identity--{uuid5(_NAMESPACE, _PRODUCER)}",
                created=facts.finished_at,
                modified=facts.finished_at,
                name=_PRODUCER,
                identity_class="system",
            )
        )
        for instance_id, name in facts.instances.items():
            self._domain(
                stix2.v21.Identity,
                instance_id,
                name=name,
                description=f"EC2 instance {instance_id}, the subject of the case",
                identity_class="system",
            )

    def add_observed(self, row: Row) -> None:
        """The first conversation of a step of the path."""
        source = self._address(row["subject_address"])
        target = self._address(row["peer"])
        ports = row["protocol"] in WITH_PORTS
        number = row["protocol"]
        name = _NAMES.get(number) or PROTOCOL_NAMES.get(number, "").lower()
        traffic = {
            "start": row["first_at"],
            "end": row["last_at"],
            "src_ref": source,
            "dst_ref": target,
            "is_active": False,
            "src_port": row["subject_port"] if ports else None,
            "dst_port": row["peer_port"] if ports else None,
            "protocols": [
                f"ipv{ip_address(row['peer']).version}",
                *([name] if name else []),
            ],
            "src_byte_count": row["bytes_out"],
            "dst_byte_count": row["bytes_in"],
            "src_packets": row["packets_out"],
            "dst_packets": row["packets_in"],
        }
        found = self._add(stix2.v21.NetworkTraffic(**_known(traffic)))
        self._domain(
            stix2.v21.ObservedData,
            row["conversation_id"],
            first_observed=row["first_at"],
            last_observed=row["last_at"],
            number_observed=1,
            object_refs=[source, target, found],
            external_references=[
                {"source_name": "vpc-flow-trace", "external_id": row["conversation_id"]}
            ],
        )

    def add_technique(self, technique_id: str) -> None:
        """A technique of the story, and a note with the sentences that suggest it."""
        technique, acts = self._facts.techniques()[technique_id]
        found = self._domain(
            stix2.v21.AttackPattern,
            technique_id,
            name=technique.name,
            external_references=[
                {
                    "source_name": _MITRE,
                    "external_id": technique_id,
                    "url": url_of(technique_id),
                }
            ],
            kill_chain_phases=[{"kill_chain_name": _MITRE, "phase_name": technique.tactic_slug}],
        )
        self._domain(
            stix2.v21.Note,
            technique_id,
            abstract=f"What suggests {technique_id}",
            content="\n".join(f"{act.at[:19]}Z {act.sentence}" for act in acts),
            object_refs=[found],
        )

    def add_indicator(self, indicator: Indicator) -> None:
        """An address outside that the story names; a pattern of its address, nothing more."""
        self._address(indicator.address)
        kind = f"ipv{ip_address(indicator.address).version}-addr"
        found = self._domain(
            stix2.v21.Indicator,
            indicator.address,
            name=f"{indicator.address}: {', '.join(indicator.directions)} traffic",
            description=(
                f"{count_of(indicator.conversations, 'conversation', 'conversations')} with "
                f"{self._facts.subject} or a "
                f"machine on its path, {', '.join(indicator.services)}: {indicator.outcome}, "
                f"{indicator.standing}. {'; '.join(indicator.reasons)}"
            ),
            indicator_types=["anomalous-activity"],
            pattern=f"[{kind}:value = '{ip_address(indicator.address)}']",
            pattern_type="stix",
            valid_from=indicator.first_at,
        )
        for technique in indicator.techniques:
            self._domain(
                stix2.v21.Relationship,
                f"{indicator.address} {technique}",
                relationship_type="indicates",
                source_ref=found,
                target_ref=self._id("attack-pattern", technique),
            )

    def bundled(self) -> bytes:
        """Everything, with the report that names it all."""
        facts = self._facts
        reasons = "; ".join(facts.coverage_reasons)
        self._domain(
            stix2.v21.Report,
            facts.run_id,
            name=facts.title,
            description=(
                f"{facts.verdict}: {facts.sentence} Coverage {facts.coverage}"
                f"{f': {reasons}' if reasons else ''}. {NOT_SEEN}"
            ),
            report_types=["observed-data"],
            published=facts.finished_at,
            object_refs=list(self._found),
            external_references=list(self._references()),
        )
        made = stix2.v21.Bundle(
            list(self._found.values()), id=self._id("bundle", facts.manifest_sha256)
        )
        return str(made.serialize(pretty=True)).encode() + b"\n"

    def _references(self) -> Iterator[Mapping[str, str]]:
        facts = self._facts
        yield {
            "source_name": "vpc-flow-trace",
            "external_id": f"{facts.case_id}/{facts.run_id}",
            "description": f"SHA-256 of manifest.json: {facts.manifest_sha256}",
        }
        for finding_id in facts.finding_ids:
            yield {"source_name": "guardduty", "external_id": finding_id}

    def _address(self, text: str) -> str:
        address = ip_address(text)
        kind = stix2.v21.IPv4Address if address.version == 4 else stix2.v21.IPv6Address
        return self._add(kind(value=str(address)))

    def _domain(self, kind: Any, key: str, **properties: object) -> str:
        """An object that is no cyber-observable; its id is over case, run and key."""
        return self._add(
            kind(
                id=self._id(kind._type, key),
                created_by_ref=self._producer,
                created=self._facts.finished_at,
                modified=self._facts.finished_at,
                **properties,
            )
        )

    def _id(self, kind: str, key: str) -> str:
        facts = self._facts
        return f"{kind}--{uuid5(_NAMESPACE, f'{facts.case_id} {facts.run_id} {kind} {key}')}"

    def _add(self, found: Any) -> str:
        self._found.setdefault(found["id"], found)
        return str(found["id"])


def _known(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
