"""A figure as a notebook shows it: a picture, and its meaning as text."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from html import escape

import graphviz

_PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format="svg", prog=sys.argv[1]))
"""


@dataclass(frozen=True)
class Figure:
    """A drawing in the DOT language, to be displayed by a notebook.

    `title` and `desc` tell those who cannot see the picture what it is and what it shows: they are in the
    SVG, and they are the text that Jupyter shows until the notebook is run or trusted. `engine` is
    Graphviz's layout, such as "dot" or "neato".
    """

    dot: str
    title: str
    desc: str
    engine: str = "dot"

    def svg(self) -> str | None:
        """Return the picture as one SVG element, or None where there is no Graphviz at all.

        Raises `subprocess.CalledProcessError` for a `dot` that is no DOT.
        """
        drawn = _draw(self.dot, self.engine)
        return None if drawn is None else self._named(drawn)

    def text(self) -> str:
        """Return what the figure shows, in words."""
        return f"{self.title}\n\n{self.desc}"

    def _named(self, svg: str) -> str:
        """Drop what tells the version of Graphviz or repeats the inner names; add title and description."""
        svg = svg[svg.index("<svg") :]
        svg = re.sub(r"<!--.*?-->\n|<title>.*?</title>\n", "", svg, flags=re.DOTALL)
        opening, rest = svg.split(">", 1)
        # A page narrower than the picture scales it, and does not cut it.
        role = 'role="img" style="max-width: 100%; height: auto"'
        names = f"<title>{escape(self.title)}</title>\n<desc>{escape(self.desc)}</desc>"
        return f"{opening} {role}>\n{names}{rest}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        text = {"text/plain": self.text()}
        svg = self.svg()
        return text if svg is None else {"image/svg+xml": svg, **text}


def id_of(title: str) -> str:
    """Return the id of a figure, with which all ids in its SVG begin: several figures may be on one page."""
    return re.sub(r"\W+", "_", title.lower())


def _draw(dot: str, engine: str) -> str | None:
    try:
        svg: bytes = graphviz.pipe(engine, "svg", dot.encode(), quiet=True)
        return svg.decode()
    except graphviz.ExecutableNotFound:
        pass
    if importlib.util.find_spec("pygraphviz") is None:
        return None
    # In a process of its own, because its libraries write warnings to descriptor 2, into the reader's cell.
    command = [sys.executable, "-c", _PYGRAPHVIZ, engine]
    return subprocess.run(command, input=dot.encode(), capture_output=True, check=True).stdout.decode()
