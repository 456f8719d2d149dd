"""Go's quoting of text, which containerd's messages use."""

from __future__ import annotations

ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
"""The characters with a name of their own, by what follows the backslash."""

_SHOWN = {char: f"\\{name}" for name, char in ESCAPES.items()} | {'"': '\\"'}


def quote(text: str) -> str:
    """Return `text` in double quotes, with escapes for what does not print. Go: the format %q."""
    return f'"{"".join(map(_shown, text))}"'


def _shown(char: str) -> str:
    if char in _SHOWN:
        return _SHOWN[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
