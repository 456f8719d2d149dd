"""The figure of a conversation with the services."""

import pytest

from companion.guide.figures.conversation import conversation, exchanges
from companion.guide.figures.style import FLOORS
from companion.guide.trace import Hop
from tests.unit.guide.svgs import inches_wide, words

SAID = (
    ("pull", "Leases Create"),
    ("pull", "Content Write"),
    ("pull", "Content Write"),
    ("pull", "Content Info"),
)
LATER = (("pull", "Leases Delete"), ("delete", "Leases Create"), ("delete", "Containers Delete"))


def hops(*said: tuple[str, str]) -> list[Hop]:
    """One call of the program for each run of a name, and below each the calls of stubs."""
    made: list[Hop] = []
    parent = None
    for operation, call in said:
        if parent is None or made[parent].call != operation:
            parent = len(made)
            made.append(hop("Client", "client", operation, None, parent))
        service, method = call.split()
        made.append(hop(f"{service}Client (stub)", "wire", method, parent, len(made)))
        made.append(hop(f"{service}Server", "service", method, len(made) - 1, len(made)))
    return made


def hop(lane: str, floor: str, call: str, parent: int | None, start: int) -> Hop:
    return Hop(lane, floor, call, "", "", None, parent, start, start)


def test_calls_of_one_service_in_a_row_are_one_exchange() -> None:
    told = [(each.operation, each.service, str(each)) for each in exchanges(hops(*SAID))]
    assert told == [("pull", "leases", "Create"), ("pull", "content", "Write x 2, Info")]


def test_what_another_call_of_the_program_says_is_an_exchange_of_its_own() -> None:
    told = [(each.operation, each.service) for each in exchanges(hops(*LATER))]
    assert told == [("pull", "leases"), ("delete", "leases"), ("delete", "containers")]


def test_calls_that_came_at_once_are_told_in_the_order_in_which_they_began() -> None:
    said = hops(*SAID)
    assert exchanges(said[:1] + said[:0:-1])[0].service == "leases"


def test_what_is_asked_within_a_stream_is_no_call() -> None:
    assert [str(each) for each in exchanges(hops(("pull", "Content Write"), ("pull", "Content COMMIT")))] == [
        "Write"
    ]


def test_the_figure_has_a_lane_for_each_service_and_says_what_each_was_asked() -> None:
    figure = conversation(hops(*SAID, *LATER), "A talk")
    assert words(figure)[:4] == ["program", "leases", "content", "containers"]
    assert "Write x 2, Info" in words(figure)
    assert f'fillcolor="{FLOORS["service"].fill}"' in figure.dot


def test_its_text_tells_the_same() -> None:
    assert conversation(hops(*SAID), "A talk").text() == (
        "A talk\n\npull\n  leases: Create\n  content: Write x 2, Info"
    )


def test_it_is_no_wider_than_a_page() -> None:
    assert inches_wide(conversation(hops(*SAID, *LATER), "A talk")) <= 7.6


def test_without_a_call_over_the_wire_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="no call crossed the wire"):
        conversation([], "A talk")
