"""MITRE ATT&CK, Enterprise: what flow records suggest, never what was done there."""

from typing import NamedTuple


class Technique(NamedTuple):
    """A technique as ATT&CK names it, with the tactic that it serves in a story."""

    name: str
    tactic: str
    tactic_id: str

    @property
    def tactic_slug(self) -> str:
        """The tactic as layers and kill chains spell it."""
        return self.tactic.lower().replace(" ", "-")


# The technique that a port suggests which answered.
MOVEMENT = {
    22: "T1021.004", 3389: "T1021.001", 445: "T1021.002", 139: "T1021.002", 5985: "T1021.006",
    5986: "T1021.006", 5900: "T1021.005", 135: "T1021.003",
}  # fmt: skip
_LATERAL = ("Lateral Movement", "TA0008")
TECHNIQUES = {
    "T1021.001": Technique("Remote Desktop Protocol", *_LATERAL),
    "T1021.002": Technique("SMB/Windows Admin Shares", *_LATERAL),
    "T1021.003": Technique("Distributed Component Object Model", *_LATERAL),
    "T1021.004": Technique("SSH", *_LATERAL),
    "T1021.005": Technique("VNC", *_LATERAL),
    "T1021.006": Technique("Windows Remote Management", *_LATERAL),
    "T1046": Technique("Network Service Discovery", "Discovery", "TA0007"),
    "T1048": Technique("Exfiltration Over Alternative Protocol", "Exfiltration", "TA0010"),
    "T1071": Technique("Application Layer Protocol", "Command and Control", "TA0011"),
    "T1110": Technique("Brute Force", "Credential Access", "TA0006"),
    "T1133": Technique("External Remote Services", "Initial Access", "TA0001"),
}
# Names of techniques that have sub-techniques above: a sub-technique is told with its parent.
PARENTS = {"T1021": "Remote Services"}


def url_of(technique: str) -> str:
    """The page of a technique: T1021.004 → …/techniques/T1021/004."""
    return f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}"
