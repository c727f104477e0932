"""Prefixes of flow logs with a place for the account and the region: AWSLogs/{account}/… ."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transforms import patterns

ACCOUNT, REGION = "{account}", "{region}"


class Home(NamedTuple):
    """Where something of AWS is: its account, and the region."""

    account_id: str
    region: str


def home_of(account_id: object, region: object) -> Home | None:
    """The home that two texts name; None where one of them is no account id or no region."""
    account, place = str(account_id).strip(), str(region).strip()
    is_one = re.fullmatch(patterns.ACCOUNT_ID, account) and re.fullmatch(patterns.REGION, place)
    return Home(account, place) if is_one else None


_INSTANCE_ARN = re.compile(rf"arn:aws[a-z-]*:ec2:({patterns.REGION}):({patterns.ACCOUNT_ID}):.*")


def home_in(arn: object) -> Home | None:
    """The home that the ARN of an instance or an interface names; None for any other text."""
    found = _INSTANCE_ARN.fullmatch(str(arn))
    return Home(found[2], found[1]) if found else None


def has_places(prefix: str) -> bool:
    """Whether an account or a region is to be filled in."""
    return ACCOUNT in prefix or REGION in prefix


def filled(prefixes: Sequence[str], homes: Iterable[Home]) -> tuple[str, ...]:
    """The prefixes for these homes, each once; those without a place as they are."""
    every = list(homes)
    return tuple(
        dict.fromkeys(
            text
            for prefix in prefixes
            for text in (
                [prefix.replace(ACCOUNT, a).replace(REGION, r) for a, r in every]
                if has_places(prefix)
                else [prefix]
            )
        )
    )
