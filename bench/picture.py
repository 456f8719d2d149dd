"""The picture of a run: a bar for each operation; twice and half are equally far from one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

_ROW, _TOP, _MIDDLE, _OCTAVE, _WIDTH = 18, 40, 420, 70, 700


def picture(ratios: Sequence[tuple[str, float]]) -> str:
    """Return an SVG of ratios to containerd's rate; one is containerd itself."""
    height = _TOP + _ROW * len(ratios) + 10
    title = "Rate as a ratio to containerd in the same run"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="16" font-family="sans-serif" font-size="13">{title}</text>',
        '<g font-family="sans-serif">',
        *_scale(height),
    ]
    for row, (name, ratio) in enumerate(ratios):
        lines += _bar(_TOP + _ROW * row, name, ratio)
    return "\n".join([*lines, "</g></svg>", ""])


def _x(ratio: float) -> float:
    return _MIDDLE + _OCTAVE * max(-3.2, min(3.2, math.log2(ratio)))


def _scale(height: int) -> Iterator[str]:
    for ratio in (0.125, 0.25, 0.5, 1, 2, 4, 8):
        x, colour = _x(ratio), "#666666" if ratio == 1 else "#dddddd"
        yield f'<line x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{height - 6}" stroke="{colour}"/>'
        yield f'<text x="{x}" y="{_TOP - 8}" font-size="10" text-anchor="middle">{ratio:g}</text>'


def _bar(y: int, name: str, ratio: float) -> Iterator[str]:
    left, right = sorted((_x(1), _x(ratio)))
    colour = "#1f6a94" if ratio >= 1 else "#855c00"
    yield f'<text x="175" y="{y + 12}" font-size="11" text-anchor="end">{name}</text>'
    yield f'<rect x="{left:.1f}" y="{y + 3}" width="{right - left:.1f}" height="{_ROW - 6}" fill="{colour}"/>'
    anchor, x = ("start", right + 4) if ratio >= 1 else ("end", left - 4)
    yield f'<text x="{x:.1f}" y="{y + 12}" font-size="10" text-anchor="{anchor}">{ratio:.2f}</text>'
