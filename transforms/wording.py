"""Values as a person reads them in a sentence."""

from collections.abc import Mapping

from transforms.vocabulary import Initiator


def peer_of(row: Mapping[str, object]) -> str:
    """A peer: its address, with its name where it has one."""
    name = row.get("peer_name")
    return f"{row['peer']} ({name})" if name else str(row["peer"])


def at_port(row: Mapping[str, object]) -> str:
    """At which service port; where nobody knows who began, no port is one."""
    port = row.get("service_port")
    return f"at port {port}" if port is not None else "at ports of which none is known to serve"


def begun_by(row: Mapping[str, object], when: str = "") -> str:
    """Who began, and when, where that is told here."""
    who = row.get("initiator")
    if who in (Initiator.SUBJECT, Initiator.PEER):
        return f"begun by the {who}{when}"
    return f"and nobody knows who began{',' if when else ''}{when}"


def number_of(row: Mapping[str, object], name: str) -> int:
    """A number of a row of JSON, which leaves out what is unknown; then 0."""
    return int(str(row.get(name) or 0))


def count_of(number: int, one: str, many: str) -> str:
    """So many of something: 1 address, 1,169 addresses."""
    return f"{number:,} {one if number == 1 else many}"


def size(octets: int) -> str:
    """A number of octets, in the unit that fits."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= scale:
            return f"{octets / scale:.1f} {unit}"
    return f"{octets} bytes"


def moment(text: object) -> str:
    """A time of a row of JSON, in UTC to the second."""
    return str(text)[:19].replace("T", " ")


def duration(seconds: int) -> str:
    """A length of time, in the unit that fits: 40 s, 12 min, 5.0 h."""
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds / 3600:.1f} h"
