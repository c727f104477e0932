"""The graph: every address that was tried is in exactly one node, and nothing else is drawn red."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.output.report_graph import Edge, Graph, graph_of
from jobs.output.report_layout import HEIGHT_OF_NODE, WIDTH, draw
from jobs.pipeline.result import RunResult
from tests.support.made_result import made_result
from tests.support.made_stories import (
    ATTACKER,
    DROP,
    attack,
    healthy,
    peer_row,
    step,
    unseen,
)
from transforms.standing.path import PathStep


def graph(result: RunResult) -> Graph:
    assert result.investigation is not None
    return graph_of(result.investigation, "web-3", ["10.20.1.13"])


def nodes(result: RunResult) -> list[tuple[int, str, str, str]]:
    return [(node.column, node.shape, node.title, node.tone) for node in graph(result).nodes]


def test_the_attack_reads_from_left_to_right() -> None:
    assert nodes(attack()) == [
        (0, "outside", ATTACKER, "source"),
        (0, "many", "1 other client", "ordinary"),
        (1, "subject", "web-3", "subject"),
        (2, "machine", "app-2", "data"),
        (2, "many", "1 answered", "answered"),
        (2, "machine", "db-1", "stopped"),
        (2, "many", "20 silent targets", "silent"),
        (2, "many", "8 ordinary", "ordinary"),
        (99, "outside", DROP, "data"),
        (3, "machine", "admin-3", "data"),
    ]
    assert {(edge.source, edge.target, edge.tone) for edge in graph(attack()).edges} == {
        (f"from {ATTACKER}", "subject", "data"),
        ("other clients", "subject", "ordinary"),
        ("subject", "10.20.2.22", "data"),
        ("subject", "answered", "answered"),
        ("subject", "10.20.3.31", "stopped"),
        ("subject", "silent", "silent"),
        ("subject", "ordinary", "ordinary"),
        ("subject", f"to {DROP}", "data"),
        ("10.20.2.22", "10.20.4.43", "data"),
    }


def test_of_a_healthy_machine_everything_is_faint() -> None:
    assert nodes(healthy()) == [
        (0, "many", "1 client", "ordinary"),
        (1, "subject", "web-3", "subject"),
        (2, "many", "8 ordinary", "ordinary"),
        (99, "many", "1 outside", "ordinary"),
    ]
    assert {edge.tone for edge in graph(healthy()).edges} == {"ordinary"}


def test_where_nothing_was_seen_there_is_the_subject_alone() -> None:
    assert nodes(unseen()) == [(1, "subject", "web-3", "subject")]


def test_clients_with_nothing_to_compare_with_are_not_called_ordinary() -> None:
    row = peer_row("10.20.4.4", 9100, "DATA", "00:03", peer_ring="own vpc", standing="unknown")

    (client, _) = nodes(made_result({"sources": ({"sources": 1}, [row])}))
    assert client == (0, "many", "1 client", "other")


def test_conversations_whose_beginner_is_unknown_are_drawn_as_such() -> None:
    row = {"peer": "10.20.2.22", "unclear": 3}
    result = made_result({"did_it_try": ({"unclear": 3, "unclear_peers": 2}, [row])})

    (unclear,) = [node for node in graph(result).nodes if node.tone == "unclear"]
    assert (unclear.title, unclear.detail) == ("2 unclear", "who began 3 is unknown")


def test_fourteen_targets_of_one_hop_are_five_and_the_rest_as_one() -> None:
    first = step(1, "web-3=10.20.1.13", "dc-1=10.0.0.4", "03:00")
    onward = [step(2, "dc-1=10.0.0.4", f"pc-{n}=10.0.1.{n}", f"04:{n:02d}") for n in range(10, 24)]

    titles = [title for column, _, title, _ in nodes(made_result({}, steps=[first, *onward]))
              if column == 3]  # fmt: skip

    assert titles == ["pc-10", "pc-11", "pc-12", "pc-13", "pc-14", "9 more reached"]


WEB, APP, DIRECTORY = "web-3=10.20.1.13", "app-2=10.20.2.22", "dc-1=10.20.2.4"


def test_a_machine_is_drawn_by_the_step_that_got_furthest() -> None:
    steps = [
        step(1, WEB, DIRECTORY, "03:00", port=53, outcome="ANSWERED"),
        step(1, WEB, DIRECTORY, "03:05", port=445),
        step(1, WEB, DIRECTORY, "03:10", port=389),
        step(1, WEB, APP, "03:15"),
        step(2, APP, DIRECTORY, "03:20", port=53, outcome="ANSWERED"),
        step(2, APP, DIRECTORY, "03:25", port=389),
    ]

    found = graph(made_result({}, steps=steps))

    assert [(node.title, node.tone, node.detail) for node in found.nodes if node.column > 1] == [
        ("dc-1", "data", "SMB 03:05 · data"),
        ("app-2", "data", "SSH 03:15 · data"),
    ]
    assert found.edges == (
        Edge("subject", "10.20.2.4", "data"),
        Edge("subject", "10.20.2.22", "data"),
        Edge("10.20.2.22", "10.20.2.4", "data"),
    )


def test_an_address_outside_that_two_machines_call_is_drawn_once() -> None:
    steps = [
        step(1, WEB, APP, "03:15"),
        step(2, APP, f"={DROP}", "03:50", port=443, ring="internet"),
    ]
    called = peer_row(DROP, 443, "DATA", "03:39", peer_ring="internet")

    found = graph(made_result({"outside_addresses": ({"peers": 1}, [called])}, steps=steps))

    assert [node.key for node in found.nodes if node.column == 99] == [f"to {DROP}"]
    assert [edge.source for edge in found.edges if edge.target == f"to {DROP}"] == [
        "subject", "10.20.2.22",
    ]  # fmt: skip


def test_an_edge_within_a_column_is_seen_beside_it() -> None:
    steps = [step(1, WEB, APP, "03:15"), step(1, WEB, DIRECTORY, "03:16"),
             step(2, APP, DIRECTORY, "03:20")]  # fmt: skip

    drawing = draw(graph(made_result({}, steps=steps)))

    app, directory = (
        next(node for node in drawing.nodes if node.title == title) for title in ("app-2", "dc-1")
    )
    line = drawing.lines[-1]
    assert line.path.startswith(f"M{app.x + app.width:.1f} {app.middle:.1f} ")
    assert line.path.endswith(f"{directory.x + directory.width + 8:.1f} {directory.middle:.1f}")


def test_a_stop_is_named_after_what_stopped() -> None:
    rows = [
        peer_row("10.20.3.31", 5432, "REFUSED", "03:20", service_class="database"),
        peer_row("10.20.3.32", 5432, "BLOCKED_SRC", "03:21", service_class="database"),
    ]
    result = made_result({
        "did_it_try": ({"peers_tried": 2}, [{"peer": "10.20.3.31", "unclear": 0}]),
        "blocked": ({"stopped": 2}, rows),
    })  # fmt: skip

    assert [node.detail for node in graph(result).nodes if node.column == 2] == [
        "PostgreSQL 03:20 · refused", "PostgreSQL 03:21 · own rule",
    ]  # fmt: skip


def test_where_nobody_came_from_or_went_out_the_drawing_says_so() -> None:
    heads = [text for _, text in draw(graph(unseen())).columns]
    both = [text for _, text in draw(graph(attack())).columns]

    assert (heads[0], heads[-1]) == ("came from: nobody seen", "outside: nobody seen")
    assert (both[0], both[-1]) == ("came from", "outside")


def test_a_machine_inside_that_came_in_over_ssh_is_a_source() -> None:
    row = peer_row("10.20.9.9", 22, "DATA", "01:00", peer_ring="own vpc", peer_name="jump-1",
                   service_class="remote admin")  # fmt: skip

    assert nodes(made_result({"sources": ({"sources": 1}, [row])}))[0] == (
        0, "machine", "jump-1", "source",
    )  # fmt: skip


def test_hostile_names_are_made_fit() -> None:
    result = attack(reached={"peer_name": "\u202ea\x1b[31m" + "x" * 500})

    for node in graph(result).nodes:
        assert node.title.isprintable()
        assert len(node.title) <= 60


@given(
    tried=st.integers(0, 500), answered=st.integers(0, 20), data=st.integers(0, 8),
    stopped=st.integers(0, 3),
)  # fmt: skip
def test_every_tried_address_is_in_exactly_one_node(
    tried: int, answered: int, data: int, stopped: int
) -> None:
    """Whatever the numbers: named ones and the numbers of the groups add up to all of them."""
    data = min(data, answered)
    tried = max(tried, answered + stopped)
    reached = [peer_row(f"10.0.1.{n}", 22, "DATA", "03:00") for n in range(data)]
    blocked = [
        peer_row(f"10.0.2.{n}", 5432, "BLOCKED_DST", "03:10", service_class="database")
        for n in range(stopped)
    ]
    figures = {"peers_tried": tried, "peers_answered": answered, "peers_with_data": data}
    result = made_result({
        "did_it_try": (figures, [{"peer": "10.0.1.0", "unclear": 0}] if tried else []),
        "services_tried": ({"peers": tried}, [*reached, *blocked]),
        "blocked": ({"stopped": stopped}, blocked),
    })  # fmt: skip

    numbers = [
        int(node.title.split()[0].replace(",", "")) if node.shape == "many" else 1
        for node in graph(result).nodes
        if node.column == 2
    ]
    assert sum(numbers) == tried


def chain(hops: int, each: int) -> Sequence[PathStep]:
    """Every machine of a hop reaches the same number of others of the next."""
    steps, before = [], ["web-3=10.20.1.13"]
    for hop in range(1, hops + 1):
        after = [f"m{hop}-{n}=10.{hop}.0.{n}" for n in range(each)]
        steps += [step(hop, source, target, "03:00") for source in before for target in after]
        before = after
    return steps


@pytest.mark.parametrize("hops", [1, 2, 4, 6])
@pytest.mark.parametrize("each", [1, 4, 9])
def test_no_node_lies_over_another_or_outside_the_drawing(hops: int, each: int) -> None:
    drawing = draw(graph(made_result({}, steps=chain(hops, each))))

    boxes = [(each.x, each.y, each.x + each.width, each.y + HEIGHT_OF_NODE)
             for each in drawing.nodes]  # fmt: skip
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= drawing.height
        for other_left, other_top, other_right, other_bottom in boxes[number + 1 :]:
            is_apart = right < other_left or other_right < left
            assert is_apart or bottom < other_top or other_bottom < top


def test_the_list_for_small_screens_has_what_the_drawing_has() -> None:
    drawing = draw(graph(attack()))

    assert [node.title for node in drawing.sources] == [ATTACKER, "1 other client"]
    assert drawing.tree.node.title == "web-3"
    assert [
        (branch.node.title, [onward.node.title for onward in branch.branches])
        for branch in drawing.tree.branches
    ] == [
        ("app-2", ["admin-3"]), ("1 answered", []), ("db-1", []), ("20 silent targets", []),
        ("8 ordinary", []), (DROP, []),
    ]  # fmt: skip


def test_what_was_stopped_ends_in_a_bar_and_not_in_an_arrow() -> None:
    ends = {line.tone: line.head for line in draw(graph(attack())).lines}

    assert "V" in ends["stopped"]
    assert ends["data"].endswith("Z")
