from __future__ import annotations

from companion.guide.trace import call_tree, steps
from tests.unit.guide.trips import RECORD, REQUEST, TAKEN, WIRE, hop, trip


def test_a_call_goes_down_once_and_comes_up_once() -> None:
    assert [
        (step.hop, step.depth, step.back) for step in steps(trip(without=("client", "remote", *WIRE)))
    ] == [
        (0, 0, False),
        (1, 1, False),
        (1, 1, True),
        (0, 0, True),
    ]


def test_calls_of_one_caller_come_in_the_order_of_their_starts() -> None:
    hops = [hop("caller"), hop("late", parent=0, start=9), hop("early", parent=0, start=5)]
    assert [hops[step.hop].lane for step in steps(hops) if not step.back] == ["caller", "early", "late"]


def test_calls_that_overlap_are_told_one_after_the_other() -> None:
    hops = [hop("one", start=1), hop("two", start=1), hop("in one", parent=0, start=2)]
    told = [(hops[step.hop].lane, step.back) for step in steps(hops)]
    assert told.index(("one", True)) < told.index(("two", False))


def test_the_tree_tells_every_call_and_every_reply() -> None:
    assert call_tree(trip(without=("client", "remote", *WIRE))) == "\n".join(
        [
            "program",
            f"  ContainersClient (local, plugin containers-service): Create({REQUEST})",
            f"    ContainerStore: create({RECORD})",
            "    = reply to create",
            "  = reply to Create",
        ]
    )


def test_the_tree_tells_an_error_in_place_of_the_reply() -> None:
    assert call_tree(trip(error=TAKEN)).splitlines()[-1] == f"  error: {TAKEN}"


def test_no_hop_is_the_program_alone() -> None:
    assert call_tree([]) == "program"
