"""Filters: which objects a list shows, which events a subscriber gets. containerd: package filters.

A filter is one or more selectors, joined by commas, that must all match; white space may stand before any
part of a selector, but not after its last:

    filter    = selector {"," selector}
    selector  = fieldpath [operator value]
    fieldpath = field {"." field}
    field     = letters, digits and "_" (ASCII), or a quoted text
    operator  = "==" (is), "!=" (is not) or "~=" (holds a match of the regular expression)
    value     = printable characters without space and ",", or a quoted text

A fieldpath alone asks whether the object reports that field at all. Quotes are ``"…"`` with Go's escapes;
a regular expression may also stand in ``/…/`` or ``|…|``.
"""

from __future__ import annotations

from collections.abc import Iterable

from companion.core.errors import InvalidArgument
from companion.core.filters.parser import parse_filter
from companion.core.filters.selectors import Adaptor, AllOf, AnyOf, Filter, Matches

__all__ = ["MAX_EXPRESSIONS", "Adaptor", "Filter", "parse", "parse_request"]

MAX_EXPRESSIONS = 16 << 10
"""The longest that the regular expressions of one list may be together, in characters: compiling them can
take 10 KiB of memory a character."""


def parse(*filters: str) -> Filter:
    """Return what matches when any of `filters` does; without filters, and for an empty one, everything.

    Raises `InvalidArgument` with the place and the reason of the first syntax error.
    containerd: filters.ParseAll.
    """
    if not filters:
        return AllOf(())
    parsed = tuple(parse_filter(text) if text else AllOf(()) for text in filters)
    expressions = (one.pattern for every in parsed for one in every.filters if isinstance(one, Matches))
    if sum(map(len, expressions)) > MAX_EXPRESSIONS:
        raise InvalidArgument(f"filters: regular expressions of more than {MAX_EXPRESSIONS} characters")
    return AnyOf(parsed)


def parse_request(filters: Iterable[str]) -> Filter:
    """Parse the filters of a list request, as `parse` does.

    The text of the class stands twice in its error, because containerd's stores wrap that of the parser.
    """
    try:
        return parse(*filters)
    except InvalidArgument as error:
        raise InvalidArgument(str(error)) from None
