"""Lengths of time as Go writes them: `100ms`, `1h2m3.5s`."""

from __future__ import annotations

import re

from companion.core.quote import quote

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse(text: str) -> float:
    """Return the seconds that `text` stands for. Go: time.ParseDuration.

    Raises `ValueError` in Go's words.
    """
    digits = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    parts = _PART.findall(digits)
    if digits != "0" and (not parts or "".join(number + unit for number, unit in parts) != digits):
        raise ValueError(f"time: invalid duration {quote(text)}")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return -seconds if text.startswith("-") else seconds
