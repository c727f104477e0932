"""Where the nodes and edges of the report's graph are drawn, in the units of its SVG."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobs.output.report_graph import OUTSIDE, SUBJECT, Edge, Graph, Node

WIDTH, HEIGHT_OF_NODE, PITCH, TOP = 1160, 40, 48, 22
_WIDEST = 190
# The widths of characters differ from font to font: these are wide ones, and what might not fit is
# drawn in the width that there is.
_BOLD, _PLAIN, _MOST = 8.8, 6.9, 1.25
_HEAD, _LANE = 9, 12


class Placed(NamedTuple):
    """A node with its box, and texts that fit into it from `left` on.

    `fit` and `detail_fit` are the widths of texts that might be too long, else 0.
    """

    node: Node
    x: float
    y: float
    width: float
    left: float
    title: str
    address: str
    detail: str
    fit: int
    detail_fit: int

    @property
    def middle(self) -> float:
        """The height at which edges meet it."""
        return self.y + HEIGHT_OF_NODE / 2


class Line(NamedTuple):
    """An edge as the path of an SVG; `head` is the path of its end."""

    tone: str
    path: str
    head: str


class Branch(NamedTuple):
    """A node with those that were reached from it, for readers of a list."""

    node: Node
    branches: "tuple[Branch, ...]"


class Drawing(NamedTuple):
    """A graph with its places. `sources` and `tree` are the same as lists."""

    width: int
    height: int
    nodes: tuple[Placed, ...]
    lines: tuple[Line, ...]
    columns: tuple[tuple[float, str], ...]
    sources: tuple[Node, ...]
    tree: Branch


def draw(graph: Graph) -> Drawing:
    """Columns from left to right; edges to the outside go in lanes below the machines."""
    inner = max(node.column for node in graph.nodes if node.column != OUTSIDE)
    columns = max(inner, 2) + 2
    step = WIDTH / columns
    width = min(_WIDEST, step - 42)
    rows = _rows(graph)
    low = TOP + _lowest(graph, rows) * PITCH + 2
    placed = {
        node.key: _placed(
            node, (columns - 1 if node.column == OUTSIDE else node.column) * step, rows, width
        )
        for node in graph.nodes
    }
    outward = [edge for edge in graph.edges if placed[edge.target].node.column == OUTSIDE]
    lanes = {edge: low + number * _LANE for number, edge in enumerate(outward)}
    lines = [
        _line(placed[edge.source], placed[edge.target], edge, step, lanes.get(edge))
        for edge in graph.edges
    ]
    faint_first = sorted(lines, key=lambda line: line.tone != "ordinary")
    drawn = {node.column for node in graph.nodes}
    heads = [
        "came from" if 0 in drawn else "came from: nobody seen",
        "subject",
        *(f"hop {hop}" for hop in range(1, columns - 2)),
        "outside" if OUTSIDE in drawn else "outside: nobody seen",
    ]
    nodes = {node.key: node for node in graph.nodes}
    return Drawing(
        WIDTH,
        int(max(low + len(outward) * _LANE, TOP + (max(rows.values()) + 1) * PITCH)),
        tuple(placed.values()),
        tuple(faint_first),
        tuple((number * step + 1, head) for number, head in enumerate(heads)),
        tuple(node for node in graph.nodes if node.column == 0),
        _branch(SUBJECT, nodes, graph.edges, set()),
    )


def _rows(graph: Graph) -> dict[str, float]:
    """The row of each node: machines in order, those behind them no higher than what led there."""
    led = {edge.target: edge.source for edge in reversed(graph.edges)}
    rows: dict[str, float] = {}
    inside = sorted(
        (node for node in graph.nodes if 2 <= node.column != OUTSIDE), key=lambda node: node.column
    )
    taken: dict[int, float] = {}
    for node in inside:
        after = rows.get(led.get(node.key, ""), 0.0) if node.column > 2 else 0.0
        rows[node.key] = max(taken.get(node.column, 0.0), after)
        taken[node.column] = rows[node.key] + 1
    beyond = [node for node in graph.nodes if node.column == OUTSIDE]
    height = max([*taken.values(), len(beyond), 1.0]) - 1
    rows |= {node.key: height - len(beyond) + 1 + n for n, node in enumerate(beyond)}
    sources = [node for node in graph.nodes if node.column == 0]
    first = max(0.0, height / 2 - (len(sources) - 1) / 2)
    rows |= {node.key: first + number for number, node in enumerate(sources)}
    rows[SUBJECT] = first if sources else height / 2
    return rows


def _lowest(graph: Graph, rows: Mapping[str, float]) -> float:
    """The number of rows that machines take."""
    inside = [rows[node.key] for node in graph.nodes if 0 < node.column != OUTSIDE]
    return max(inside) + 1


def _placed(node: Node, x: float, rows: Mapping[str, float], width: float) -> Placed:
    margin = 14 if node.shape == "outside" else 8
    room = width - 2 * margin - (5 if node.shape == "many" else 0)
    title = node.title
    while node.shape == "many" and len(title) * _BOLD > room * _MOST and " " in title:
        title = title.rpartition(" ")[0]
    title = _cut(title, int(room * _MOST / _BOLD))
    needed = len(title) * _BOLD
    with_address = needed + (len(node.address) + 1) * _PLAIN
    address = node.address if node.address and with_address <= room * _MOST else ""
    detail = node.detail
    while len(detail) * _PLAIN > room * _MOST and " · " in detail:
        detail = detail.rpartition(" · ")[0]
    detail = _cut(detail, int(room * _MOST / _PLAIN))
    is_tight = (with_address if address else needed) > room
    return Placed(
        node,
        x + 1,
        TOP + rows[node.key] * PITCH,
        width,
        x + 1 + margin,
        title,
        address,
        detail,
        int(room) if is_tight else 0,
        int(room) if len(detail) * _PLAIN > room else 0,
    )


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 1)] + "…"


def _line(source: Placed, target: Placed, edge: Edge, step: float, lane: float | None) -> Line:
    """A curve between two columns; through its lane, where there are machines between."""
    if target.x == source.x:
        return _beside(source, target, edge, step)
    if target.x < source.x:
        return _back(source, target, edge)
    x, y, gap = source.x + source.width, source.middle, step - source.width
    end, at = target.x - (4 if edge.tone == "stopped" else _HEAD - 1), target.middle
    path, last = f"M{x:.1f} {y:.1f}", target.x - gap
    if target.x - x > gap + 1:
        path += _curve(x, y, x + gap, at if lane is None else lane)
        y = at if lane is None else lane
        path += f" L{last:.1f} {y:.1f}"
    path += _curve(last, y, target.x - 12, at)
    return Line(edge.tone, f"{path} L{end:.1f} {at:.1f}", _head(target.x, at, edge.tone))


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (x + to_x) / 2
    return f" C{bend:.1f} {y:.1f} {bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _beside(source: Placed, target: Placed, edge: Edge, step: float) -> Line:
    """An edge to a machine of the same column: to the right of both."""
    x, y, at = source.x + source.width, source.middle, target.middle
    right = x + (step - source.width) * 0.7
    end = x + (4 if edge.tone == "stopped" else _HEAD - 1)
    path = f"M{x:.1f} {y:.1f} C{right:.1f} {y:.1f} {right:.1f} {at:.1f} {end:.1f} {at:.1f}"
    return Line(edge.tone, path, _head(x, at, edge.tone, from_right=True))


def _back(source: Placed, target: Placed, edge: Edge) -> Line:
    """An edge to a machine further left: below both."""
    x, y = source.x + source.width / 2, source.y + HEIGHT_OF_NODE
    end, at = target.x + target.width * 0.7, target.y + HEIGHT_OF_NODE
    low = max(y, at) + 10
    path = f"M{x:.1f} {y:.1f} C{x:.1f} {low:.1f} {end:.1f} {low:.1f} {end:.1f} {at + 8:.1f}"
    head = f"M{end - 4:.1f} {at + 9:.1f} L{end:.1f} {at + 1:.1f} L{end + 4:.1f} {at + 9:.1f} Z"
    return Line(edge.tone, path, head)


def _head(x: float, y: float, tone: str, *, from_right: bool = False) -> str:
    """An arrow; a bar where it was stopped; nothing where nobody knows who began."""
    back = 1 if from_right else -1  # where the edge comes from
    if tone == "unclear":
        return ""
    if tone == "stopped":
        return f"M{x + back * 5:.1f} {y - 9:.1f} V{y + 9:.1f}"
    base = x + back * _HEAD
    return f"M{base:.1f} {y - 5:.1f} L{x + back:.1f} {y:.1f} L{base:.1f} {y + 5:.1f} Z"


def _branch(key: str, nodes: Mapping[str, Node], edges: Sequence[Edge], seen: set[str]) -> Branch:
    seen.add(key)
    below = []
    for edge in edges:
        if edge.source == key and edge.target not in seen:
            below.append(_branch(edge.target, nodes, edges, seen))
    return Branch(nodes[key], tuple(below))
