"""One realistic record; a test states only what differs from it."""

COLUMNS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status vpc-id subnet-id instance-id tcp-flags pkt-srcaddr pkt-dstaddr "
    "flow-direction"
).split()
BASE = dict(
    zip(
        COLUMNS,
        (
            "5 111122223333 eni-0aaaaaaaaaaaaaaaa 10.0.0.7 10.0.0.9 49152 22 6 10 840 1763892000 "
            "1763892059 ACCEPT OK vpc-0aaaaaaaaaaaaaaaa subnet-0aaaaaaaaaaaaaaaa "
            "i-0aaaaaaaaaaaaaaaa 2 10.0.0.7 10.0.0.9 egress"
        ).split(),
        strict=True,
    )
)


def flow_line(**differs: str) -> bytes:
    """A line of COLUMNS, with some values replaced (names with `_` for `-`)."""
    values = {**BASE, **{name.replace("_", "-"): value for name, value in differs.items()}}
    assert len(values) == len(COLUMNS)
    return " ".join(values.values()).encode() + b"\n"
