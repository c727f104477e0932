"""What the readers of each format demand, by the formats' own libraries where there are any."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import stix2
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from stix2validator import ValidationOptions, validate_string


def check_timeline(events: list[dict[str, Any]]) -> None:
    """What Timesketch's guide "Import from JSON or CSV" demands of each line."""
    for event in events:
        assert event["message"]
        assert event["timestamp_desc"]
        offset = datetime.fromisoformat(event["datetime"]).utcoffset()
        assert offset is not None
        assert not offset
        assert all(isinstance(value, (str, int, bool)) for value in event.values())


def valid_bundle(text: str) -> list[dict[str, Any]]:
    """The objects of a bundle that OASIS's schemas and the library take, patterns included.

    Allowed is what STIX advises against and we cannot help or chose: ids of SDOs that are no UUIDv4
    (103), ICMP without ports (301), ATT&CK's URLs without a hash (302).
    """
    options = ValidationOptions(version="2.1", strict=True, disabled=["103", "301", "302"])
    result = validate_string(text, options)
    assert result.is_valid, [str(error) for error in result.errors]
    stix2.parse(text, allow_custom=False)
    objects: list[dict[str, Any]] = json.loads(text)["objects"]
    return objects


# OCSF 1.5.0, class detection_finding and its objects, as published: every attribute that may be
# used here; those that must be there end in an exclamation mark.
OCSF = {
    "": "activity_id! activity_name category_uid! category_name class_uid! class_name type_uid! "
        "type_name time! start_time end_time severity_id! severity status_id status message "
        "metadata! finding_info! resources evidences observables unmapped",
    "metadata": "version! uid product!",
    "metadata.product": "name vendor_name version",
    "finding_info": "uid! title! desc types created_time data_sources analytic attacks "
                    "related_events",
    "finding_info.analytic": "uid name type_id! type",
    "finding_info.attacks": "tactic technique sub_technique",
    "finding_info.attacks.tactic": "uid name",
    "finding_info.attacks.technique": "uid name src_url",
    "finding_info.attacks.sub_technique": "uid name src_url",
    "finding_info.related_events": "uid!",
    "resources": "uid name type",
    "evidences": "name src_endpoint dst_endpoint connection_info data",
    "evidences.src_endpoint": "ip name port",
    "evidences.dst_endpoint": "ip name port",
    "evidences.connection_info": "protocol_num direction_id!",
    "observables": "name! type_id! type value",
}  # fmt: skip
OCSF_FREE = {"unmapped", "evidences.data"}


def _check(fields: Mapping[str, str], value: object, where: str = "") -> None:
    """No attribute is unknown, and none is missing."""
    if where in OCSF_FREE:
        return
    if isinstance(value, list):
        for item in value:
            _check(fields, item, where)
    elif isinstance(value, Mapping):
        names = fields[where].split()
        assert not value.keys() - {name.rstrip("!") for name in names}, where
        assert {name[:-1] for name in names if name.endswith("!")} <= value.keys(), where
        for name, inner in value.items():
            _check(fields, inner, f"{where}.{name}".lstrip("."))


# ATT&CK Navigator, "Layer File Format Definition" 4.5: its fields, by object.
LAYER = {
    "": "versions name! description domain! customDataURL filters sorting layout hideDisabled "
        "techniques gradient legendItems showTacticRowBackground tacticRowBackground "
        "selectTechniquesAcrossTactics selectSubtechniquesWithParent selectVisibleTechniques "
        "metadata links",
    "versions": "attack navigator! layer!",
    "layout": "layout showID showName showAggregateScores countUnscored aggregateFunction "
              "expandedSubtechniques",
    "techniques": "techniqueID! tactic comment enabled score color metadata links "
                  "showSubtechniques",
    "techniques.metadata": "name! value!",
    "legendItems": "label! color!",
    "metadata": "name! value!",
}  # fmt: skip


def check_finding(found: dict[str, Any]) -> None:
    """The models of OCSF take it; they ignore what they do not know, the list above does not."""
    DetectionFinding.model_validate(found)
    _check(OCSF, found)


def check_layer(found: dict[str, Any]) -> None:
    """There is no schema of layers, only the list of their fields."""
    _check(LAYER, found)
    assert (found["domain"], found["versions"]["layer"]) == ("enterprise-attack", "4.5")
