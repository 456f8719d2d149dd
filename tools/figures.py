"""Draws the figure of the README: docs/floors.svg. Run by `make notebooks`."""

from pathlib import Path

from companion.guide import floors

drawn = floors().svg()
assert drawn is not None, "no Graphviz"
(Path(__file__).resolve().parents[1] / "docs/floors.svg").write_text(
    drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) if "xmlns=" not in drawn else drawn
)
