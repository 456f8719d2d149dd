"""The upper part of a recorded call."""

from dataclasses import replace

import pytest

from companion.guide.trace import call_tree, down_to
from tests.unit.guide.trips import trip


def test_the_floors_below_are_left_out() -> None:
    assert [hop.floor for hop in down_to("wire", trip())] == ["client", "remote", "wire"]


def test_a_second_trip_keeps_its_callers() -> None:
    client, *below = trip()
    again = [replace(hop, parent=0 if hop.parent == 0 else (hop.parent or 0) + len(below)) for hop in below]
    upper = down_to("wire", [client, *below, *again])
    assert [hop.parent for hop in upper] == [None, 0, 1, 0, 3]


def test_a_call_that_stays_above_is_whole() -> None:
    inside = trip(without=("service", "local", "store"))
    assert call_tree(down_to("wire", inside)) == call_tree(inside)


def test_a_floor_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="cellar"):
        down_to("cellar", trip())
