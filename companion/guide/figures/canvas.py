"""A sheet on which every mark has its given place: DOT for `neato`, all positions pinned."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import graphviz

from companion.guide.figures import style
from companion.guide.figures.figure import Figure, id_of

_INCH = 72


class Canvas:
    """A sheet of `width` by `height` points, y downwards. Later marks cover earlier ones.

    Every id in the SVG begins with `name`, so that several figures can stand on one page.
    """

    def __init__(self, name: str, width: float, height: float) -> None:
        self._graph = graphviz.Digraph(
            graph_attr={
                "id": id_of(name),
                "bgcolor": style.PAPER,
                "pad": "0.05",
                "margin": "0",
                "splines": "line",
            },
            node_attr={"shape": "box", "fixedsize": "true", "margin": "0", "label": ""},
            edge_attr={"arrowsize": "0.6"},
        )
        self.height = height
        self._marks = 0
        # Holds the sheet open: without it the picture would be as large as the fonts happen to make it.
        self._mark(width / 2, height / 2, width, height, style="invis")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: style.Colour,
        *,
        pen: float = 1,
        look: str = "filled",
        url: str | None = None,
    ) -> None:
        """Draw a box with its left upper corner at `x`, `y`; `pen` is the width of its line."""
        attributes = {"fillcolor": colour.fill, "color": colour.line, "penwidth": f"{pen:g}", "style": look}
        self._mark(x + width / 2, y + height / 2, width, height, **attributes, **_link(url))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        colour: str = style.INK,
        font: str = style.FONT,
        align: str = "l",
        ground: str | None = None,
        url: str | None = None,
    ) -> None:
        r"""Write one line with its middle at height `y`.

        It begins at `x`, or with `align` "n" stands centred on it, "r" ends there (DOT's `\l \n \r`).
        `ground` paints what lies under it, such as a lifeline.
        """
        room = 2 * ceil(style.width(text, size) * (1.1 if font == style.BOLD else 1) / 2)
        middle = {"l": x + room / 2, "n": x, "r": x - room / 2}[align]
        look = {"style": "filled", "fillcolor": ground, "color": ground} if ground else {"shape": "none"}
        lettering = {"fontname": font, "fontsize": f"{size:g}", "fontcolor": colour}
        label = graphviz.escape(text) + f"\\{align}"
        self._mark(middle, y, room, size * 1.2, label=label, **lettering, **look, **_link(url))

    def line(
        self,
        *points: tuple[float, float],
        colour: str,
        look: str = "solid",
        pen: float = 1,
        arrow: str = "none",
    ) -> None:
        """Draw a line through `points`, with DOT's `arrow` shape at the last."""
        nodes = [self._mark(x, y, 0, 0, shape="none") for x, y in points]
        for tail, head in pairwise(nodes):
            end = arrow if head == nodes[-1] else "none"
            attributes = {"color": colour, "style": look, "penwidth": f"{pen:g}", "arrowhead": end}
            self._graph.edge(tail, head, **attributes)

    def figure(self, title: str, desc: str) -> Figure:
        """Return what has been drawn."""
        return Figure(self._graph.source, title, desc, engine="neato")

    def _mark(self, x: float, y: float, width: float, height: float, **attributes: str) -> str:
        self._marks += 1
        name = f"m{self._marks}"
        place = {"pos": f"{_inches(x)},{_inches(-y)}!", "width": _inches(width), "height": _inches(height)}
        self._graph.node(name, **place, **attributes)
        return name


def _inches(points: float) -> str:
    return f"{points / _INCH:.3f}"


def _link(url: str | None) -> dict[str, str]:
    return {"URL": url, "tooltip": url} if url else {}
