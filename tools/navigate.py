"""Writes the links to the neighbours into every notebook of the series: the cells tagged `navigation`.

Run by `make notebooks`; a test holds the notebooks against it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
CONTENTS = "00_opening.ipynb"


def title(path: Path) -> str:
    """The notebook's first heading."""
    first = nbformat.read(path, as_version=4).cells[0].source
    return str(first.splitlines()[0]).removeprefix("# ")


def links(path: Path) -> str:
    """The line of links for one notebook: previous, contents, next; for a solution, its chapter."""
    if path.parent.name == "solutions":
        chapter = path.parent.parent / path.name
        return f"[↑ the chapter: {title(chapter)}](../{chapter.name})"
    series = sorted(NOTEBOOKS.glob("*.ipynb"))
    place = series.index(path)
    line = []
    if place > 0:
        line.append(f"[← {title(series[place - 1])}]({series[place - 1].name})")
    if path.name != CONTENTS:
        line.append(f"[contents]({CONTENTS})")
    if place + 1 < len(series):
        line.append(f"[{title(series[place + 1])} →]({series[place + 1].name})")
    return " · ".join(line)


def navigated(path: Path) -> str:
    """The notebook's text with its links as they should be."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "navigation" in cell.metadata.get("tags", ()):
            cell.source = links(path)
    return str(nbformat.writes(notebook)) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(navigated(Path(name).resolve()))
