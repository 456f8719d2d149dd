"""What the tests read out of an SVG."""

from __future__ import annotations

from xml.etree import ElementTree

from companion.guide.figures.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(figure: Figure) -> str:
    """The SVG of a figure, on a machine that can draw."""
    svg = figure.svg()
    assert svg is not None, "neither dot nor pygraphviz is here to draw"
    return svg


def parsed(figure: Figure) -> ElementTree.Element:
    return ElementTree.fromstring(drawn(figure))


def words(figure: Figure) -> list[str]:
    """Every text of the picture, one per line of type."""
    return ["".join(text.itertext()).strip() for text in parsed(figure).iter(f"{_SVG}text")]


def inches_wide(figure: Figure) -> float:
    return float(parsed(figure).attrib["width"].removesuffix("pt")) / 72


def hrefs(figure: Figure) -> set[str]:
    return {link.attrib["{http://www.w3.org/1999/xlink}href"] for link in parsed(figure).iter(f"{_SVG}a")}
