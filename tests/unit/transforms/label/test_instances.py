"""Instances by name and by id: one answer, or a sentence that says which there are."""

from collections.abc import Mapping

import pytest

from transforms.label.instances import LabelledInstances
from transforms.label.tables import LabelRow
from transforms.network.ranges import ALWAYS, Span

WEB, APP, DB = "i-0a1b2c3d4e5f60718", "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb"
OLD, POOL_1, POOL_2 = "i-0cccccccccccccccc", "i-0dddddddddddddddd", "i-0eeeeeeeeeeeeeeee"
BARE = "i-0ffffffffffffffff"  # an interface names it, and no row of instances
NEW_YEAR = 1_767_225_600  # 2026-01-01 00:00:00 UTC
BEFORE, AFTER = Span(NEW_YEAR - 3_600, NEW_YEAR), Span(NEW_YEAR, NEW_YEAR + 3_600)


def rows(*cells: Mapping[str, object]) -> list[LabelRow]:
    return [LabelRow(f"row {number}", row) for number, row in enumerate(cells, start=1)]


LABELS = LabelledInstances(
    {
        "instances": rows(
            {"instance_id": OLD, "name": "web-3", "valid_to": "2026-01-01T00:00:00Z"},
            {"instance_id": WEB, "name": "web-3", "valid_from": "2026-01-01T00:00:00Z"},
            {"instance_id": APP, "name": "App"},
            {"instance_id": DB, "name": "app"},
            {"instance_id": POOL_1, "name": "pool"},
            {"instance_id": POOL_2, "name": "Pool"},
            {"instance_id": "i-nonsense", "name": "odd"},
        ),
        "interfaces": rows({"interface_id": "eni-1", "instance_id": BARE, "name": "eni of bare"}),
    }
)


@pytest.mark.parametrize(
    ("name", "span", "instance_id"),
    [
        ("web-3", BEFORE, OLD),
        ("web-3", AFTER, WEB),
        ("WEB-3", AFTER, WEB),  # nothing is called so, and one name differs in case alone
        ("App", ALWAYS, APP),  # exactly as it is given, although another differs in case alone
        ("app", ALWAYS, DB),
    ],
)
def test_a_name_is_the_instance_that_had_it_in_the_window(
    name: str, span: Span, instance_id: str
) -> None:
    assert LABELS.ids_of([name], span) == ({name: instance_id}, [])


@pytest.mark.parametrize(
    ("name", "span", "problem"),
    [
        ("APP", ALWAYS, "found 'APP'; expected the name of one instance, and 2 have it in the "
         f"window: {APP}, {DB}; give the id"),
        ("POOL", ALWAYS, "found 'POOL'; expected the name of one instance, and 2 have it in the "
         f"window: {POOL_2}, {POOL_1}; give the id"),
        ("web-3", ALWAYS, "found 'web-3'; expected the name of one instance, and 2 have it in the "
         f"window: {OLD}, {WEB}; give the id"),
        ("web-33", ALWAYS, "found 'web-33'; expected the name of an instance in the labels; the "
         f"closest: web-3 ({WEB})"),
        ("nobody", ALWAYS, "found 'nobody'; expected the name of an instance in the labels; they "
         "know 7 instances"),
        ("odd", ALWAYS, "found 'odd'; expected the name of an instance in the labels; they know 7 "
         "instances"),
        ("\x1b[2J", ALWAYS, "found '\\x1b[2J'; expected the name of an instance in the labels; "
         "they know 7 instances"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_of_one_instance_is_refused(name: str, span: Span, problem: str) -> None:
    assert LABELS.ids_of([name], span) == ({}, [problem])


def test_a_name_of_another_time_is_refused_with_the_id_that_had_it() -> None:
    labels = LabelledInstances(
        {
            "instances": rows(
                {"instance_id": OLD, "name": "gone", "valid_to": "2026-01-01T00:00:00Z"}
            )
        }
    )

    assert labels.ids_of(["gone"], AFTER) == (
        {},
        [
            "found 'gone'; expected a name that an instance had in the window; at another time it "
            f"was that of {OLD}; give the id"
        ],
    )


def test_every_name_is_looked_up_and_all_problems_are_told() -> None:
    found, problems = LABELS.ids_of(["web-3", "nobody", "App", "POOL"], AFTER)

    assert found == {"web-3": WEB, "App": APP}
    assert [problem.split(";")[0] for problem in problems] == ["found 'nobody'", "found 'POOL'"]


def test_of_many_instances_of_one_name_five_are_shown() -> None:
    ids = [f"i-{number:017x}" for number in range(12)]
    fleet = LabelledInstances(
        {"instances": rows(*({"instance_id": each, "name": "web"} for each in ids))}
    )

    _, (problem,) = fleet.ids_of(["web"], ALWAYS)

    assert f"12 have it in the window: {', '.join(ids[:5])} and 7 more; give the id" in problem


def test_an_id_that_the_labels_do_not_know_is_refused_with_those_that_are_near() -> None:
    mistyped = WEB.replace("718", "781")

    assert list(LABELS.unknown([WEB, BARE, mistyped, "i-12345678"])) == [
        f"found {mistyped}, which the labels do not know; the closest: {WEB} (web-3); correct it, "
        "or give its --interface_ids or --addresses too",
        "found i-12345678, which the labels do not know; they know 7 instances; correct it, or "
        "give its --interface_ids or --addresses too",
    ]


@pytest.mark.parametrize(
    "tables",
    [{}, {"subnets": rows({"subnet_id": "subnet-1"})}, {"interfaces": rows({"interface_id": "e"})}],
    ids=["no labels", "only subnets", "interfaces of nobody"],
)
def test_labels_that_mention_no_instance_refuse_no_id(tables: dict[str, list[LabelRow]]) -> None:
    assert list(LabelledInstances(tables).unknown([WEB])) == []


def test_the_name_of_an_id_is_that_of_the_window() -> None:
    assert [LABELS.name_of(OLD, span) for span in (BEFORE, AFTER)] == ["web-3", None]
    assert (LABELS.name_of(BARE, ALWAYS), LABELS.name_of("i-1", ALWAYS)) == (None, None)
