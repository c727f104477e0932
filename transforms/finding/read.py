"""A file of findings → what they say of each instance, those of one instance together."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from transforms.finding.claim import Claim
from transforms.finding.envelope import findings_in
from transforms.finding.fields import at
from transforms.finding.guardduty import Finding, FindingInterface, FindingReader
from transforms.finding.json_text import BadFinding
from transforms.text import quoted

_AROUND = timedelta(hours=24)
_MOST_CLAIMS = 100


class _Read(NamedTuple):
    """Everything in a file: findings of instances, and a sentence for each of something else."""

    findings: list[Finding]
    without: list[str]

    @property
    def instance_ids(self) -> list[str]:
        return list(dict.fromkeys(finding.instance_id for finding in self.findings))

    def of(self, instance_id: str) -> Finding:
        """What is said of one instance, with the number of findings of others."""
        if instance_id not in self.instance_ids:
            raise BadFinding(
                f"found findings of {_listed(self.instance_ids or self.without)}; expected one of "
                f"{instance_id}, as --instance_id says; correct one of the two"
            )
        own = [finding for finding in self.findings if finding.instance_id == instance_id]
        others = len(self.findings) + len(self.without) - len(own)
        return _together(own)._replace(others=others)


def read_finding(data: bytes, instance_id: str | None = None) -> Finding:
    """What a file of findings says of its one instance, or of `instance_id` among several.

    Findings of other instances are then counted in `others`. Raises BadFinding with every problem:
    not JSON, too large, no instance, several instances, an id or address that is none.
    """
    found = _read(data)
    if instance_id is not None:
        return found.of(instance_id)
    instances = found.instance_ids
    if found.without:
        named = f", beside findings of {', '.join(instances)}" if instances else ""
        raise BadFinding(
            f"found no instance in {_listed(found.without)}{named}; expected findings of one EC2 "
            "instance; choose it with --instance_id"
        )
    if len(instances) > 1:
        raise BadFinding(
            f"found findings of {len(instances)} instances: {_listed(instances)}; expected one; "
            "choose it with --instance_id, or trace each of them with --one_case_each true"
        )
    return found.of(instances[0])


def read_findings(data: bytes, instance_ids: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What a file of findings says of each of its instances, or of those that were chosen.

    An attack sequence has up to 25. Raises BadFinding as `read_finding` does.
    """
    found = _read(data)
    if not found.findings:
        raise BadFinding(
            f"found no instance in {_listed(found.without)}; expected findings of EC2 instances"
        )
    return tuple(found.of(instance_id) for instance_id in instance_ids or found.instance_ids)


def _read(data: bytes) -> _Read:
    found = _Read([], [])
    problems: list[str] = []
    for number, finding in enumerate(findings_in(data), start=1):
        reader = FindingReader(finding, f"finding {number}")
        of_instances = reader.read()
        problems += reader.problems
        found.findings.extend(of_instances)
        if not of_instances and not reader.problems:
            resource = at(finding, "resource", "resourceType") or "no resource"
            found.without.append(f"{quoted(finding['type'])} about {quoted(resource)}")
    if problems:
        raise BadFinding(*problems)
    return found


def default_window(finding: Finding, now: datetime) -> tuple[datetime, datetime]:
    """A day before the first sign until a day after the last, within launch and `now`.

    Neither end cuts into the time of the finding itself: an instance that was stopped and started
    has a later launch time, and a finding of the future only shows that a clock is wrong. Raises
    BadFinding when the finding has no times.
    """
    if finding.first_seen is None or finding.last_seen is None:
        raise BadFinding("found no time when it was seen; expected one; give --from and --to")
    start, end = finding.first_seen - _AROUND, finding.last_seen + _AROUND
    if finding.launch_at is not None and start < finding.launch_at <= finding.first_seen:
        start = finding.launch_at
    if finding.last_seen < now < end:
        end = now
    return start.replace(microsecond=0), end.replace(microsecond=0)


def _together(findings: Sequence[Finding]) -> Finding:
    """Several findings of one instance as one: the widest times, all interfaces and claims once."""
    first, *_ = findings
    interfaces: dict[FindingInterface, None] = {}
    claims: dict[Claim, None] = {}
    for finding in findings:
        interfaces.update(dict.fromkeys(finding.interfaces))
        claims.update(dict.fromkeys(finding.claims))
    return Finding(
        ids=tuple(dict.fromkeys(id_ for finding in findings for id_ in finding.ids)),
        types=tuple(dict.fromkeys(type_ for finding in findings for type_ in finding.types)),
        instance_id=first.instance_id,
        instance_name=next((f.instance_name for f in findings if f.instance_name), None),
        launch_at=min((f.launch_at for f in findings if f.launch_at), default=None),
        first_seen=min((f.first_seen for f in findings if f.first_seen), default=None),
        last_seen=max((f.last_seen for f in findings if f.last_seen), default=None),
        interfaces=tuple(interfaces),
        claims=tuple(claims)[:_MOST_CLAIMS],
        is_sample=any(f.is_sample for f in findings),
        severity=max(
            (f.severity for f in findings if f.severity),
            key=lambda severity: severity.order,
            default=None,
        ),
        homes=tuple(dict.fromkeys(home for finding in findings for home in finding.homes)),
    )


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return ", ".join(items[:5]) + more
