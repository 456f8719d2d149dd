"""The map of the house: five floors, and where the reader is."""

from __future__ import annotations

from dataclasses import dataclass

from companion.guide.figures.canvas import Canvas
from companion.guide.figures.figure import Figure
from companion.guide.figures.style import BOLD, FAINT, FLOORS, PANEL, PAPER, Colour

_WIDTH, _EDGE, _RAIL = 500.0, 36.0, 18.0
_INSET, _TAB = _EDGE + 8, 30.0
_BOX, _GAP, _HEAD = 34.0, 5.0, 16.0
_HALF = _HEAD + 3 * (_BOX + _GAP) + 3
_WIRE = 30.0


@dataclass(frozen=True, slots=True)
class Chapter:
    """A floor as the series tells it: its name, what it does, and the notebook that builds it."""

    name: str
    role: str
    notebook: str


CHAPTERS = {
    "client": Chapter("client proxy", "what a program embeds: gRPC never shows", "01_client_proxy.ipynb"),
    "remote": Chapter("remote store", "a store whose every method is one call", "02_remote_store.ipynb"),
    "service": Chapter("gRPC service", "hands every call to the local plugin", "03_grpc_service.ipynb"),
    "local": Chapter("local plugin", "holds the transaction, publishes the event", "04_local_plugin.ipynb"),
    "store": Chapter("store", "keeps the records in one embedded database", "05_store.ipynb"),
}


def floors(lit: str | None = None) -> Figure:
    """Return the map of the five floors with floor `lit`, such as "client", lit; with None, all are.

    Each box links to its chapter's notebook. Raises `KeyError` for a floor that has no chapter.
    """
    canvas = Canvas(f"floors_{lit or 'all'}", _WIDTH, 2 * _HALF + _WIRE)
    _half(canvas, 0, "the program's process", ["program", "client", "remote"], lit)
    _half(canvas, _HALF + _WIRE, "the daemon's process", ["service", "local", "store"], lit)
    _wire(canvas)
    _rails(canvas)
    here = f" You are on the floor of the {CHAPTERS[lit].name}." if lit else ""
    return canvas.figure(
        "The five floors of a call",
        "From top to bottom: the program; 1 client proxy; 2 remote store; the wire, gRPC over a unix socket; "
        "3 gRPC service; 4 local plugin; 5 store. A call goes down the floors once and its reply comes up "
        f"once.{here}",
    )


def _half(canvas: Canvas, top: float, label: str, names: list[str], lit: str | None) -> None:
    canvas.box(_EDGE, top, _WIDTH - 2 * _EDGE, _HALF, Colour(PANEL, PANEL))
    canvas.text(_WIDTH - _INSET, top + _HEAD / 2, label, 8, colour=FAINT, align="r")
    for row, name in enumerate(names):
        y = top + _HEAD + row * (_BOX + _GAP)
        _box(canvas, y, name, lit)
        if name in CHAPTERS:
            _words(canvas, y, name, here=name == lit)
        else:
            canvas.text(_INSET + _TAB + 8, y + _BOX / 2, f"the {name}", 11, font=BOLD)


def _box(canvas: Canvas, y: float, name: str, lit: str | None) -> None:
    colour, pen = FLOORS[name], 3 if name == lit else 1
    url = CHAPTERS[name].notebook if name in CHAPTERS else None
    body = colour if lit in (None, name) else Colour(PAPER, colour.line)
    canvas.box(_INSET, y, _WIDTH - 2 * _INSET, _BOX, body, pen=pen, url=url)
    canvas.box(_INSET, y, _TAB, _BOX, colour, pen=pen, url=url)


def _words(canvas: Canvas, y: float, name: str, here: bool) -> None:
    chapter, number = CHAPTERS[name], str(1 + list(CHAPTERS).index(name))
    left, right, url = _INSET + _TAB + 8, _WIDTH - _INSET - 8, chapter.notebook
    canvas.text(_INSET + _TAB / 2, y + _BOX / 2, number, 14, font=BOLD, align="n", url=url)
    canvas.text(left, y + 11, chapter.name, 11, font=BOLD, url=url)
    canvas.text(left, y + 25, chapter.role, 9, url=url)
    canvas.text(right, y + 11, f"companion/{name}", 9, align="r", url=url)
    if here:
        canvas.text(right, y + 25, "you are here", 9, font=BOLD, align="r", url=url)


def _wire(canvas: Canvas) -> None:
    y = _HALF + _WIRE / 2
    canvas.line((_EDGE, y), (_WIDTH - _EDGE, y), colour=FLOORS["wire"].line, look="dashed")
    canvas.text(_WIDTH / 2, y, " the wire: gRPC over a unix socket ", 9, align="n", ground=PAPER)


def _rails(canvas: Canvas) -> None:
    """Draw the way of the call down on the left, and of its reply up on the right."""
    top, bottom = _HEAD + _BOX / 2, 2 * _HALF + _WIRE - _GAP - _BOX / 2
    left, right = _RAIL, _WIDTH - _RAIL
    canvas.line((left, top), (left, bottom), colour=FAINT, arrow="normal")
    canvas.line((right, bottom), (right, top), colour=FAINT, look="dashed", arrow="normal")
    canvas.text(left, top - 8, "call", 9, align="n")
    canvas.text(right, top - 8, "reply", 9, align="n")
