"""An act of a story, and the words that all acts share."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from transforms.text import sanitise

_SERVICES = {
    22: "SSH", 23: "Telnet", 135: "RPC", 139: "SMB", 445: "SMB", 3389: "RDP", 5900: "VNC",
    5985: "WinRM", 5986: "WinRM", 3306: "MySQL", 5432: "PostgreSQL", 1433: "SQL Server",
}  # fmt: skip


class Act(NamedTuple):
    """One thing that happened: when, a sentence, and a clause for the headline (or none).

    `technique` is an ATT&CK id, `source` the question or table that it was told from. `until` is
    when it ended, empty where that is not known; `name` is the act in a few words, `address` that
    of the other end, empty where there are several.
    """

    at: str
    sentence: str
    clause: str
    technique: str
    source: str
    until: str = ""
    name: str = ""
    address: str = ""

    def line(self) -> str:
        """The act as a line of the story."""
        technique = f" [{self.technique}]" if self.technique else ""
        return f"{self.at[11:16]} {self.sentence}{technique}"


def name_of(row: Mapping[str, object]) -> str:
    """The name of a row's peer, else its address."""
    return sanitise(str(row.get("peer_name") or row["peer"]), 60)


def service_at(port: object) -> str:
    """What is usually at a port, else the port; None where the protocol has no ports."""
    number = int(str(port)) if port is not None else None
    return _SERVICES.get(number or -1, f"port {number}" if number else "a protocol without ports")


def text_of(moment_: datetime) -> str:
    """A time as the rows of answers have it."""
    return f"{moment_:%Y-%m-%dT%H:%M:%S}"
