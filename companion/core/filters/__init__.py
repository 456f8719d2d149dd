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

from companion.core.filters.parser import parse_filter
from companion.core.filters.selectors import Adaptor, AllOf, AnyOf, Filter

__all__ = ["Adaptor", "Filter", "parse"]


def parse(*filters: str) -> Filter:
    """Return what matches when any of `filters` does; without filters, and for an empty one, everything.

    Raises `InvalidArgument` with the place and the reason of the first syntax error.
    containerd: filters.ParseAll.
    """
    if not filters:
        return AllOf(())
    return AnyOf(tuple(parse_filter(text) if text else AllOf(()) for text in filters))
