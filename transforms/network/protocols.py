"""IANA protocol numbers and their names."""

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
PROTOCOL_NUMBERS = {
    "ICMP": ICMP, "TCP": TCP, "UDP": UDP, "GRE": 47, "ESP": 50, "ICMPV6": ICMPV6, "SCTP": 132,
}  # fmt: skip
PROTOCOL_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items()}
WITH_PORTS = (TCP, UDP)


def service_name(protocol: object, port: object) -> str:
    """`tcp 443`, or the protocol alone where it has no ports."""
    known = PROTOCOL_NAMES.get(int(protocol)) if str(protocol).isdigit() else None  # type: ignore[call-overload]
    name = known.lower() if known else str(protocol)
    return f"{name} {port}" if known in ("TCP", "UDP") and port is not None else name
