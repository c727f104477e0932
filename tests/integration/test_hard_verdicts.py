"""Small days on which an attacker, or the format, hides what the subject did; one Spark for all."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from jobs.trace_instance import main

FROM = 1_795_399_200  # 2026-11-23 02:00:00 UTC
VERSION_5 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status vpc-id instance-id tcp-flags flow-direction"
)
VERSION_3 = VERSION_5.removesuffix(" flow-direction")
NO_VOLUME = (
    "version interface-id srcaddr dstaddr srcport dstport protocol start end action log-status"
)
OWN = "10.20.1.13"
ENI, INSTANCE = "eni-0a1b2c3d4e5f60718", "i-0a1b2c3d4e5f60718"
FL = "fl-0aaaabbbbccccdddd"


def line(
    at: int, source: str, target: str, ports: tuple[int, int], *, packets: int = 10,
    octets: int = 5_000, flags: object = 0, protocol: int = 6, action: str = "ACCEPT",
    fields: str = VERSION_5,
) -> str:  # fmt: skip
    values: Mapping[str, object] = {
        "version": 5, "account-id": "111122223333", "interface-id": ENI, "srcaddr": source,
        "dstaddr": target, "srcport": ports[0], "dstport": ports[1], "protocol": protocol,
        "packets": packets, "bytes": octets, "start": FROM + at, "end": FROM + at + 50,
        "action": action, "log-status": "OK", "vpc-id": "vpc-0d0d0d0d0d0d0d0d1",
        "instance-id": INSTANCE, "tcp-flags": flags,
        "flow-direction": "egress" if source == OWN else "ingress",
    }  # fmt: skip
    return " ".join(str(values[name]) for name in fields.split())


def both(at: int, peer: str, ports: tuple[int, int], **differs: object) -> list[str]:
    return [
        line(at, OWN, peer, ports, **differs),  # type: ignore[arg-type]
        line(at, peer, OWN, ports[::-1], **differs),  # type: ignore[arg-type]
    ]


class Hard(NamedTuple):
    """A day of 10 minutes, and what the verdict must say of it."""

    lines: list[str]
    verdict: str
    says: str
    fields: str = VERSION_5
    keys: tuple[str, ...] = ("AWSLogs/",)
    flags: tuple[str, ...] = ("--interface_ids", ENI, "--addresses", OWN)


DAYS = {
    "probes from port 53": Hard(
        [line(60, OWN, f"10.20.2.{n}", (53, 1194), protocol=17, octets=84, flags="-")
         for n in range(1, 6)],
        "ATTEMPTED", "5 addresses tried",
    ),
    "data after a rejected SYN": Hard(
        [line(60, "10.20.3.21", OWN, (22, 50_021), octets=40, flags=2, action="REJECT"),
         line(160, OWN, "10.20.3.21", (50_021, 22), packets=100, octets=50_000, flags=3),
         line(160, "10.20.3.21", OWN, (22, 50_021), packets=100, octets=50_000, flags=19)],
        "DATA", "it answered with data",
    ),
    "volume with an unknown beginner": Hard(
        [*both(60, "10.20.3.33", (22, 22), packets=900, octets=750_000, flags=19),
         line(120, OWN, "10.20.3.40", (50_040, 22), packets=1, octets=60, flags=2)],
        "ATTEMPTED", "is unknown: 1.5 MB with 10.20.3.33",
    ),
    "a format without packets": Hard(
        both(60, "10.20.0.9", (40_000, 22), fields=NO_VOLUME),
        "ANSWERED", "The volume of 1 conversation inside is not recorded", NO_VOLUME,
    ),
    "nobody says which end is the own": Hard(
        [line(60, OWN, "10.20.0.9", (40_000, 22), octets=9_000, flags=3, fields=VERSION_3),
         line(60, "10.20.0.9", OWN, (22, 40_000), octets=8_000, flags=19, fields=VERSION_3),
         line(120, OWN, "10.20.0.9", (40_001, 3306), octets=60, packets=1, flags=2,
              action="REJECT", fields=VERSION_3)],
        "DATA", f"That {OWN} is the subject's own is an assumption", VERSION_3, flags=(),
    ),
    "a copy below a prefix that looks like a flow log": Hard(
        both(60, "10.20.0.9", (40_000, 22), flags=3), "DATA", "1 address tried in 1 attempt",
        keys=("live/AWSLogs/", "acme-fl-archive/AWSLogs/"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAYS)
def test_what_is_hard_to_see_is_not_told_as_silence(
    name: str, spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = DAYS[name]
    for key in day.keys:
        folder = tmp_path / f"logs/{key}111122223333/vpcflowlogs/eu-west-1/2026/11/23"
        folder.mkdir(parents=True)
        text = "\n".join([day.fields, *day.lines]) + "\n"
        path = folder / f"111122223333_vpcflowlogs_eu-west-1_{FL}_20261123T0205Z_ab12cd34.log.gz"
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    argv = ["--case_id", "hard", "--flow_logs", str(tmp_path / "logs"), "--output", str(tmp_path)]
    argv += ["--instance_id", INSTANCE, "--max_hops", "1", *day.flags]
    argv += ["--from", "2026-11-23T02:00:00Z", "--to", "2026-11-23T02:10:00Z"]

    assert main(argv) == 0

    manifest = json.loads((tmp_path / "hard/manifest.json").read_text())
    assert manifest["verdict"]["step"] == day.verdict
    assert day.says in manifest["verdict"]["sentence"]
    if len(day.keys) > 1:
        assert "1 object holds the same bytes as another" in capsys.readouterr().out
        row = spark.read.format("delta").load(str(tmp_path / "hard/conversations")).collect()[0]
        assert (row["bytes_out"], row["records"], row["copies"]) == (5_000, 2, 2)
