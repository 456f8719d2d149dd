"""The figure of the plugins: a box for each type, and which type requires which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import graphviz

from companion.guide.figures.figure import Figure, id_of
from companion.guide.figures.style import FAINT, FAULT, FLOORS, FONT, INK, PAPER

# type, id, required types, whether it was loaded
Plugin = tuple[str, str, Sequence[str], bool]

_PREFIX = "io.containerd."
_SIZE, _SMALL = 9.0, 8.0
# The layer of a type by the first word of its name, and the floor whose colour it wears.
_LAYERS = {
    "grpc": ("API", "service"),
    "service": ("services", "local"),
    "metadata": ("core", "store"),
    **dict.fromkeys(("gc", "event", "monitor", "differ"), ("core", "core")),
    **dict.fromkeys(("content", "snapshotter", "runtime"), ("backend", "backend")),
}


def plugin_graph(plugins: Sequence[Plugin], title: str = "The plugins and what they require") -> Figure:
    """Return the figure of `plugins`, each given as its type, id, required types and whether it was loaded.

    Two figures on one page need titles of their own.

    A type stands above all that it requires. Plugins require types, not plugins, so the arrows run from
    type to type; one is named after its plugins, or counts them, where not all of the type require it.
    """
    types: dict[str, list[Plugin]] = {plugin[0]: [] for plugin in plugins}
    for plugin in plugins:
        types[plugin[0]].append(plugin)
    users = {name: _users(group, types) for name, group in types.items()}
    graph = graphviz.Digraph(
        "plugins",
        graph_attr={
            "id": id_of(title),
            "bgcolor": PAPER,
            "pad": "0.05",
            "ranksep": "0.35",
            "nodesep": "0.12",
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": f"{_SIZE:g}"},
        edge_attr={"fontname": FONT, "fontsize": f"{_SMALL:g}", "color": FAINT, "arrowsize": "0.6"},
    )
    for name in dict.fromkeys([*types, *(other for used in users.values() for other in used)]):
        graph.node(name, label=_box(name, types.get(name, [])))
    for name, used in users.items():
        for other, ids in used.items():
            # Weighted, so that the way most of them go is the straight one.
            graph.edge(name, other, label=_who(ids, types[name]), weight=str(len(ids)))
    return Figure(graph.source, title, _desc(types, users))


def _users(group: list[Plugin], types: Iterable[str]) -> dict[str, list[str]]:
    """Return what the plugins of one type require, each with the ids of those that do. "*": all others."""
    users: dict[str, list[str]] = {}
    for own, plugin, requires, _ in group:
        for other in requires if "*" not in requires else [other for other in types if other != own]:
            users.setdefault(other, []).append(plugin)
    return users


def _who(users: list[str], group: list[Plugin]) -> str:
    if len(users) == len(group):
        return ""
    return f" {graphviz.escape(', '.join(users))} " if len(users) < 3 else f" {len(users)} of {len(group)} "


def _box(name: str, group: list[Plugin]) -> str:
    """Return DOT's HTML for a type: its name and layer, and below them its plugins in columns."""
    short = name.removeprefix(_PREFIX)
    layer, floor = _LAYERS.get(short.split(".")[0], ("other", "core"))
    columns = min(3, len(group)) if len(group) > 3 else 1
    cells = [_cell(plugin, loaded) for _, plugin, _, loaded in group] or [_cell("no plugin", loaded=True)]
    table = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    body = "".join(f"<TR>{''.join(row)}</TR>" for row in table)
    names = f'<B>{escape(short)}</B><BR/><FONT POINT-SIZE="{_SMALL:g}">{layer}</FONT>'
    head = f'<TD COLSPAN="{columns}" BGCOLOR="{FLOORS[floor].fill}">{names}</TD>'
    frame = f'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="{FLOORS[floor].line}"'
    return f'<<TABLE {frame} BGCOLOR="{PAPER}"><TR>{head}</TR>{body}</TABLE>>'


def _cell(plugin: str, loaded: bool) -> str:
    text, colour = (plugin, INK) if loaded else (f"{plugin} (not loaded)", FAULT.line)
    return f'<TD ALIGN="LEFT"><FONT COLOR="{colour}">{escape(text)}</FONT></TD>'


def _desc(types: dict[str, list[Plugin]], users: dict[str, dict[str, list[str]]]) -> str:
    required = [f"{name} requires {', '.join(used)}" for name, used in users.items() if used]
    lost = [plugin for group in types.values() for _, plugin, _, loaded in group if not loaded]
    return "; ".join([*required, f"not loaded: {', '.join(lost) or 'none'}"]).replace(_PREFIX, "") + "."
