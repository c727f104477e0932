"""A key of an object → account, region, flow log id and time stamp; and what the key rules out.

AWS, "Publish flow logs to Amazon S3":
`<account>_vpcflowlogs_<region>_<flow-log-id>_<YYYYMMDDTHHmmZ>_<hash>.log.gz`.

A key never says that an object holds flow logs: its first bytes do. A key can only say that an
object is AWS's and of another time or service.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from transforms import patterns
from transforms.window import Window

_NAMED = "vpcflowlogs"
OUTSIDE_BY_SLOT = "the slot in its name is outside the padded window"
OUTSIDE_BY_DATE = "its date is outside the padded window"
OTHER_SERVICE = "it belongs to another AWS service"


class FlowLogKey(NamedTuple):
    """What the name of an object says; `slot_at` is the start of its five-minute slot, in UTC."""

    account_id: str
    region: str
    flow_log_id: str
    slot_at: datetime


def parse_key(key: str) -> FlowLogKey | None:
    """Read the file name from the right, as ids may gain parts; None if it is not AWS's."""
    name = key.rsplit("/", 1)[-1]
    stem, _, ending = name.partition(".")
    parts = stem.rsplit("_", 2)
    if ending not in ("log.gz", "log.parquet", "log") or len(parts) != 3:
        return None
    front, slot_at = _front_of(parts[0]), _slot_of(parts[1])
    if front is None or slot_at is None:
        return None
    return FlowLogKey(*front, slot_at)


# Millions of keys have a few hundred stamps and thousands of flow logs between them.
_REMEMBERED = 16_384


@lru_cache(_REMEMBERED)
def _front_of(text: str) -> tuple[str, str, str] | None:
    """Account, region and flow log id."""
    parts = text.split("_")
    return (parts[0], parts[2], parts[3]) if len(parts) == 4 and parts[1] == _NAMED else None


@lru_cache(_REMEMBERED)
def _slot_of(stamp: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{4}Z", stamp):
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None


# The folders and the part of the name by which AWS's services tell their logs apart; a closed list,
# so that nothing of one's own is taken for one of them. AWS, "Sample log file names" of each.
_OTHER_SERVICES = (
    "CloudTrail",
    "CloudTrail-Aggregated",
    "CloudTrail-Digest",
    "CloudTrail-Insight",
    "Config",
    "elasticloadbalancing",
    "globalaccelerator",
    "GuardDuty",
    "network-firewall",
    "redshift",
    "vpcdnsquerylogs",
    "vpcblockpublicaccess",
    "WAFLogs",
)
_OTHER_NAME = re.compile(
    rf"[0-9]{{12}}_(?:{'|'.join(_OTHER_SERVICES)})_{patterns.REGION}_.*[0-9]{{8}}T[0-9]{{4,6}}Z"
)


def reason_to_skip(key: str, window: Window) -> str | None:
    """Why an object of this key need not be read for the window; None when it has to be.

    A name without AWS's stamp says nothing of time, and a name nothing of content.
    """
    parsed = parse_key(key)
    folder, _, name = key.rpartition("/")
    if parsed is None:
        is_other = _is_of_other_service(folder) or _OTHER_NAME.match(name)
        return OTHER_SERVICE if is_other else None
    return None if _may_hold(window, parsed.slot_at) else OUTSIDE_BY_SLOT


@lru_cache(_REMEMBERED)
def _may_hold(window: Window, slot_at: datetime) -> bool:
    return window.may_hold(slot_at, slot_at)


def reason_to_leave(folder: str, window: Window) -> str | None:
    """Why a folder need not be listed for the window; None when it has to be."""
    covered = folder_time(folder)
    if covered is not None and not window.may_hold(*covered):
        return OUTSIDE_BY_DATE
    if _is_of_other_service(folder):
        return OTHER_SERVICE
    return None


_ACCOUNT = re.compile(rf"(?:aws-account-id=)?{patterns.ACCOUNT_ID}")
_SERVICE = ("vpcflowlogs", "aws-service=vpcflowlogs", "service=vpcflowlogs")
_REGION_PART = re.compile(rf"(?:aws-region=)?{patterns.REGION}")


def _parts(folder: str) -> list[str]:
    return folder.strip("/").split("/")


def _service_of_account(parts: Sequence[str]) -> int | None:
    """Where the service stands in the last `AWSLogs/[organisation/]<account>/<service>/`."""
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == "AWSLogs":
            for account in (at + 1, at + 2):
                if account < len(parts) and _ACCOUNT.fullmatch(parts[account]):
                    return account + 1 if account + 1 < len(parts) else None
    return None


@lru_cache(_REMEMBERED)
def _is_of_other_service(folder: str) -> bool:
    parts = _parts(folder)
    service = _service_of_account(parts)
    if service is None:
        return False
    name = parts[service].removeprefix("aws-service=").removeprefix("service=")
    return name in _OTHER_SERVICES


def folder_time(folder: str) -> tuple[datetime, datetime] | None:
    """First and last instant of a dated folder; None where its parts are no date for certain.

    `…/AWSLogs/<account>/vpcflowlogs/eu-west-1/2026/11/` covers November, and Hive parts
    (`year=2026/…`) count alike. Below a service folder without `AWSLogs` only a region and a whole
    date count: such folders may be of a person's own naming, above the layout that AWS writes.
    """
    parts = _parts(folder)
    service = _service_of_account(parts)
    if service is not None and parts[service] in _SERVICE:
        has_region = len(parts) > service + 1 and bool(_REGION_PART.fullmatch(parts[service + 1]))
        return _dates_to_range(_numbers(parts[service + 1 + has_region :]))
    if "AWSLogs" in parts:
        return None
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] in _SERVICE:
            numbers = _numbers(parts[at + 2 :]) if _REGION_PART.fullmatch(parts[at + 1]) else []
            return _dates_to_range(numbers) if len(numbers) >= 3 else None
    return None


