"""The meaning of a quoted text in a filter. containerd: filters/quote.go."""

from __future__ import annotations

import re

from companion.core.quote import ESCAPES

_ESCAPE = re.compile(rb"\\(x..|u.{4}|U.{8}|[0-7]{3}|.)")
_NO_CHARACTER = 0xFFFD


def unquote(quoted: str) -> str:
    """Return what a quoted text, whose escapes the scanner found well-formed, stands for.

    Bytes that make no UTF-8 become lone surrogates, which equal nothing in a record. Raises `ValueError`
    for numbers too high for a byte or a character.
    """
    return _ESCAPE.sub(_meaning, quoted[1:-1].encode()).decode(errors="surrogateescape")


def _meaning(escape: re.Match[bytes]) -> bytes:
    text = escape[1].decode()
    if text[0] == "x":
        return bytes.fromhex(text[1:])
    if text[0] in "uU":
        return _character(int(text[1:], 16))
    if text[0] in "01234567":
        return bytes([int(text, 8)])
    return ESCAPES.get(text, text).encode()


def _character(code: int) -> bytes:
    # Go counts in 32 bits with a sign, and what is below zero is to it no character, like a surrogate.
    if 0xD800 <= code <= 0xDFFF or code >= 0x80000000:
        code = _NO_CHARACTER
    return chr(code).encode()
