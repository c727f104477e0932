"""What a story calls a technique is one that ATT&CK has."""

import re

from tests.support.paths import ROOT
from transforms.attack import MOVEMENT, PARENTS, TECHNIQUES, url_of


def test_every_technique_of_a_story_has_its_name_and_tactic() -> None:
    text = "".join((ROOT / f"transforms/{name}.py").read_text() for name in ("story", "movement"))

    assert set(re.findall(r"T\d{4}(?:\.\d{3})?", text)) | set(MOVEMENT.values()) == set(TECHNIQUES)


def test_a_sub_technique_has_its_parent_and_its_page() -> None:
    assert {name.partition(".")[0] for name in TECHNIQUES if "." in name} == set(PARENTS)
    assert url_of("T1021.004") == "https://attack.mitre.org/techniques/T1021/004"
    assert TECHNIQUES["T1071"].tactic_slug == "command-and-control"
