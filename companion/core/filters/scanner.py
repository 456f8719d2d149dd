"""The words of a filter. containerd: filters/scanner.go."""

from __future__ import annotations

import string
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from companion.core.errors import InvalidArgument
from companion.core.quote import ESCAPES

DOUBLE_QUOTE = '"'
ANY_QUOTE = '"/|'

_SEPARATORS = frozenset(",.")
_OPERATORS = frozenset("=!~")
_FIELD = frozenset(string.ascii_letters + string.digits + "_")
_NOT_IN_VALUE = frozenset(" ,\ufffd")
# Unicode's White_Space, as Go has it; str.isspace() knows four control characters more.
_SPACE = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_NO_CHARACTER = {"\0": "unexpected null", "\ufffd": "rune error"}

_OCTAL, _HEX = frozenset(string.octdigits), frozenset(string.hexdigits)
_DIGITS_AFTER = dict.fromkeys(_OCTAL, (2, _OCTAL)) | {"x": (2, _HEX), "u": (4, _HEX), "U": (8, _HEX)}


class Kind(Enum):
    """What a token is. `OTHER` is a character that starts nothing."""

    FIELD = auto()
    VALUE = auto()
    QUOTED = auto()
    OPERATOR = auto()
    SEPARATOR = auto()
    OTHER = auto()
    END = auto()


class Token(NamedTuple):
    """A piece of a filter as it stands there, quotes and escapes and all, and the index where it starts."""

    kind: Kind
    text: str
    start: int


class Scanner:
    """Cuts a filter into tokens, one when asked: only the parser knows where a value may stand."""

    def __init__(self, text: str) -> None:
        # A lone surrogate, which only Python's text can hold, becomes what Go sees where no character is.
        self._text = text.encode(errors="surrogatepass").decode(errors="replace")
        self._start = self._at = 0

    def peek(self) -> str:
        """Return the next character, white space too; at the end, an empty text."""
        return self._text[self._at : self._at + 1]

    def take(self, char: str) -> bool:
        """Go past the next character if it is `char`, and tell whether it was."""
        taken = self.peek() == char
        self._at += taken
        return taken

    def scan(self, *, value: bool = False) -> Token:
        """Return the next token. With `value`, what would be a field is a value, which may hold more.

        Raises `InvalidArgument` for a quoted text that is wrong in itself, and for what is no character.
        """
        self._skip(_SPACE.__contains__)
        self._start = self._at
        kind = self._read(value)
        return Token(kind, self._text[self._start : self._at], self._start)

    def error(self, reason: str, at: int | None = None) -> InvalidArgument:
        """Return the error for the character at the index `at`, by default at the scanner's place."""
        at = self._at if at is None else at
        before, rest = self._text[:at], self._text[at:].encode()
        # containerd marks one byte, so what it cuts off a longer character is no text any more.
        marked, after = rest[:1].decode(errors="replace"), rest[1:].decode(errors="replace")
        place = f"{before} >|{marked}|< {after}" if rest else before
        return InvalidArgument(f"filters: parse error: [{place}]: {reason}")

    def _read(self, value: bool) -> Kind:
        char = self._next()
        if not char:
            return Kind.END
        if char in ANY_QUOTE:
            self._quoted(char)
            return Kind.QUOTED
        if char in _SEPARATORS:
            return Kind.SEPARATOR
        if char in _OPERATORS:
            self._skip(_OPERATORS.__contains__)
            return Kind.OPERATOR
        if value:  # Whatever its first character was.
            self._skip(_in_value)
            return Kind.VALUE
        if char in _FIELD:
            self._skip(_FIELD.__contains__)
            return Kind.FIELD
        return Kind.OTHER

    def _quoted(self, quote: str) -> None:
        while (char := self._next()) != quote:
            if char in ("\n", ""):
                raise self.error("quoted literal not terminated", self._start)
            if char == "\\":
                self._escape(quote)

    def _escape(self, quote: str) -> None:
        char = self._next()
        if char == quote or char in ESCAPES:
            return
        if char not in _DIGITS_AFTER:
            raise self.error("illegal escape sequence", self._start)
        count, digits = _DIGITS_AFTER[char]
        if not all(self._next() in digits for _ in range(count)):
            raise self.error("illegal numeric escape sequence", self._start)

    def _next(self) -> str:
        char = self.peek()
        if char in _NO_CHARACTER:
            raise self.error(_NO_CHARACTER[char], self._start)
        self._at += len(char)
        return char

    def _skip(self, wanted: Callable[[str], bool]) -> None:
        while self._at < len(self._text) and wanted(self._text[self._at]):
            self._at += 1


def _in_value(char: str) -> bool:
    return char.isprintable() and char not in _NOT_IN_VALUE