_PLAIN_DATE = (r"2[0-9]{3}", r"[0-9]{2}", r"[0-9]{2}", r"[0-9]{2}")
_HIVE_DATE = ("year=", "month=", "day=", "hour=")
# Flow logs exist since 2015.
_FIRST_YEAR, _LAST_YEAR = 2015, 2100


def _numbers(parts: Sequence[str]) -> list[int]:
    """Year, month, day and hour, as many of them as stand there in this order."""
    numbers: list[int] = []
    is_hive = bool(parts) and parts[0].startswith("year=")
    for part, plain, hive in zip(parts, _PLAIN_DATE, _HIVE_DATE, strict=False):
        digits = part.removeprefix(hive) if is_hive and part.startswith(hive) else part
        pattern = r"[0-9]{1,4}" if is_hive else plain
        if (is_hive and digits == part) or not re.fullmatch(pattern, digits):
            break
        numbers.append(int(digits))
    return numbers


def _dates_to_range(numbers: Sequence[int]) -> tuple[datetime, datetime] | None:
    if not numbers or not _FIRST_YEAR <= numbers[0] <= _LAST_YEAR:
        return None
    try:
        if len(numbers) == 4:
            first = datetime(numbers[0], numbers[1], numbers[2], numbers[3], tzinfo=UTC)
            return first, first.replace(minute=59, second=59)
        year, month, day = [*numbers, 1, 1][:3]
        first = datetime(year, month, day, tzinfo=UTC)
        if len(numbers) == 3:
            return first, first.replace(hour=23, minute=59, second=59)
        if len(numbers) == 2:
            year, month = divmod(first.year * 12 + first.month, 12)
            return first, datetime(year, month + 1, 1, tzinfo=UTC)
        return first, datetime(first.year + 1, 1, 1, tzinfo=UTC)
    except ValueError:
        return None


# Fields by which tables of flow logs are partitioned, and what their values look like: then the
# folder holds the value, not the object. Nothing else that a folder says becomes a record's value.
_PARTITIONS = {
    "account_id": patterns.ACCOUNT_ID,
    "region": patterns.REGION,
    "vpc_id": r"vpc-[0-9a-f]+",
    "subnet_id": r"subnet-[0-9a-f]+",
    "interface_id": r"eni-[0-9a-f]+",
    "instance_id": r"i-[0-9a-f]+",
    "az_id": r"[a-z]{3,4}[0-9]-az[0-9]+",
    "action": r"ACCEPT|REJECT",
    "log_status": r"OK|NODATA|SKIPDATA",
    "flow_direction": r"ingress|egress",
}


def partitions_of(key: str) -> dict[str, str]:
    """The fields of flow logs that the folders of a key hold, as `…/action=REJECT/…` does."""
    if "=" not in key:
        return {}
    pairs = (part.partition("=") for part in key.split("/")[:-1])
    named = {name.replace("-", "_"): value for name, _, value in pairs}
    return {
        name: value
        for name, value in named.items()
        if name in _PARTITIONS and re.fullmatch(_PARTITIONS[name], value)
    }
