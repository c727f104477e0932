"""Text of a flag → its value; a ValueError says what was expected."""

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from jobs.storage.object_store import problem_of
from transforms import patterns
from transforms.network.addresses import canonical
from transforms.scan.formats import columns_of_format

# The aliases of cases, by shape, and the index patterns of dashboards.
_OF_CASES = ("flows-", "ecs-", "ocsf-", "story-")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def time(text: str) -> datetime:
    """A time with a zone, or `now`, `now-90m`, `now-25h`, `now-7d`, in whole seconds."""
    if match := re.fullmatch(r"now(?:-(\d{1,5})([mhd]))?", text):
        ago = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match[1] else timedelta(0)
        return datetime.now(UTC).replace(microsecond=0) - ago
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expected a time such as 2026-11-23T00:00:00Z or now-25h") from None
    if moment.tzinfo is None:
        raise ValueError(f"expected a zone; write {moment.isoformat()}Z if it is UTC")
    return moment


def items(text: str) -> tuple[str, ...]:
    """The parts between commas, without the spaces around them."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def uri(text: str) -> str:
    """A folder or `s3://bucket/prefix`, without credentials."""
    if problem := problem_of(text):
        raise ValueError(problem)
    return text


def uris(text: str) -> tuple[str, ...]:
    """One or more of them."""
    found = tuple(uri(item) for item in items(text))
    if not found:
        raise ValueError("expected a folder or s3://bucket/prefix")
    return found


def scope(text: str) -> str:
    """What is kept: one instance, or everything."""
    if text not in ("instance", "everything"):
        raise ValueError("expected instance or everything")
    return text


def case_id(text: str) -> str:
    """A name that is safe as a folder and as part of an index name."""
    if not re.fullmatch(patterns.CASE_ID, text):
        raise ValueError(
            f"expected 3 to {patterns.CASE_ID_LIMIT} lower-case letters, digits and dashes"
        )
    return text


def index_prefix(text: str) -> str:
    """The same for daily indices; those of cases, and the patterns of dashboards, are others."""
    if text == "flows" or text.startswith(_OF_CASES):
        raise ValueError("expected a name that does not begin as the indices of cases do")
    return case_id(text)


def run_id(text: str) -> str:
    """The id of a run, as the job prints it."""
    if not re.fullmatch(patterns.RUN_ID, text):
        raise ValueError(f"expected the id of a run, such as {patterns.RUN_ID_EXAMPLE}")
    return text


def id_of(kind: str) -> Callable[[str], str]:
    """A reader of AWS ids of this kind, such as `i` or `eni`."""

    def read(text: str) -> str:
        if not re.fullmatch(patterns.resource_id(kind), text):
            raise ValueError(f"expected {kind}- and 8 to 17 hex digits")
        return text

    return read


def is_instance_id(text: str) -> bool:
    """Whether it is the id of an instance, and not a name."""
    return re.fullmatch(patterns.resource_id("i"), text) is not None


def instances(text: str) -> tuple[str, ...]:
    """Ids of instances, or names that labels may know, each once."""
    if not (found := items(text)):
        raise ValueError("expected i- and 8 to 17 hex digits, or the name of an instance")
    return tuple(dict.fromkeys(found))


def interface_ids(text: str) -> tuple[str, ...]:
    """Ids of network interfaces."""
    return tuple(id_of("eni")(item) for item in items(text))


def addresses(text: str) -> tuple[str, ...]:
    """Addresses between commas, semicolons or spaces, in their shortest spelling."""
    found = [(item, canonical(item)) for item in re.split(r"[,;\s]+", text) if item]
    wrong = [ascii(item[:64]) for item, address in found if address is None]
    if wrong:
        raise ValueError(
            f"expected IPv4 or IPv6 addresses without a zone; {', '.join(wrong[:5])} is none"
        )
    return tuple(address for _, address in found if address is not None)


def endpoint_url(text: str) -> str:
    """A server without a password in its URL."""
    try:
        url = urlsplit(text)
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_url = False
    if "@" in text:
        raise ValueError("expected a URL without user and password")
    if not is_url:
        raise ValueError("expected http://host:port or https://host:port")
    if url.query or url.fragment:
        raise ValueError("expected a URL without a query")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def number_from(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers between two bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return read


def record_format(text: str) -> tuple[str, ...]:
    """Columns of objects without a header."""
    return columns_of_format(text)


def metrics(text: str) -> str:
    """How a run tells its figures to a machine: not at all, or in CloudWatch's format."""
    if text not in ("none", "emf"):
        raise ValueError("expected none or emf")
    return text


def kms_key(text: str) -> str:
    """The ARN, id or alias of a KMS key."""
    arn = rf"{patterns.KMS_KEY}[\w/:-]{{1,256}}"
    name = r"(?:mrk-)?[0-9a-f-]{32,36}|alias/[\w/:-]{1,250}"
    if not re.fullmatch(f"{arn}|{name}", text, re.ASCII):
        raise ValueError("expected the ARN or the id of a KMS key, or alias/NAME")
    return text


def role_arn(text: str) -> str:
    """The ARN of a role, of any partition."""
    if not re.fullmatch(patterns.ROLE_ARN, text):
        raise ValueError("expected arn:aws:iam::ACCOUNT:role/NAME")
    return text


def boolean(text: str) -> bool:
    """true or false, spelled like that."""
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"
