"""What the person who starts a run can set about its questions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from transforms.conversations.rules import Rules
from transforms.questions.expected import ExpectedPeer


class Thresholds(NamedTuple):
    """Defaults of the questions; `--thresholds` overrides each, and the report prints them."""

    scan_bucket_s: int = 600
    scan_ports: int = 10
    scan_ports_whatever: int = 25
    scan_fail_percent: int = 50
    fan_out_hosts: int = 5
    fan_out_fail_percent: int = 30
    icmp_hosts: int = 10
    flip_window_s: int = 86_400
    regular_calls: int = 6
    regular_gap_s: int = 25
    regular_cv_percent: int = 35
    regular_mad_percent: int = 30
    long_session_s: int = 3_600
    long_session_percent: int = 25
    repeated_calls: int = 50
    repeated_short_s: int = 120
    transfer_bytes: int = 100_000_000
    window_s: int = 86_400
    aggregation_s: int = Rules().aggregation_s
    gap_slack_s: int = Rules().gap_slack_s
    ephemeral_min: int = Rules().ephemeral_min
    shared_min: int = Rules().shared_min
    data_min: int = Rules().data_min
    baseline_min_days: int = 3
    history_hours: int = 2
    before_min_hours: int = 2
    rate_factor: int = 3
    rate_slack: int = 5
    rate_bytes: int = 1_000_000
    crowd_min: int = 3
    steady_hours: int = 3
    equals_max: int = 3
    contact_minutes: int = 60

    def rules(self) -> Rules:
        """The thresholds by which conversations are made."""
        return Rules(**{name: getattr(self, name) for name in Rules._fields})


@dataclass(frozen=True)
class QuestionOptions:
    """The flags about the questions. Only input: what a run finds out stands in its results."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    expected_peers: tuple[ExpectedPeer, ...] = ()
    contained_at: datetime | None = None
    max_hops: int = 4
    max_peers: int = 200
    baseline_days: int = 0
