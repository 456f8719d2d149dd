"""The figure of a database: the tree of its buckets, and beside it the flat keys that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from companion.guide.figures.canvas import Canvas
from companion.guide.figures.figure import Figure
from companion.guide.figures.style import BOLD, FAINT, FLOORS, FONT, PAPER, Colour, shorten
from companion.store.database import Database

_WIDTH, _STEP, _BOX, _GAP = 500.0, 32.0, 112.0, 28.0
_HEAD, _ROW, _HEIGHT, _SIZE = 20.0, 24.0, 18.0, 9.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A bucket or a value, and how deep in the tree it is; the file itself is at depth 0, without a key."""

    name: str
    key: str
    depth: int
    is_bucket: bool


def bucket_tree(db: Database) -> Figure:
    """Return the figure of all that `db` holds, a row for each key in LMDB's order.

    A walk through the tree meets buckets and values in the order of their keys, so one row shows both.
    """
    with db.environment.begin() as txn:
        keys = list(txn.cursor().iternext(values=False))
    entries = [_Entry(db.path.name, "", 0, is_bucket=True), *map(_entry, keys)]
    right = max(entry.depth for entry in entries) * _STEP + _BOX + _GAP
    canvas = Canvas("bucket_tree", _WIDTH, _HEAD + len(entries) * _ROW)
    canvas.text(0, _HEAD / 2, "the tree", _SIZE, colour=FAINT)
    canvas.text(right, _HEAD / 2, "the keys, as LMDB holds them in order", _SIZE, colour=FAINT)
    parents: list[int] = []
    for row, entry in enumerate(entries):
        del parents[entry.depth :]
        if parents:
            _draw_branch(canvas, entry, parents[-1], row)
        parents.append(row)
    for row, entry in enumerate(entries):
        _draw_entry(canvas, entry, _middle(row), right)
    tree = "\n".join("  " * entry.depth + entry.name + "/" * entry.is_bucket for entry in entries)
    return canvas.figure("The buckets and values of a database", tree)


def _entry(key: bytes) -> _Entry:
    """Read the place in the tree from a key: a NUL byte closes the name of every bucket on the way."""
    names = key.removesuffix(b"\0").split(b"\0")
    return _Entry(_shown(names[-1]), _shown(key), len(names), is_bucket=key.endswith(b"\0"))


def _shown(raw: bytes) -> str:
    return repr(raw)[2:-1].replace("\\x00", "\\0")


def _middle(row: int) -> float:
    return _HEAD + (row + 0.5) * _ROW


def _draw_branch(canvas: Canvas, entry: _Entry, parent: int, row: int) -> None:
    left = entry.depth * _STEP
    stem = left - _STEP / 2
    points = (stem, _middle(parent) + _HEIGHT / 2), (stem, _middle(row)), (left, _middle(row))
    canvas.line(*points, colour=FAINT)


def _draw_entry(canvas: Canvas, entry: _Entry, y: float, right: float) -> None:
    left, line = entry.depth * _STEP, FLOORS["store"].line
    colour, font = (FLOORS["store"], BOLD) if entry.is_bucket else (Colour(PAPER, line), FONT)
    canvas.box(left, y - _HEIGHT / 2, _BOX, _HEIGHT, colour)
    canvas.text(left + 6, y, shorten(entry.name, _SIZE * 1.1, _BOX - 12), _SIZE, font=font)
    if entry.key:
        canvas.line((left + _BOX + 4, y), (right - 6, y), colour=FAINT, look="dotted")
        canvas.text(right, y, shorten(entry.key, _SIZE, _WIDTH - right), _SIZE)
