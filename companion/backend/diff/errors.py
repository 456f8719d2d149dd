"""The error of what is wrong with a layer."""

from __future__ import annotations

from companion.core.errors import Error


class LayerError(Exception):
    """A layer that cannot be unpacked, or made. It has no class in containerd, so a client sees UNKNOWN."""


def wrapped(error: Exception, prefix: str) -> Exception:
    """Return an error with a prefix to its text, of the same class where it has one."""
    return error.wrap(prefix) if isinstance(error, Error) else LayerError(f"{prefix}: {described(error)}")


def described(error: Exception) -> str:
    """Return the text of an error; one of the system reads as it does in containerd, with a path."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    text = error.strerror.lower()
    return f"{shown(error.filename)}: {text}" if error.filename is not None else text


def shown(name: object) -> str:
    """Return a name as it can stand in a text: a status is UTF-8, and a name may be any bytes."""
    return str(name).encode(errors="backslashreplace").decode()
