"""The drawings of the report: SVG without text from fonts of the reader, same input, same bytes."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PEERS_DRAWN = 59
EVENTS_DRAWN = 50
# Okabe and Ito's palette, which colour-blind people can tell apart.
_COLOURS = {
    "DATA": "#d55e00", "ANSWERED": "#e69f00", "REFUSED": "#0072b2", "BLOCKED_DST": "#56b4e9",
    "BLOCKED_SRC": "#009e73", "NO_ANSWER": "#8a8a8a",
}  # fmt: skip


class Event(NamedTuple):
    """A mark of the timeline."""

    lane: str
    first_at: datetime
    last_at: datetime
    words: str
    outcome: str


class Contact(NamedTuple):
    """A peer of the graph."""

    words: str
    outcome: str
    octets: int


def timeline(
    events: Sequence[Event],
    lanes: Sequence[str],
    markers: Mapping[str, datetime],
    window: tuple[datetime, datetime],
) -> str:
    """Base64 of an SVG: lanes of events, with vertical markers."""
    with _settings():
        figure = _figure(11, 0.55 * len(lanes) + 1.3)
        axes = figure.add_axes((0.17, 0.2, 0.8, 0.62))
        for event in events:
            left = _hours(event.first_at, window)
            width = max(_hours(event.last_at, window) - left, 0.03)
            axes.barh(len(lanes) - 1 - lanes.index(event.lane), width, left=left, height=0.6,
                      color=_COLOURS.get(event.outcome, "#444444"))  # fmt: skip
        axes.set_yticks(range(len(lanes)), list(reversed(lanes)))
        axes.set_ylim(-0.6, len(lanes) - 0.4)
        span = _hours(window[1], window)
        axes.set_xlim(0, span)
        step = max(1, round(span / 12))
        ticks = range(0, int(span) + 1, step)
        start = window[0].astimezone(UTC)
        axes.set_xticks(
            ticks, [f"{(start.hour + tick) % 24:02d}:{start.minute:02d}" for tick in ticks]
        )
        axes.set_xlabel(f"UTC, from {start:%Y-%m-%d %H:%M}")
        axes.grid(axis="x", color="#dddddd")
        axes.set_axisbelow(True)
        inside = [(name, at) for name, at in markers.items() if window[0] <= at < window[1]]
        for number, (name, at) in enumerate(sorted(inside, key=lambda marker: marker[1])):
            axes.axvline(_hours(at, window), color="#000000", linestyle="--", linewidth=1)
            figure.text(0.17 + 0.27 * number, 0.92, f"{number + 1}: {name}", fontsize=8, ha="left")
            axes.text(
                _hours(at, window), len(lanes) - 0.35, str(number + 1), fontsize=8, ha="center"
            )
        return _svg(figure)


def contacts(subject: str, peers: Sequence[Contact]) -> str:
    """Base64 of an SVG: the subject in the middle, its peers around it; wider is more bytes."""
    with _settings():
        figure = _figure(9, 9)
        axes = figure.add_axes((0.16, 0.16, 0.68, 0.68))
        axes.set_axis_off()
        axes.set_xlim(-1.05, 1.05)
        axes.set_ylim(-1.05, 1.05)
        for number, peer in enumerate(peers):
            angle = 2 * math.pi * number / max(len(peers), 3)
            x, y = math.cos(angle), math.sin(angle)
            axes.annotate(
                "", xy=(0.95 * x, 0.95 * y), xytext=(0.13 * x, 0.13 * y),
                arrowprops={"arrowstyle": "->", "color": _COLOURS.get(peer.outcome, "#444444"),
                            "linewidth": 0.6 + 0.45 * math.log10(1 + peer.octets)},
            )  # fmt: skip
            turn = math.degrees(angle)
            is_left = 90 < turn < 270
            axes.text(
                1.0 * x, 1.0 * y, peer.words, fontsize=7, rotation=turn - 180 * is_left,
                rotation_mode="anchor", ha="right" if is_left else "left", va="center",
            )  # fmt: skip
        axes.text(0, 0, subject, fontsize=9, ha="center", va="center",
                  bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "k"})  # fmt: skip
        return _svg(figure)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _settings() -> AbstractContextManager[Any]:
    """Text is drawn as paths, dollars are dollars, and ids in the SVG do not depend on chance."""
    import matplotlib

    return matplotlib.rc_context(
        {"svg.fonttype": "path", "svg.hashsalt": "vpc-flow-trace", "text.parse_math": False,
         "font.family": ["DejaVu Sans"], "font.size": 8}
    )  # fmt: skip


def _svg(figure: "Figure") -> str:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return base64.b64encode(out.getvalue()).decode()


def _hours(at: datetime, window: tuple[datetime, datetime]) -> float:
    inside = min(max(at, window[0]), window[1])
    return (inside - window[0]).total_seconds() / 3600
