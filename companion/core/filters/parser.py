"""The grammar of a filter, one function for each of its rules. containerd: filters/parser.go."""

from __future__ import annotations

from companion.core.filters.scanner import ANY_QUOTE, DOUBLE_QUOTE, Kind, Scanner, Token
from companion.core.filters.selectors import AllOf, Equal, Filter, Matches, NotEqual, Present
from companion.core.filters.unquote import unquote

_COMPARISONS: dict[str, type[Equal | NotEqual | Matches]] = {"==": Equal, "!=": NotEqual, "~=": Matches}


def parse_filter(text: str) -> AllOf:
    """Return the filter that `text` spells. Raises `InvalidArgument`. containerd: filters.Parse."""
    scanner = Scanner(text)
    selectors = [_selector(scanner)]
    while scanner.take(","):
        selectors.append(_selector(scanner))
    if rest := scanner.peek():
        # containerd has no character to show for a null here.
        raise scanner.error(f"unexpected input: {rest}".replace("\0", "\ufffd"))
    return AllOf(tuple(selectors))


def _selector(scanner: Scanner) -> Filter:
    path = _fieldpath(scanner)
    if scanner.peek() in ("", ","):
        return Present(path)
    comparison = _comparison(scanner)
    return comparison(path, _value(scanner, ANY_QUOTE if comparison is Matches else DOUBLE_QUOTE))


def _fieldpath(scanner: Scanner) -> tuple[str, ...]:
    path = [_field(scanner)]
    while scanner.take("."):
        path.append(_field(scanner))
    return tuple(path)


def _field(scanner: Scanner) -> str:
    token = scanner.scan()
    if token.kind is Kind.FIELD:
        return token.text
    if token.kind is Kind.QUOTED:
        # Not every adaptor can look up a name that is no UTF-8.
        return (
            _unquoted(scanner, token, DOUBLE_QUOTE).encode(errors="surrogateescape").decode(errors="replace")
        )
    raise scanner.error("expected field or quoted", token.start)


def _comparison(scanner: Scanner) -> type[Equal | NotEqual | Matches]:
    token = scanner.scan()
    if token.kind is not Kind.OPERATOR:
        raise scanner.error('expected an operator ("=="|"!="|"~=")', token.start)
    if token.text not in _COMPARISONS:
        raise scanner.error(f'unsupported operator "{token.text}"', token.start)
    return _COMPARISONS[token.text]


def _value(scanner: Scanner, quotes: str) -> str:
    token = scanner.scan(value=True)
    if token.kind is Kind.VALUE:
        return token.text
    if token.kind is Kind.QUOTED:
        return _unquoted(scanner, token, quotes)
    raise scanner.error("expected value or quoted", token.start)


def _unquoted(scanner: Scanner, token: Token, quotes: str) -> str:
    if token.text[0] not in quotes:
        raise scanner.error("invalid quote encountered", token.start)
    try:
        return unquote(token.text)
    except ValueError:
        raise scanner.error("unquoting failed: quote syntax error", token.start) from None
