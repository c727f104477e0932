"""Where an address lies, seen from the subject: its ring."""

import ipaddress
from collections.abc import Iterable
from enum import IntFlag
from typing import NamedTuple

from transforms.label.attribution import INTERNAL, Answer
from transforms.network.addresses import is_private, is_reserved
from transforms.vocabulary import Ring

_PREFIX_BITS = 64  # a subnet of IPv6 in a VPC is a /64


class Home(NamedTuple):
    """The subject's VPCs, and the first halves of its own IPv6 addresses, which name their /64."""

    vpc_ids: tuple[str, ...] = ()
    prefixes: tuple[int, ...] = ()


class Range(IntFlag):
    """What the range of an address says of it."""

    PUBLIC = 0
    RESERVED = 1
    PRIVATE = 2
    HOME = 4  # a /64 of the subject


def home_of(vpc_ids: Iterable[str], addresses: Iterable[str]) -> Home:
    """The home of a subject of these VPCs and addresses."""
    parsed = (ipaddress.ip_address(address) for address in addresses)
    prefixes = {
        int(address) >> _PREFIX_BITS
        for address in parsed
        if address.version == 6 and not address.is_link_local
    }
    return Home(tuple(dict.fromkeys(vpc_ids)), tuple(sorted(prefixes)))


def is_at_home(number: int, home: Home) -> bool:
    """Whether an IPv6 address, as a number, is in a /64 of the subject."""
    return number >> _PREFIX_BITS in home.prefixes


def ring_of(answer: Answer, by_range: Range, home: Home) -> Ring:
    """The ring of an end: who it is by the labels, and what its range says.

    A public range of a VPC is inside where labels know it. What labels cannot tell apart (two VPCs
    use the range) is of no VPC for certain.
    """
    if answer.vpc_id in home.vpc_ids or Range.HOME in by_range:
        return Ring.OWN_VPC
    if answer.vpc_id is not None:
        return Ring.OTHER_VPC
    if answer.scope == Ring.AWS_SERVICE:
        return Ring.AWS_SERVICE
    if Range.RESERVED in by_range:
        return Ring.RESERVED
    if Range.PRIVATE in by_range:
        return Ring.PRIVATE_UNKNOWN
    return Ring.OTHER_VPC if answer.scope == INTERNAL else Ring.INTERNET


def ring_by_range(key: str) -> str:
    """SQL text: the ring of an address key that no label knows."""
    return f"""
        CASE WHEN {is_reserved(key)} THEN '{Ring.RESERVED.value}'
             WHEN {is_private(key)} THEN '{Ring.PRIVATE_UNKNOWN.value}'
             ELSE '{Ring.INTERNET.value}' END"""
