"""The techniques of a case as a layer of the ATT&CK Navigator, format 4.5."""

from transforms.acts import Act
from transforms.exports.case_facts import NOT_SEEN, CaseFacts, CaseSource
from transforms.exports.plain import document


def navigator_layer(case: CaseSource) -> bytes:
    """The layer: each technique that the story names, with the sentences that it rests on."""
    facts = case.facts
    return document(
        {
            "name": f"{facts.case_id}: {facts.subject}"[:100],
            "versions": {"layer": "4.5", "navigator": "5.0.0"},
            "domain": "enterprise-attack",
            "description": f"{facts.title} {facts.verdict}: {facts.sentence} {NOT_SEEN}",
            "layout": {"layout": "side", "showID": True, "expandedSubtechniques": "annotated"},
            "hideDisabled": False,
            "techniques": [
                {
                    "techniqueID": technique_id,
                    "tactic": technique.tactic_slug,
                    "comment": "\n".join(f"{act.at[:19]}Z {act.sentence}" for act in acts),
                    "color": "#e6550d",
                    "enabled": True,
                    "metadata": _basis(acts),
                }
                for technique_id, (technique, acts) in facts.techniques().items()
            ],
            "legendItems": [{"label": "suggested by flow records", "color": "#e6550d"}],
            "metadata": _stamp(facts),
        }
    )


def _basis(acts: list[Act]) -> list[dict[str, str]]:
    found = [{"name": "basis", "value": act.source} for act in acts]
    found += [{"name": "address", "value": act.address} for act in acts if act.address]
    return [dict(pair) for pair in dict.fromkeys(tuple(each.items()) for each in found)]


def _stamp(facts: CaseFacts) -> list[dict[str, str]]:
    named = {**facts.stamp, "verdict": facts.verdict, "coverage": facts.coverage}
    return [{"name": name, "value": value} for name, value in named.items()]
