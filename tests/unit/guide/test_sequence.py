from __future__ import annotations

from xml.etree import ElementTree

import pytest

from companion.guide.figures.lanes import Lanes
from companion.guide.figures.sequence import sequence
from companion.guide.figures.style import FAULT, FLOORS
from companion.guide.trace import Hop, call_tree, steps
from tests.unit.guide.svgs import drawn, inches_wide, parsed, words
from tests.unit.guide.trips import TAKEN, WIRE, hop, trip


def heads(hops: list[Hop]) -> list[str]:
    return list(Lanes(hops, list(steps(hops))).floors)


def told(hops: list[Hop]) -> str:
    """All words of the figure in the order in which they are drawn, from the first row on."""
    return " ".join(words(sequence(hops)))


def edges(hops: list[Hop], look: str) -> int:
    return sum(look in line for line in sequence(hops).dot.splitlines() if "->" in line)


def test_the_program_stands_at_the_left_and_the_lanes_in_order_of_their_first_call() -> None:
    assert heads(trip()) == [
        "program",
        "Client",
        "RemoteContainerStore",
        "ContainersClient (stub)",
        "ContainersServer (plugin containers)",
        "ContainersClient (local, plugin containers-service)",
        "ContainerStore",
    ]


def test_without_the_wire_its_two_lanes_are_missing() -> None:
    assert len(heads(trip())) - len(heads(trip(without=WIRE))) == 2


def test_a_lane_called_twice_stands_once() -> None:
    assert heads([hop("Store"), hop("Store", start=5)]) == ["program", "Store"]


def test_a_head_names_the_floor_and_wears_its_colour() -> None:
    figure = sequence(trip())
    for name in ("client", "remote", "wire", "service", "local", "store"):
        assert name in words(figure)
        assert f'fillcolor="{FLOORS[name].fill}"' in figure.dot


def test_every_hop_has_a_call_and_a_return() -> None:
    assert edges(trip(), "arrowhead=normal") == 6
    assert edges(trip(), "arrowhead=vee") == 6


def test_returns_are_dashed_and_calls_are_not() -> None:
    lines = [line for line in sequence(trip()).dot.splitlines() if "arrowhead=" in line]
    assert all(("style=dashed" in line) == ("arrowhead=vee" in line) for line in lines)


def test_request_and_reply_are_written() -> None:
    text = told([hop("Store", request="the request", reply="the reply")])
    assert "get the request the reply" in text


def test_an_error_is_written_whole_and_marked_in_shape_and_colour() -> None:
    figure = sequence(trip(error=f"AlreadyExists: {TAKEN}"))
    assert " ".join(words(figure)).count(f"AlreadyExists: {TAKEN}") == 6
    assert figure.dot.count(f'fillcolor="{FAULT.fill}"') == 6


def test_a_call_that_ends_well_wears_no_fault() -> None:
    assert FAULT.line not in sequence(trip()).dot


def test_a_long_text_ends_in_an_ellipsis_and_stays_whole_in_the_description() -> None:
    long = "a reply that goes on and on, " * 30
    figure = sequence([hop("Store", reply=long)])
    assert any(word.endswith("…") for word in words(figure))
    assert long in figure.desc


def test_the_description_is_the_call_tree() -> None:
    assert sequence(trip()).desc == call_tree(trip())


def test_a_call_on_the_callers_own_lane_is_a_loop() -> None:
    hops = [hop("Store"), hop("Store", parent=0, start=1)]
    assert edges(hops, "style=solid") == 1 + 3


@pytest.mark.parametrize("lanes", range(2, 9))
def test_the_figure_fits_a_page_of_a_notebook(lanes: int) -> None:
    hops = [
        hop(f"Lane{n}", parent=n - 1 if n else None, start=n, request="word " * 40) for n in range(lanes - 1)
    ]
    figure = sequence(hops)
    assert inches_wide(figure) <= 7.5
    assert inches_wide(figure) <= lanes * 2.3 + 0.2


def test_no_text_leaves_the_sheet() -> None:
    way = [
        hop(f"ContainersClientLane{n}", parent=n - 1 if n else None, start=n, request="word " * 40)
        for n in range(7)
    ]
    lanes = Lanes(way, list(steps(way)))
    for index in range(len(way)):
        left, room = lanes.room(index)
        assert left > 0
        assert left + room <= lanes.width


def test_the_height_grows_with_the_hops() -> None:
    def height(hops: list[Hop]) -> float:
        return float(parsed(sequence(hops)).attrib["height"].removesuffix("pt"))

    assert height([hop("Store"), hop("Store", start=5)]) > height([hop("Store")])


def test_text_with_marks_of_dot_and_xml_is_written_as_it_is() -> None:
    odd = r'<b> "x\n" & {y|z} \l'
    assert odd in told([hop("Store", request=odd)])


def test_two_renderings_are_the_same() -> None:
    assert drawn(sequence(trip())) == drawn(sequence(trip()))


def test_the_svg_is_well_formed() -> None:
    assert ElementTree.fromstring(drawn(sequence(trip(error=TAKEN)))).attrib["role"] == "img"


def test_without_a_hop_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="no hop was recorded"):
        sequence([])
