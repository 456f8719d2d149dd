"""The sequence figure: who called whom, drawn from the hops of one recorded call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from companion.guide.figures.canvas import Canvas
from companion.guide.figures.figure import Figure
from companion.guide.figures.lanes import BAR, LOOP, Lanes
from companion.guide.figures.style import BOLD, FAINT, FAULT, FLOORS, FONT, INK, PAPER, shorten, wrap
from companion.guide.trace import PROGRAM, Hop, Step, call_tree, steps

_SIZE, _SMALL, _LEADING, _LINES = 8.0, 7.0, 10.0, 4
_GAP = 7.0


@dataclass(frozen=True, slots=True)
class _Row:
    """A step with its arrow at height `y`, and its words, which begin at height `top`."""

    step: Step
    hop: Hop
    lines: list[str]
    top: float
    y: float


def sequence(hops: Sequence[Hop], title: str = "A call and its way back") -> Figure:
    """Return the figure of `hops`: a lane for each who took part, time downwards.

    Long texts end in an ellipsis; the description is the `call_tree`, which has them whole. Raises
    `ValueError` without a hop.
    """
    if not hops:
        raise ValueError("no hop was recorded")
    way = list(steps(hops))
    lanes = Lanes(hops, way)
    heads = {name: _head(name, floor, lanes.lane - 12) for name, floor in lanes.floors.items()}
    top = max(map(len, heads.values())) * _LEADING + 8
    rows = _rows(hops, way, lanes, top + _GAP)
    canvas = Canvas(title, lanes.width, rows[-1].top + len(rows[-1].lines) * _LEADING + _GAP)
    for name, head in heads.items():
        _draw_lane(canvas, lanes, name, head, top)
    _draw_bars(canvas, lanes, rows)
    for row in rows:
        _draw_words(canvas, lanes, row)
        _draw_arrow(canvas, lanes, row)
    return canvas.figure(title, call_tree(hops))


def _head(name: str, floor: str, room: float) -> list[tuple[str, float, str]]:
    """Return the lines of a lane's head: its floor, its name, and the detail that stood in brackets."""
    who, _, detail = name.removesuffix(f" ({floor})").partition(" (")
    lines = [(floor, _SMALL, FONT)] if name != PROGRAM else []
    lines += [(line, _SIZE, BOLD) for line in wrap(who, _SIZE * 1.1, room, 3)]
    return lines + [(line, _SMALL, FONT) for line in wrap(detail.removesuffix(")"), _SMALL, room, 3)]


def _rows(hops: Sequence[Hop], way: Sequence[Step], lanes: Lanes, y: float) -> list[_Row]:
    """Give each step its height: the words of a call stand above its arrow, those of a return below."""
    rows = []
    for step in way:
        hop, turn = hops[step.hop], LOOP / 2 if lanes.loops(step.hop) else 0
        _, room = lanes.room(step.hop)
        lines = wrap((hop.error or hop.reply) if step.back else hop.request, _SIZE, room, _LINES)
        if step.back:
            rows.append(_Row(step, hop, lines, y + turn + 6, y))
        else:
            lines = [shorten(hop.call, _SIZE * 1.1, room), *lines]
            rows.append(_Row(step, hop, lines, y, y + len(lines) * _LEADING + turn + 3))
        y += len(lines) * _LEADING + turn + 6 + _GAP
    return rows


def _draw_lane(
    canvas: Canvas, lanes: Lanes, name: str, head: list[tuple[str, float, str]], top: float
) -> None:
    x, colour = lanes.x(name), FLOORS[lanes.floors[name]]
    canvas.line((x, top), (x, canvas.height), colour=colour.line, look="dotted")
    canvas.box(x - lanes.lane / 2 + 2, 1, lanes.lane - 4, top - 2, colour)
    first = (top - len(head) * _LEADING) / 2
    for row, (text, size, font) in enumerate(head):
        canvas.text(x, first + (row + 0.5) * _LEADING, text, size, font=font, align="n")


def _draw_bars(canvas: Canvas, lanes: Lanes, rows: list[_Row]) -> None:
    begin: dict[int | None, float] = {None: rows[0].y - 4}
    end: dict[int | None, float] = {None: rows[-1].y + 4}
    floor = {None: "program"} | {row.step.hop: row.hop.floor for row in rows}
    for row in rows:
        (end if row.step.back else begin)[row.step.hop] = row.y
    for hop, y in begin.items():
        canvas.box(lanes.bar(hop) - BAR / 2, y, BAR, end[hop] - y, FLOORS[floor[hop]])


def _draw_arrow(canvas: Canvas, lanes: Lanes, row: _Row) -> None:
    points = lanes.arrow(row.step.hop, row.y, row.step.back)
    if not row.step.back:
        canvas.line(*points, colour=INK, arrow="normal")
    elif row.hop.error:
        canvas.line(*points, colour=FAULT.line, look="dashed", arrow="vee")
        _draw_cross(canvas, lanes.bar(row.step.hop), row.y)
    else:
        canvas.line(*points, colour=FAINT, look="dashed", arrow="vee")


def _draw_cross(canvas: Canvas, x: float, y: float) -> None:
    """Mark where an error leaves, so that it is not the colour alone that tells it."""
    canvas.box(x - 5, y - 5, 10, 10, FAULT)
    for slope in (1, -1):
        canvas.line((x - 3, y - 3 * slope), (x + 3, y + 3 * slope), colour=FAULT.line, pen=1.5)


def _draw_words(canvas: Canvas, lanes: Lanes, row: _Row) -> None:
    x, _ = lanes.room(row.step.hop)
    colour = FAULT.line if row.step.back and row.hop.error else INK
    for number, line in enumerate(row.lines):
        font = BOLD if number == 0 and not row.step.back else FONT
        canvas.text(
            x, row.top + (number + 0.5) * _LEADING, line, _SIZE, colour=colour, font=font, ground=PAPER
        )
