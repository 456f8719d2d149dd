"""What a parsed filter is made of: one class for each operator, and the two that join them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import re2

_log = logging.getLogger(__name__)

Adaptor = Callable[[Sequence[str]], str | None]
"""Shows an object to a filter: the text of the field at a path, None if the object does not report it."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True  # nobody asks for groups, and keeping track of many costs a thousandfold


class Filter(Protocol):
    """A test of objects. containerd: filters.Filter."""

    def match(self, adaptor: Adaptor) -> bool:
        """Tell whether the object that `adaptor` shows passes."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Passes what any of the filters passes."""

    filters: tuple[Filter, ...]

    def match(self, adaptor: Adaptor) -> bool:
        return any(one.match(adaptor) for one in self.filters)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Passes what all of the filters pass; without filters, everything."""

    filters: tuple[Filter, ...]

    def match(self, adaptor: Adaptor) -> bool:
        return all(one.match(adaptor) for one in self.filters)


@dataclass(frozen=True, slots=True)
class Present:
    """The fieldpath alone: the object reports the field."""

    path: tuple[str, ...]

    def match(self, adaptor: Adaptor) -> bool:
        return adaptor(self.path) is not None


@dataclass(frozen=True, slots=True)
class Equal:
    """The operator ``==``: the object reports the field, with this value."""

    path: tuple[str, ...]
    value: str

    def match(self, adaptor: Adaptor) -> bool:
        return adaptor(self.path) == self.value


@dataclass(frozen=True, slots=True)
class NotEqual:
    """The operator ``!=``; a field that is not reported counts as empty."""

    path: tuple[str, ...]
    value: str

    def match(self, adaptor: Adaptor) -> bool:
        return (adaptor(self.path) or "") != self.value


@dataclass(frozen=True)
class Matches:
    """The operator ``~=``: the field, empty when not reported, holds a match of the regular expression."""

    path: tuple[str, ...]
    pattern: str

    def match(self, adaptor: Adaptor) -> bool:
        return self._regex is not None and self._regex.search(adaptor(self.path) or "") is not None

    @cached_property
    def _regex(self) -> Any:
        try:
            return re2.compile(self.pattern, _OPTIONS)
        except (re2.error, UnicodeEncodeError):
            _log.warning("a filter's regular expression is invalid and never matches: %.200r", self.pattern)
            return None
