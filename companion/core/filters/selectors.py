"""What a parsed filter is made of: one class for each operator, and the two that join them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import re2

_log = logging.getLogger(__name__)

Adaptor = Callable[[Sequence[str]], str | None]
"""Shows an object to a filter: the text of the field at a path, None if the object does not report it."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class Filter(Protocol):
    """A test of objects. containerd: filters.Filter."""

    def match(self, adaptor: Adaptor) -> bool:
        """Tell whether the object that `adaptor` shows passes."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    filters: tuple[Filter, ...]

    def match(self, adaptor: Adaptor) -> bool:
        return any(one.match(adaptor) for one in self.filters)


@dataclass(frozen=True, slots=True)
class AllOf:
    filters: tuple[Filter, ...]

    def match(self, adaptor: Adaptor) -> bool:
        return all(one.match(adaptor) for one in self.filters)


@dataclass(frozen=True, slots=True)
class Present:
    path: tuple[str, ...]

    def match(self, adaptor: Adaptor) -> bool:
        return adaptor(self.path) is not None


@dataclass(frozen=True, slots=True)
class Equal:
    path: tuple[str, ...]
    value: str

    def match(self, adaptor: Adaptor) -> bool:
        return adaptor(self.path) == self.value


@dataclass(frozen=True, slots=True)
class NotEqual:
    path: tuple[str, ...]
    value: str

    def match(self, adaptor: Adaptor) -> bool:
        return (adaptor(self.path) or "") != self.value


@dataclass(frozen=True, slots=True)
class Matches:
    path: tuple[str, ...]
    pattern: str

    def match(self, adaptor: Adaptor) -> bool:
        regex = _compiled(self.pattern)
        return regex is not None and regex.search(adaptor(self.path) or "") is not None


# Compiled at first use, and few at a time: a filter as large as a message may hold a million expressions.
@lru_cache(maxsize=128)
def _compiled(pattern: str) -> Any:
    """Return the regular expression, or None when it is not valid: then it never matches."""
    try:
        return re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError) as error:
        _log.warning("a filter's regular expression never matches: %.200s", error)
        return None
