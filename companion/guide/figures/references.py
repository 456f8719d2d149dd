"""The figure of references: what a namespace holds, what keeps it, and what nothing keeps."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import graphviz

from companion.client import Client
from companion.core.garbage import CONTENT, INGESTS, LEASES, SNAPSHOTS, Node
from companion.guide.figures.figure import Figure, id_of
from companion.guide.figures.style import FAINT, FAULT, FLOORS, FONT, INK, PAPER, Colour, shorten
from companion.guide.references import CONTAINERS, IMAGES, Reference, References, read

_SIZE, _SMALL, _ROOM = 10.0, 8.0, 220.0
_RECORDS = (IMAGES, CONTAINERS, LEASES)
_KINDS = {CONTENT: "blob", IMAGES: "image", CONTAINERS: "container", LEASES: "lease", INGESTS: "ingest"}
_DIGEST, _SHOWN = "sha256:", 8
_GARBAGE = "garbage"


def references(
    client: Client, title: str = "What keeps what", names: Mapping[str, str] | None = None
) -> Figure:
    """Return the figure of all that the namespace of the context holds, an arrow for each reference.

    Roots have a thick line. What no root leads to is dashed, and so is what is not there. `names` says what
    to call a thing in place of its key, such as a digest. Two figures on one page need titles of their own.
    Raises `FailedPrecondition` without a namespace.
    """
    found, called = read(client), names or {}
    remarks = _remarks(found)
    graph = graphviz.Digraph(
        graph_attr={
            "id": id_of(title),
            "bgcolor": PAPER,
            "pad": "0.05",
            "ranksep": "0.3",
            "nodesep": "0.2",
            "ordering": "out",
        },
        node_attr={"shape": "box", "fontname": FONT, "fontsize": f"{_SIZE:g}", "margin": "0.08,0.04"},
        edge_attr={"fontname": FONT, "fontsize": f"{_SMALL:g}", "color": FAINT, "arrowsize": "0.6"},
    )
    with graph.subgraph(graph_attr={"rank": "source"}) as top:
        for node in found.nodes:
            if node.type in _RECORDS:
                top.node(_id(node))
    for node in (*found.nodes, *found.missing()):
        remark = remarks.get(node, "")
        graph.node(_id(node), label=_label(node, called, remark), **_look(node, found, remark))
    with graph.subgraph(graph_attr={"rank": "sink"}) as bottom:
        for node in _loose(found):
            bottom.node(_id(node))
    for each in found.references:
        graph.edge(_id(each.source), _id(each.target), label=_made_by(each))
    return Figure(graph.source, title, _desc(found, remarks, called))


def _remarks(found: References) -> dict[Node, str]:
    """Return what is to be said of some nodes beside their names."""
    kept = {node: "gc.root" for node in found.roots if node.type not in _RECORDS}
    garbage = {node: "expired" if node.type == LEASES else _GARBAGE for node in found.garbage()}
    return kept | garbage | dict.fromkeys(found.missing(), "not there")


def _loose(found: References) -> list[Node]:
    """Return what no reference touches: left to itself, it is laid out in any row that has room."""
    tied = {node for each in found.references for node in (each.source, each.target)}
    return [node for node in found.nodes if node not in tied and node.type not in _RECORDS]


def _id(node: Node) -> str:
    return f"{node.type} {node.key}".replace(":", " ")  # DOT takes what follows a colon for a port


def _name(node: Node, called: Mapping[str, str]) -> str:
    key = called.get(node.key, node.key)
    return key[: len(_DIGEST) + _SHOWN] if key.startswith(_DIGEST) else key


def _kind(node: Node) -> str:
    return _KINDS.get(node.type, "snapshot")


def _label(node: Node, called: Mapping[str, str], remark: str) -> str:
    name = shorten(_name(node, called), _SIZE * 1.1, _ROOM)
    lines = [_small(_kind(node)), f"<B>{escape(name)}</B>", *([_small(remark)] if remark else [])]
    return f"<{'<BR/>'.join(lines)}>"


def _small(words: str) -> str:
    return f'<FONT POINT-SIZE="{_SMALL:g}">{escape(words)}</FONT>'


def _look(node: Node, found: References, remark: str) -> dict[str, str]:
    colour, is_solid = _colour(node), node in found.roots or not remark
    if not is_solid:
        colour = FAULT if node in found.nodes else Colour(PAPER, FAINT)
    return {
        "fillcolor": colour.fill,
        "color": colour.line,
        "style": "filled" if is_solid else "filled,dashed",
        "penwidth": "2.5" if node in found.roots else "1",
        "height": "0.6" if remark else "0.5",
        "fontcolor": INK,
    }


def _colour(node: Node) -> Colour:
    if node.type in _RECORDS:
        return FLOORS["store"]
    return FLOORS["backend"] if node.type.startswith(SNAPSHOTS) else Colour(PAPER, FLOORS["backend"].line)


def _made_by(each: Reference) -> str:
    """Break the name of a label in two, so that arrows side by side have room."""
    return str(graphviz.escape(f" {each.made_by} ")).replace("gc.ref.", "gc.ref. \\n ", 1)


def _desc(found: References, remarks: Mapping[Node, str], called: Mapping[str, str]) -> str:
    def told(node: Node) -> str:
        return f"{_kind(node)} {_name(node, called)}"

    def line(node: Node) -> str:
        leads = [f"{each.made_by} → {told(each.target)}" for each in found.references if each.source == node]
        remark = f" ({remarks[node]})" if node in remarks else ""
        head = f"{'root ' if node in found.roots else ''}{told(node)}{remark}"
        return f"{head}: {'; '.join(leads)}" if leads else head

    return "\n".join(line(node) for node in (*found.nodes, *found.missing())) or "Nothing at all."
