"""The figure of a conversation: what a block of code asked the services of the daemon, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from companion.guide.figures.canvas import Canvas
from companion.guide.figures.figure import Figure
from companion.guide.figures.style import BOLD, FLOORS, INK, PAPER, shorten
from companion.guide.trace import PROGRAM, Hop

_WIDTH, _HEAD, _LEFT = 7.4 * 72, 18.0, 1.2 * 72
_SIZE, _ROW, _GAP = 8.0, 19.0, 6.0
_STUB = "Client (stub)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """Calls of one service in a row, made by one call of the program: how often each method was called."""

    operation: str
    service: str
    methods: Counter[str]

    def __str__(self) -> str:
        # Calls that several threads make at once come in any order, but each as often.
        return ", ".join(
            f"{method} x {count}" if count > 1 else method for method, count in self.methods.items()
        )


def exchanges(hops: Sequence[Hop]) -> list[Exchange]:
    """Return what crossed the wire, in the order of time; calls of one service in a row are one exchange."""
    crossing = sorted((hop for hop in hops if _is_call(hop)), key=lambda hop: hop.start)
    named = [(_operation(hops, hop), hop.lane.removesuffix(_STUB).lower(), hop.call) for hop in crossing]
    return [
        Exchange(operation, service, Counter(call for _, _, call in calls))
        for (operation, service), calls in groupby(named, key=lambda each: each[:2])
    ]


def conversation(hops: Sequence[Hop], title: str) -> Figure:
    """Return the figure of `hops`: a lane for the program and one for each service, time downwards.

    Raises `ValueError` when nothing crossed the wire.
    """
    said = exchanges(hops)
    if not said:
        raise ValueError("no call crossed the wire")
    services = list(dict.fromkeys(each.service for each in said))
    by_operation = [(name, list(group)) for name, group in groupby(said, key=lambda each: each.operation)]
    canvas = Canvas(title, _WIDTH, _HEAD + _GAP + (len(said) + len(by_operation) * 0.9) * _ROW + _GAP)
    _draw_lanes(canvas, services)
    y = _HEAD + _GAP
    for operation, group in by_operation:
        y = _draw_operation(canvas, services, operation, group, y)
    return canvas.figure(title, "\n".join(_told(by_operation)))


def _is_call(hop: Hop) -> bool:
    # What is asked within a stream, such as WRITE, is a hop of the wire too, but no call.
    return hop.floor == "wire" and not hop.call.isupper()


def _operation(hops: Sequence[Hop], hop: Hop) -> str:
    while hop.parent is not None:
        hop = hops[hop.parent]
    return hop.call


def _x(services: Sequence[str], service: str) -> float:
    return _LEFT + (services.index(service) + 0.5) * (_WIDTH - _LEFT) / len(services)


def _draw_lanes(canvas: Canvas, services: Sequence[str]) -> None:
    room = (_WIDTH - _LEFT) / len(services)
    canvas.box(1, 1, _LEFT - 4, _HEAD, FLOORS["program"])
    canvas.text(_LEFT / 2, 1 + _HEAD / 2, PROGRAM, _SIZE, font=BOLD, align="n")
    for service in services:
        x = _x(services, service)
        canvas.line((x, _HEAD), (x, canvas.height), colour=FLOORS["service"].line, look="dotted")
        canvas.box(x - room / 2 + 2, 1, room - 4, _HEAD, FLOORS["service"])
        canvas.text(x, 1 + _HEAD / 2, shorten(service, _SIZE, room - 4), _SIZE * 0.94, font=BOLD, align="n")


def _draw_operation(
    canvas: Canvas, services: Sequence[str], operation: str, said: Sequence[Exchange], y: float
) -> float:
    """Draw what one call of the program led to, from height `y` on; return where it ends."""
    end = y + (len(said) + 0.6) * _ROW
    canvas.box(1, y, _LEFT - 4, end - y, FLOORS["program"])
    canvas.text(6, y + _ROW / 2, shorten(operation, _SIZE * 1.1, _LEFT - 12), _SIZE, font=BOLD)
    for number, each in enumerate(said, start=1):
        height = y + (number + 0.2) * _ROW
        canvas.line((_LEFT - 3, height), (_x(services, each.service) - 1, height), colour=INK, arrow="normal")
        canvas.text(_LEFT + 3, height - 7.5, str(each), _SIZE, ground=PAPER)
    return y + (len(said) + 0.9) * _ROW


def _told(by_operation: Sequence[tuple[str, Sequence[Exchange]]]) -> Iterator[str]:
    for operation, group in by_operation:
        yield operation
        yield from (f"  {each.service}: {each}" for each in group)
