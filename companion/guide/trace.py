"""What a recorded call was: its hops, whoever recorded them, and the text that tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from companion.guide.figures.style import FLOORS

PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Hop:
    """One call on one lane of a trace.

    `lane` names who was called, with a detail in brackets where one name stands twice, such as
    "ContainersClient (stub)"; `floor` is a key of `style.FLOORS`. `request`, `reply` and `error` are what
    a reader sees of them; a hop with an `error` has no reply. `parent` is the index of the calling hop
    in the same list, None where the program itself called. `start` and `end` are nanoseconds of one clock.
    """

    lane: str
    floor: str
    call: str
    request: str
    reply: str
    error: str | None
    parent: int | None
    start: int = field(repr=False)
    end: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """The call of a hop, or with `back` its return. `hop` is its index, `depth` the number of its callers."""

    hop: int
    depth: int
    back: bool


def steps(hops: Sequence[Hop]) -> Iterator[Step]:
    """Yield every call and every return in the order of one thread of control.

    A hop's calls come in the order of their starts, each whole before the next: calls that overlapped are
    told one after the other, so that the story is the same on every run.
    """
    called: dict[int | None, list[int]] = {}
    for index in sorted(range(len(hops)), key=lambda index: hops[index].start):
        called.setdefault(hops[index].parent, []).append(index)

    def walk(parent: int | None, depth: int) -> Iterator[Step]:
        for index in called.get(parent, ()):
            yield Step(index, depth, back=False)
            yield from walk(index, depth + 1)
            yield Step(index, depth, back=True)

    return walk(None, 0)


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


def call_tree(hops: Sequence[Hop]) -> str:
    """Return the hops as indented text, a line for each call and one for each return."""
    return "\n".join(
        [PROGRAM, *("  " * (step.depth + 1) + _line(hops[step.hop], step.back) for step in steps(hops))]
    )


def _line(hop: Hop, back: bool) -> str:
    if not back:
        return f"{hop.lane}: {hop.call}({hop.request})"
    return f"error: {hop.error}" if hop.error else f"= {hop.reply}"
