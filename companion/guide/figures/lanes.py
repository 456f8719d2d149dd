"""Where everything of a sequence figure stands from left to right, in points."""

from __future__ import annotations

from collections.abc import Sequence

from companion.guide.trace import PROGRAM, Hop, Step

BAR = 8.0
LOOP = 14.0
_WIDEST, _LANE, _NEST = 7.4 * 72, 2.3 * 72, 4.0
_WORDS = 2.1 * 72


class Lanes:
    """The lanes of a trace in the order in which they were first called, the program at the left."""

    def __init__(self, hops: Sequence[Hop], steps: Sequence[Step]) -> None:
        self._hops = hops
        self.floors = {PROGRAM: "program"}
        for step in steps:
            self.floors.setdefault(hops[step.hop].lane, hops[step.hop].floor)
        self.lane = min(_LANE, _WIDEST / len(self.floors))
        self.width = self.lane * len(self.floors)

    def x(self, lane: str) -> float:
        """Return the middle of a lane."""
        return (list(self.floors).index(lane) + 0.5) * self.lane

    def loops(self, hop: int) -> bool:
        """Whether a hop stays on the lane of its caller."""
        parent = self._hops[hop].parent
        return self._hops[hop].lane == (PROGRAM if parent is None else self._hops[parent].lane)

    def bar(self, hop: int | None) -> float:
        """Return the middle of a hop's bar (None: the program's); it moves aside for its caller's."""
        if hop is None:
            return self.x(PROGRAM)
        return self.bar(self._hops[hop].parent) + _NEST if self.loops(hop) else self.x(self._hops[hop].lane)

    def arrow(self, hop: int, y: float, back: bool) -> list[tuple[float, float]]:
        """Return the points of the arrow of a call, or with `back` of a return, at height `y`."""
        caller, callee = self.bar(self._hops[hop].parent), self.bar(hop)
        if self.loops(hop):
            out, turn = callee + BAR / 2 + LOOP, y + LOOP / 2 if back else y - LOOP / 2
            points = [(caller + BAR / 2, turn), (out, turn), (out, y), (callee + BAR / 2, y)]
        else:
            side = BAR / 2 if caller < callee else -BAR / 2
            points = [(caller + side, y), (callee - side, y)]
        return points[::-1] if back else points

    def room(self, hop: int) -> tuple[float, float]:
        """Return where the words of a hop begin and the room they have.

        They may run on over the lanes to the right, which are idle then; a loop on the last lane has no
        such lanes, so that its words stand at its left.
        """
        caller, callee = self.bar(self._hops[hop].parent), self.bar(hop)
        left = min(caller, callee) + BAR / 2 + 3
        if self.loops(hop) and callee + self.lane > self.width:
            return left - self.lane, self.lane - BAR - 6
        return left, min(max(2 * self.lane, abs(callee - caller), _WORDS), self.width - left) - 4
