from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from companion.guide.figures.figure import Figure
from tests.unit.guide.svgs import drawn, parsed

FIGURE = Figure("digraph two { a -> b }\n", "Two <nodes>", "a calls b;\nb answers")

PYGRAPHVIZ = """
import sys
class AGraph:
    def __init__(self, string):
        self.string = string
    def draw(self, format, prog):
        sys.stderr.write("a warning of the library")
        return f'<?xml?><svg width="1pt"><g>{prog} {format} {len(self.string)}</g></svg>'.encode()
"""


@pytest.fixture
def no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def test_a_notebook_gets_the_picture_and_the_text() -> None:
    assert FIGURE._repr_mimebundle_() == {"image/svg+xml": drawn(FIGURE), "text/plain": FIGURE.text()}


def test_the_text_is_title_and_description() -> None:
    assert FIGURE.text() == f"{FIGURE.title}\n\n{FIGURE.desc}"


def test_the_picture_is_one_svg_element_with_title_and_description_first() -> None:
    svg = parsed(FIGURE)
    assert svg.attrib["role"] == "img"
    assert [child.tag.rpartition("}")[2] for child in svg] == ["title", "desc", "g"]
    assert [svg[0].text, svg[1].text] == ["Two <nodes>", "a calls b;\nb answers"]


def test_the_picture_tells_nothing_of_the_graphviz_that_drew_it() -> None:
    svg = drawn(FIGURE)
    assert svg.startswith("<svg")
    assert "<!--" not in svg
    assert "raphviz" not in svg


def test_only_the_figure_has_a_title() -> None:
    assert drawn(FIGURE).count("<title>") == 1


def test_two_renderings_are_the_same() -> None:
    assert drawn(FIGURE) == drawn(FIGURE)


def test_the_engine_is_the_one_asked_for() -> None:
    beside = 'graph { a [pos="0,0!"] b [pos="3,0!"] }'
    wide = parsed(Figure(beside, "", "", engine="neato")).attrib["width"]
    assert float(wide.removesuffix("pt")) > 3 * 72


def test_text_that_is_no_dot_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Figure("digraph {", "", "").svg()


@pytest.mark.usefixtures("no_dot")
def test_without_any_graphviz_there_is_the_text_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert FIGURE._repr_mimebundle_() == {"text/plain": FIGURE.text()}


@pytest.mark.usefixtures("no_dot")
def test_without_dot_pygraphviz_draws_and_its_warnings_stay_out_of_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pygraphviz.py").write_text(PYGRAPHVIZ)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert f"<g>dot svg {len(FIGURE.dot)}</g>" in drawn(FIGURE)
    assert capfd.readouterr() == ("", "")


def test_pygraphviz_is_not_imported_to_draw_with_dot() -> None:
    drawn(FIGURE)
    assert "pygraphviz" not in sys.modules
