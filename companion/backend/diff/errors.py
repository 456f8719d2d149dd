"""The error of what is wrong with a layer."""

from __future__ import annotations

from companion.core.errors import Error, described


class LayerError(Exception):
    """A layer that cannot be unpacked, or made. It has no class in containerd, so a client sees UNKNOWN."""


def wrapped(error: Exception, prefix: str) -> Exception:
    """Return an error with a prefix to its text, of the same class where it has one."""
    return error.wrap(prefix) if isinstance(error, Error) else LayerError(f"{prefix}: {described(error)}")
