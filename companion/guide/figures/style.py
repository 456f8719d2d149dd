"""The one visual language of all figures: colours, type, and how much text fits where.

Tints after Okabe and Ito, chosen so that any two floors differ for every common kind of colour blindness;
no figure relies on colour alone. Names and six-digit hex only: Graphviz versions write other forms unalike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """A `fill` that carries ink, and a `line` that shows on the fill and on paper."""

    fill: str
    line: str


PAPER = "#FFFFFF"
INK = "#1A1A1A"
FAINT = "#6B6B6B"
PANEL = "#F5F5F5"
FAULT = Colour("#FBE0D6", "#B3350A")

FLOORS = {
    "program": Colour("#E4E4E4", "#4D4D4D"),
    "client": Colour("#C1E3F7", "#1F6A94"),
    "remote": Colour("#F9F4AF", "#7A741F"),
    "wire": Colour(PAPER, FAINT),
    "service": Colour("#F3C766", "#855C00"),
    "local": Colour("#85D0BB", "#00513C"),
    "store": Colour("#E6BDD4", "#7D4A66"),
    "core": Colour("#EFEFEF", FAINT),
    "backend": Colour("#D9D9D9", "#4D4D4D"),
}

# The PostScript names are the only ones from which every Graphviz makes the same family and weight.
FONT = "Helvetica"
BOLD = "Helvetica-Bold"

_ADVANCES = {0.40: " !'()*,-./:;I[]\\`ijlrft|", 0.76: 'ABCDEFGHJKLNOPQRSTUVXYZ&~<>"', 1.0: "mwMW@%…=+→"}
_ADVANCE = {char: advance for advance, chars in _ADVANCES.items() for char in chars}
# Where a line may end, the better places first: after a space, after a bracket, in a name, anywhere.
_BREAKS = tuple(
    map(re.compile, (r"(?<=\s)", r"(?<=[(=,:/])", r"(?<=[_\-.])|(?<=[a-z0-9])(?=[A-Z])", r"(?<=.)"))
)


def width(text: str, size: float) -> float:
    """Return the room in points that `text` needs at `size` points in the widest usual sans-serif.

    Estimated, not measured: a figure must not depend on the fonts of the machine that draws it.
    """
    return size * sum(_ADVANCE.get(char, 0.64) for char in text)


def shorten(text: str, size: float, room: float) -> str:
    """Return `text`, or as much of its beginning as fits in `room` points, and an ellipsis."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, size: float, room: float, lines: int) -> list[str]:
    """Return `text` in at most `lines` lines of `room` points each; what does not fit becomes an ellipsis."""
    filled = [""]
    for piece in _pieces(" ".join(text.split()), size, room):
        if filled[-1] and width(filled[-1] + piece.rstrip(), size) > room:
            filled.append("")
        filled[-1] += piece
    kept, rest = filled[: lines - 1], filled[lines - 1 :]
    return [shorten(line.rstrip(), size, room) for line in [*kept, "".join(rest)] if line]


def _pieces(
    text: str, size: float, room: float, breaks: Sequence[re.Pattern[str]] = _BREAKS
) -> Iterator[str]:
    """Yield `text` in pieces that fit a line each, broken at the best places that make them fit."""
    for piece in breaks[0].split(text):
        if width(piece.rstrip(), size) <= room or not breaks[1:]:
            yield piece
        else:
            yield from _pieces(piece, size, room, breaks[1:])
