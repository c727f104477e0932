"""A key of a flow-log object → account, region, flow log id and time stamp.

AWS, "Publish flow logs to Amazon S3":
`<account>_vpcflowlogs_<region>_<flow-log-id>_<YYYYMMDDTHHmmZ>_<hash>.log.gz`.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from transforms.window import Window


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
    front = parts[0].split("_")
    slot_at = _slot_of(parts[1])
    if len(front) != 4 or front[1] != "vpcflowlogs" or slot_at is None:
        return None
    return FlowLogKey(front[0], front[2], front[3], slot_at)


def _slot_of(stamp: str) -> datetime | None:
    if not re.fullmatch(r"\d{8}T\d{4}Z", stamp):
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None


# `<account>_<service>_…`, as CloudTrail, Config, load balancers and others name their objects.
_FOREIGN_NAME = re.compile(r"\d{12}_(?!vpcflowlogs_)[A-Za-z]")


def _name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


_READABLE = (".log", ".gz", ".parquet")


def reason_to_skip(key: str, window: Window) -> str | None:
    """Why an object of this key need not be read for the window; None when it has to be.

    A name without AWS's stamp, as exports have, says nothing of time, so such objects are read.
    """
    parsed = parse_key(key)
    if _is_foreign(key.rpartition("/")[0]) or (parsed is None and _FOREIGN_NAME.match(_name(key))):
        return "it belongs to another AWS service"
    if parsed is None:
        return None if key.endswith(_READABLE) else "its name is not that of a flow log object"
    if not window.may_hold(parsed.slot_at, parsed.slot_at):
        return "the slot in its name is outside the padded window"
    return None


def reason_to_leave(folder: str, window: Window) -> str | None:
    """Why a folder need not be listed for the window; None when it has to be."""
    covered = _folder_time(folder)
    if covered is not None and not window.may_hold(*covered):
        return "its date is outside the padded window"
    if _is_foreign(folder):
        return "it belongs to another AWS service"
    return None


_ACCOUNT = re.compile(r"(?:aws-account-id=)?\d{12}")
_SERVICE = ("vpcflowlogs", "aws-service=vpcflowlogs", "service=vpcflowlogs")


def _is_foreign(folder: str) -> bool:
    parts = folder.strip("/").split("/")
    if "AWSLogs" not in parts:
        return False
    behind = parts[parts.index("AWSLogs") + 1 :]
    accounts = [at for at, part in enumerate(behind[:2]) if _ACCOUNT.fullmatch(part)]
    service = behind[accounts[0] + 1 : accounts[0] + 2] if accounts else []
    return bool(service) and service[0] not in _SERVICE


_DATE_PART = re.compile(r"(?:(year|month|day|hour)=)?(\d{2}|\d{4})")


def _folder_time(folder: str) -> tuple[datetime, datetime] | None:
    """First and last instant of a dated folder, from the parts behind the region; else None.

    `…/vpcflowlogs/eu-west-1/2026/11/` covers November; Hive parts (`year=2026/…`) count alike.
    """
    parts = folder.strip("/").split("/")
    for at, part in enumerate(parts):
        if part in _SERVICE:
            return _dates_to_range(parts[at + 2 :])
    return None


def _dates_to_range(parts: list[str]) -> tuple[datetime, datetime] | None:
    numbers = []
    for part in parts[:4]:
        match = _DATE_PART.fullmatch(part)
        if match is None:
            break
        numbers.append(int(match.group(2)))
    if not numbers:
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
