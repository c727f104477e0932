"""Where an address lies, seen from the subject: its ring."""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from pyspark.sql import Column
from pyspark.sql import functions as F

from transforms.network.addresses import is_private, is_reserved
from transforms.vocabulary import Ring

_PREFIX_DIGITS = 16  # a subnet of IPv6 in a VPC is a /64


class Home(NamedTuple):
    """The subject's VPCs, and the keys of the /64 networks that its own addresses are in."""

    vpc_ids: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


def home_of(vpc_ids: Iterable[str], addresses: Iterable[str]) -> Home:
    """The home of a subject of these VPCs and addresses."""
    parsed = (ipaddress.ip_address(address) for address in addresses)
    keys = {
        f"{int(address):032x}"[:_PREFIX_DIGITS]
        for address in parsed
        if address.version == 6 and not address.is_link_local
    }
    return Home(tuple(dict.fromkeys(vpc_ids)), tuple(sorted(keys)))


def ring_of(end: str, key: str, home: Home) -> Column:
    """The ring of an end: `end` is its attribution (`attribution.ANSWER`), `key` its address key.

    A public range of a VPC is inside where labels know it. What labels cannot tell apart (two VPCs
    use the range) is of no VPC for certain.
    """
    vpc_id, scope = F.col(f"{end}.vpc_id"), F.col(f"{end}.scope")
    is_home = vpc_id.isin(*home.vpc_ids) if home.vpc_ids else F.lit(False)
    if home.prefixes:
        prefix = F.substring(key, 1, _PREFIX_DIGITS)
        is_home |= (F.length(key) == 32) & prefix.isin(*home.prefixes)
    return (
        F.when(scope.isNull(), None)
        .when(is_home, Ring.OWN_VPC.value)
        .when(vpc_id.isNotNull(), Ring.OTHER_VPC.value)
        .when(scope == Ring.AWS_SERVICE.value, Ring.AWS_SERVICE.value)
        .when(scope == "internal", F.expr(ring_by_range(key, Ring.OTHER_VPC)))
        .otherwise(F.expr(ring_by_range(key)))
    )


def ring_by_range(key: str, otherwise: Ring = Ring.INTERNET) -> str:
    """SQL text: the ring of an address key that no label knows."""
    return f"""
        CASE WHEN {is_reserved(key)} THEN '{Ring.RESERVED.value}'
             WHEN {is_private(key)} THEN '{Ring.PRIVATE_UNKNOWN.value}'
             ELSE '{otherwise.value}' END"""
