"""The seam at which a call can be watched on its way through the floors.

A class that is a stop on the way carries `@traced(floor)`. As long as nobody records, each of its
methods pays one test for None. A recorder (see `companion.guide`) is told of every call, with its
request and its reply; it also carries the trace over the wire in gRPC headers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Headers = Iterable[tuple[str, str | bytes]]


class Recorder(Protocol):
    """Who is told of the calls."""

    def record(self, floor: str, lane: str, call: str, args: tuple[Any, ...], run: Callable[[], T]) -> T:
        """Return, or raise, what `run()` does, and remember it as one hop."""
        ...

    def headers(self) -> list[tuple[str, str]]:
        """Return the gRPC headers that let the far side join this trace."""
        ...

    def join(self, headers: Headers) -> None:
        """Let the hops of this context belong to the trace that `headers` name."""
        ...


recorder: Recorder | None = None
"""The recorder of this process, if someone is watching."""


def traced(floor: str, without: Sequence[str] = ()) -> Callable[[type[T]], type[T]]:
    """Make every public method of a class a hop on `floor`, but those that are no part of any call."""

    def decorate(cls: type[T]) -> type[T]:
        for name, member in list(vars(cls).items()):
            if callable(member) and not name.startswith("_") and name not in without:
                setattr(cls, name, _hop(floor, cls.__name__, name, member))
        return cls

    return decorate


def _hop(floor: str, lane: str, call: str, method: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(method)
    def hop(self: object, *args: Any, **kwargs: Any) -> T:
        if recorder is None:
            return method(self, *args, **kwargs)
        return recorder.record(floor, lane, call, args, lambda: method(self, *args, **kwargs))

    return hop


def headers() -> list[tuple[str, str]]:
    """Return the headers that carry the trace over the wire; none when nobody records."""
    return [] if recorder is None else recorder.headers()


def join(headers: Headers) -> None:
    """Continue the trace that the caller sent along, if somebody records.

    It is never left again: each call of a gRPC server runs in an empty context of its own.
    """
    if recorder is not None:
        recorder.join(headers)
