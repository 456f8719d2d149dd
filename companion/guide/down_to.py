"""The upper part of a recorded call, for a chapter that ends above the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from companion.guide.style import FLOORS
from companion.guide.trace import Hop


def down_to(floor: str, hops: Sequence[Hop]) -> list[Hop]:
    """Return the hops on `floor`, such as "wire", and on those above it.

    Raises `ValueError` for a floor that there is not.
    """
    shown = list(FLOORS)[: list(FLOORS).index(floor) + 1]
    index_of: dict[int | None, int | None] = {None: None}
    upper: list[Hop] = []
    for index, hop in enumerate(hops):
        if hop.floor in shown:
            index_of[index] = len(upper)
            upper.append(replace(hop, parent=index_of[hop.parent]))
    return upper
