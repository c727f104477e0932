"""Thresholds of conversations, and what is known of how whole the records are."""

from typing import NamedTuple


class Rules(NamedTuple):
    """Thresholds of the definitions; printed with the answers."""

    aggregation_s: int = 60
    gap_slack_s: int = 120
    ephemeral_min: int = 32_768
    shared_min: int = 3
    data_min: int = 1_024

    @property
    def gap_s(self) -> int:
        """Longer silence than this ends a conversation."""
        return self.aggregation_s + self.gap_slack_s


class Recorded(NamedTuple):
    """How whole the records are, as far as it is known; times are Unix seconds.

    The window reaches from `from_s` until before `to_s`. In a gap (first and last second) records
    are missing. Where one action only is kept, a rejected answer leaves no trace. `own_s` is the
    first and the last second that the subject's own interfaces recorded. `has_unknown_vpcs` says
    that there may be records of interfaces of unknown VPC, which must be told apart.
    """

    from_s: int | None = None
    to_s: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    keeps_one_action: bool = False
    own_s: tuple[int, int] | None = None
    has_unknown_vpcs: bool = True

    def at_start(self, rules: Rules) -> str:
        """SQL text: the conversation may be older than the window."""
        return "false" if self.from_s is None else f"first_s < {self.from_s + rules.aggregation_s}"

    def at_end(self, rules: Rules) -> str:
        """SQL text: the conversation may go on after the window."""
        return "false" if self.to_s is None else f"last_s >= {self.to_s - rules.aggregation_s}"

    def in_gap(self) -> str:
        """SQL text: records may be missing while the conversation went on."""
        if self.keeps_one_action:
            return "true"
        spans = [f"(first_s <= {last} AND last_s >= {first})" for first, last in self.gaps]
        return " OR ".join(spans) or "false"

    def in_own_sight(self) -> str:
        """SQL text: the subject's own interfaces recorded before and after the conversation."""
        if self.own_s is None:
            return "false"
        return f"first_s >= {self.own_s[0]} AND last_s <= {self.own_s[1]}"
