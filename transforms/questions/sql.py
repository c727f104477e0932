"""Conditions, columns and orders that the SQL of several questions shares."""

from transforms.network.protocols import ICMP, ICMPV6, WITH_PORTS
from transforms.vocabulary import (
    BLOCKED_OUTCOMES,
    FAILED_OUTCOMES,
    REACHED_OUTCOMES,
    Initiator,
    Ring,
    Standing,
    is_inside,
    outcome_rank,
    sql_list,
)

PEER_COLUMNS = """peer, peer_name, peer_subnet_name, peer_vpc_name, protocol, service_port,
    service_class, outcome, attempts, blocked_src, blocked_dst, no_answer, refused, answered, data,
    first_at, last_at, bytes_out, bytes_in, is_new_peer, is_new_service, standing,
    equals, crowd, points"""

BY_SUBJECT = f"initiator = '{Initiator.SUBJECT}'"
BY_PEER = f"initiator = '{Initiator.PEER}'"
IS_INSIDE = is_inside()
IS_OUTSIDE = f"peer_ring IN ({sql_list((Ring.AWS_SERVICE, Ring.INTERNET))})"
# A private address that no label knows may be a machine of somebody else: it counts as both.
IS_BEYOND = f"peer_ring IN ({sql_list((Ring.AWS_SERVICE, Ring.INTERNET, Ring.PRIVATE_UNKNOWN))})"
IS_UNKNOWN_PRIVATE = f"peer_ring = '{Ring.PRIVATE_UNKNOWN}'"
HAS_FAILED = f"outcome IN ({sql_list(FAILED_OUTCOMES)})"
HAS_REACHED = f"outcome IN ({sql_list(REACHED_OUTCOMES)})"
WAS_BLOCKED = f"outcome IN ({sql_list(BLOCKED_OUTCOMES)})"
# In every list what is ordinary comes last, and before it what nothing tells of but that others do
# it as well.
LEAST_USUAL_FIRST = f"""CASE WHEN standing = '{Standing.ORDINARY}' THEN 2
    WHEN standing = '{Standing.UNKNOWN}' AND coalesce(crowd, 0) + coalesce(equals, 0) > 0 THEN 1
    ELSE 0 END"""
STRONGEST_FIRST = f"{outcome_rank()} DESC"

# What the subject began inside, whoever is expected.
ATTEMPT = f"hop = 1 AND {BY_SUBJECT} AND {IS_INSIDE}"

SECONDS = "unix_timestamp(last_at) - unix_timestamp(first_at)"

HAS_PORTS = f"protocol IN ({', '.join(map(str, WITH_PORTS))})"
IS_ICMP = f"protocol IN ({ICMP}, {ICMPV6})"


def whole_sum(column: str) -> str:
    """SQL text: a sum that is unknown where a part of it is."""
    return f"IF(count_if({column} IS NULL) > 0, NULL, sum({column}))"
