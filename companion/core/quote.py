"""Go's quoting of text, which containerd's messages use."""

from __future__ import annotations

_SHORT = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}


def quote(text: str) -> str:
    """Return `text` in double quotes, as Go's %q prints it."""
    return '"' + "".join(_SHORT.get(c) or (c if c.isprintable() else f"\\x{ord(c):02x}") for c in text) + '"'
