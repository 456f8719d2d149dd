"""The tower of snapshots: each rests on its parent, with the layer that made it and who uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from companion.client import Client
from companion.core.image_config import chain_id
from companion.core.labels import UNCOMPRESSED
from companion.core.snapshots import Info, Kind
from companion.guide.figures.canvas import Canvas
from companion.guide.figures.figure import Figure
from companion.guide.figures.style import BOLD, FLOORS, FONT, PAPER, Colour, shorten

_WIDTH, _SIZE, _SMALL = 500.0, 9.0, 8.0
_BLOCK, _ROOF, _GAP, _LEADING = 46.0, 24.0, 4.0, 12.0
_DIGEST, _SHOWN = "sha256:", 8
_ABOVE = {Kind.ACTIVE: "active, to be written to", Kind.VIEW: "view, only to be read"}


@dataclass(frozen=True, slots=True)
class _Block:
    """A snapshot at its place: `column` of so many leaves from the left, `level` from the ground."""

    info: Info
    column: int
    leaves: int
    level: int
    layer: str
    user: str


def tower(client: Client, snapshotter: str, title: str = "The tower of snapshots") -> Figure:
    """Return the figure of all snapshots that a snapshotter keeps for the namespace of the context.

    Children stand on their parent. A committed one is filled, and says which of the namespace's layers it
    was made of; on top of one that a container uses stands the container. Two figures on one page need
    titles of their own. Raises `FailedPrecondition` without a namespace, and what the snapshotter does.
    """
    blocks = list(_blocks(client, snapshotter))
    levels = 1 + max((block.level for block in blocks), default=0)
    width = _WIDTH / max(1, sum(block.leaves for block in blocks if block.level == 0))
    canvas = Canvas(title, _WIDTH, _ROOF + levels * _BLOCK)
    for block in blocks:
        _draw(canvas, block, width)
    return canvas.figure(title, "\n".join(map(_told, blocks)) or "Nothing at all.")


def _blocks(client: Client, snapshotter: str) -> Iterator[_Block]:
    """Yield the snapshots from the ground up, each before its children."""
    infos = client.snapshot_service(snapshotter).list()
    layers = {blob.digest: blob.labels.get(UNCOMPRESSED, "") for blob in client.content_store.list()}
    users = {
        record.snapshot_key: record.id
        for record in client.container_service.list()
        if record.snapshotter == snapshotter
    }

    def placed(parent: str, column: int, level: int) -> Iterator[_Block]:
        for info in infos:
            if info.parent == parent:
                leaves = _leaves(infos, info.name)
                yield _Block(info, column, leaves, level, _layer(info, layers), users.get(info.name, ""))
                yield from placed(info.name, column, level + 1)
                column += leaves

    return placed("", 0, 0)


def _leaves(infos: Sequence[Info], name: str) -> int:
    return sum(_leaves(infos, info.name) for info in infos if info.parent == name) or 1


def _layer(info: Info, layers: dict[str, str]) -> str:
    """Return which layer a snapshot is named after, on top of its parent; empty if it is after none."""
    for blob, diff_id in layers.items():
        if diff_id and chain_id(filter(None, (info.parent, diff_id))) == info.name:
            return blob
    return ""


def _draw(canvas: Canvas, block: _Block, width: float) -> None:
    x, room = block.column * width, block.leaves * width - _GAP
    y = canvas.height - (block.level + 1) * _BLOCK
    colour, middle = FLOORS["backend"], x + room / 2
    committed = block.info.kind is Kind.COMMITTED
    body = colour if committed else Colour(PAPER, colour.line)
    look = "filled,dashed" if block.info.kind is Kind.VIEW else "filled"
    canvas.box(x, y, room, _BLOCK - _GAP, body, pen=1 if committed else 2, look=look)
    lines = _lines(block)
    top = y + (_BLOCK - _GAP) / 2 - (len(lines) - 1) * _LEADING / 2
    for row, (text, size, font) in enumerate(lines):
        shown = shorten(text, size * 1.1, room - 8)
        canvas.text(middle, top + row * _LEADING, shown, size, font=font, align="n")
    if block.user:
        canvas.box(x, y - _ROOF, room, _ROOF - _GAP, FLOORS["store"])
        shown = shorten(f"container {block.user}", _SIZE * 1.1, room - 8)
        canvas.text(middle, y - _ROOF / 2 - _GAP / 2, shown, _SIZE, font=BOLD, align="n")


def _lines(block: _Block) -> list[tuple[str, float, str]]:
    kind = _ABOVE.get(block.info.kind, str(block.info.kind))
    lines = [(kind, _SMALL, FONT), (_short(block.info.name), _SIZE, BOLD)]
    return [*lines, (f"layer {_short(block.layer)}", _SMALL, FONT)] if block.layer else lines


def _told(block: _Block) -> str:
    layer = f", of layer {_short(block.layer)}" if block.layer else ""
    user = f", the root of container {block.user}" if block.user else ""
    return f"{'  ' * block.level}{block.info.kind} {_short(block.info.name)}{layer}{user}"


def _short(name: str) -> str:
    return name[: len(_DIGEST) + _SHOWN] if name.startswith(_DIGEST) else name
