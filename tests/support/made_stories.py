"""Three cases made by hand for the report: an attack, a healthy machine, one that nobody saw."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from jobs.pipeline.case_coverage import CaseCoverage
from jobs.pipeline.result import RunResult
from tests.support.made_result import INSTANCE, NONE, Row, made_result
from transforms.coverage.judged import Coverage
from transforms.standing.path import PathStep

ATTACKER, DROP = "198.51.100.23", "192.0.2.77"
PARTIAL = Coverage(
    "PARTIAL", ("24 slots without an object: 2026-11-23 22:00 to 2026-11-24 00:00",),
    {"slots": 288, "seen": 264, "nodata": 0, "interfaces": 1},
)  # fmt: skip
_OUTCOMES = ("blocked_src", "blocked_dst", "no_answer", "refused", "answered", "data")
HOURS = [
    {"hour": f"2026-11-23T{hour:02d}:00:00.000Z", "conversations": 60 + hour,
     "attempts_inside": 40, "attempts_in_vain": 0, "from_peers": 10, "payload_outside": 0}
    for hour in range(24)
]  # fmt: skip


def at(clock: str) -> str:
    """A time of the day of all stories, as JSON has it."""
    return f"2026-11-23T{clock}:00.000Z"


def peer_row(
    peer: str, port: int, outcome: str, first: str, *, attempts: int = 1, **more: object
) -> Row:
    """A row of the table `peers` as an answer holds it; it lasts for ten minutes."""
    counts = {name: attempts if name == outcome.lower() else 0 for name in _OUTCOMES}
    last = f"{first[:4]}9" if first[4] < "9" else first
    return {
        "peer": peer, "protocol": 6, "service_port": port, "outcome": outcome, "attempts": attempts,
        **counts, "first_at": at(first), "last_at": at(last), "bytes_out": 62_594,
        "bytes_in": 2_400_000, "standing": "suspicious", **more,
    }  # fmt: skip


def step(hop: int, source: str, target: str, clock: str, *, port: int = 22,
         ring: str = "own vpc", outcome: str = "DATA") -> PathStep:  # fmt: skip
    """A step of the path between machines written `name=address`."""
    (from_name, begins), (to_name, reached) = (each.split("=") for each in (source, target))
    return PathStep(
        hop=hop, from_address=begins, from_name=from_name, to_address=reached,
        to_name=to_name or None, to_ring=ring, protocol=6, service_port=port,
        service_class="remote admin", first_at=datetime.fromisoformat(at(clock)), outcome=outcome,
        standing="suspicious", reasons=(), attempts=1, conversation_id="c", contact_at=None,
        is_probe=False,
    )  # fmt: skip


def finding(severity: object = 8) -> bytes:
    """A finding of GuardDuty about the subject."""
    return json.dumps({
        "id": "f1", "type": "UnauthorizedAccess:EC2/SSHBruteForce", "severity": severity,
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": INSTANCE}},
        "service": {"eventFirstSeen": "2026-11-23T02:10:00Z",
                    "eventLastSeen": "2026-11-23T02:40:00Z"},
    }).encode()  # fmt: skip


REACHED = peer_row(
    "10.20.2.22", 22, "DATA", "03:16", peer_name="app-2", service_class="remote admin"
)
PROBED = peer_row("10.20.2.21", 22, "ANSWERED", "02:54", peer_name="app-1",
                  service_class="remote admin")  # fmt: skip
STOPPING = peer_row("10.20.3.31", 5432, "BLOCKED_DST", "03:20", attempts=12, peer_name="db-1",
                    service_class="database")  # fmt: skip
SILENT = [peer_row(f"10.20.1.{n}", 22, "NO_ANSWER", "02:54", service_class="remote admin")
          for n in range(30, 50)]  # fmt: skip
USUAL = [peer_row(f"10.20.2.{n}", 8081, "DATA", "00:01", attempts=150, peer_name=f"api-{n}",
                  standing="ordinary") for n in range(60, 68)]  # fmt: skip
ATTACK_TRIED = {
    "peers_tried": 23, "peers_answered": 2, "peers_with_data": 1, "attempts": 34, "data": 1,
    "answered": 1, "no_answer": 20, "blocked_dst": 12, "peers_that_matter": 23,
    "peers_that_matter_with_data": 1, "in_own_vpc": 23, "ordinary": 1_200, "ordinary_peers": 8,
    "ordinary_ports": 1, "ordinary_port": 8081,
}  # fmt: skip
STEPS = (
    step(1, "web-3=10.20.1.13", "app-2=10.20.2.22", "03:16"),
    step(2, "app-2=10.20.2.22", "admin-3=10.20.4.43", "03:31"),
)


def attack(name: str = "web-3", reached: Mapping[str, object] | None = None) -> RunResult:
    """Entered over SSH; a scan, a move to app-2 and on to admin-3, a stop at db-1, 2.4 GB out.

    Tried: app-2 with data, app-1 answered, db-1 stopped it, 20 are silent: 23 in all.
    """
    first = {**REACHED, **(reached or {})}
    tried = [first, PROBED, STOPPING, *SILENT, *USUAL]
    scan = {"kind": "horizontal", "service_port": 22, "protocol": 6, "targets": 22,
            "first_at": at("02:54"), "last_at": at("02:56"), "fail_percent": 90}  # fmt: skip
    entry = {"peer": ATTACKER, "service_port": 22, "protocol": 6, "tries": 421, "with_data": 421,
             "first_at": at("02:10"), "last_at": at("07:39"), "longest_at": at("02:39"),
             "longest_s": 18_000, "median_s": 2}  # fmt: skip
    left = {"peer": DROP, "peer_ring": "internet", "hour": at("03:00"), "conversations": 1,
            "payload_out": 2_400_000_000, "payload_in": 9_000_000, "unrecorded": 0,
            "first_at": at("03:39"), "last_at": at("04:24")}  # fmt: skip
    client = peer_row(ATTACKER, 22, "DATA", "02:10", attempts=421, peer_ring="internet",
                      service_class="remote admin", before_first_act=True)  # fmt: skip
    balancer = peer_row("10.20.1.5", 8080, "DATA", "00:00", attempts=900, peer_ring="own vpc",
                        standing="ordinary")  # fmt: skip
    outside = peer_row(DROP, 443, "DATA", "03:39", peer_ring="internet")
    sign = {"first_at": at("02:10"), "sign": "the finding was first seen", "is_contact": False}
    return made_result(
        {
            "did_it_try": (ATTACK_TRIED, [{"peer": "10.20.2.22", "unclear": 0, "attempts": 1}]),
            "services_tried": ({"peers": 31, "services": 31, "attempts": 1_234}, tried),
            "targets_that_matter": (
                {"peers": 23, "services": 23, "attempts": 34, "reached": 2, "with_data": 1},
                tried[:23],
            ),
            "blocked": ({"stopped": 12, "peers": 1, "blocked_dst": 12}, [STOPPING]),
            "scans": ({"ports": 1, "most_hosts": 22}, [scan]),
            "sources": ({"sources": 2, "outside": 1, "at_services_that_matter": 1},
                        [client, balancer]),
            "entry": ({"clients": 1, "tries": 421, "longest_s": 18_000}, [entry]),
            "outside_addresses": (
                {"peers": 1, "services": 1, "attempts": 1, "bytes_out": 2_468_573_015}, [outside],
            ),
            "volume": ({"payload_out": 2_400_000_000, "peers": 1, "large": 1}, [left]),
            "first_sign": ({"signs": 1, "first_s": 1_795_399_800}, [sign]),
            "hours": ({"hours": 24, "conversations": 1_716}, HOURS),
        },
        steps=STEPS, name=name, finding=finding(),
        first_sign=datetime(2026, 11, 23, 2, 10, tzinfo=UTC),
        coverage=CaseCoverage(PARTIAL, (), (), (), gaps=((1_795_471_200, 1_795_478_400),)),
    )  # fmt: skip


def healthy() -> RunResult:
    """A web server on any day: eight app servers, its balancer, one address outside."""
    tried = {name: ATTACK_TRIED[name] for name in ATTACK_TRIED if name.startswith("ordinary")}
    outside = peer_row("198.51.100.80", 443, "DATA", "01:00", attempts=12, peer_ring="internet",
                       standing="ordinary")  # fmt: skip
    balancer = peer_row("10.20.1.5", 8080, "DATA", "00:00", attempts=900, peer_ring="own vpc",
                        standing="ordinary")  # fmt: skip
    return made_result(
        {
            "did_it_try": (tried, [{"peer": row["peer"], "unclear": 0} for row in USUAL]),
            "services_tried": ({"peers": 8, "services": 8, "attempts": 1_200}, USUAL),
            "sources": ({"sources": 1}, [balancer]),
            "outside_addresses": ({"peers": 1, "services": 1, "attempts": 12}, [outside]),
            "hours": ({"hours": 24, "conversations": 1_716}, HOURS),
        },
        name="web-1",
    )  # fmt: skip


def unseen() -> RunResult:
    """A machine whose interface has no record at all."""
    return made_result({}, name="web-9", coverage=CaseCoverage(NONE, (), (), ()))
