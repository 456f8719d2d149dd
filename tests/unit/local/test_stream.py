"""Streams of a local plugin: they may be cut by anybody, at any time."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from companion.core import namespaces
from companion.core.namespaces import namespace
from companion.local.stream import LocalStream

GUARD = 20.0


class Source:
    """Numbers without end, and whether they were closed."""

    def __init__(self) -> None:
        self.closed = False
        self.inside, self.go_on = threading.Event(), threading.Event()

    def numbers(self) -> Generator[int]:
        try:
            number = 0
            while True:
                yield (number := number + 1)
        finally:
            self.closed = True

    def waiting(self) -> Generator[int]:
        try:
            yield 1
            self.inside.set()
            self.go_on.wait(GUARD)
            yield 2
        finally:
            self.closed = True


def test_messages_come_until_it_is_cancelled() -> None:
    source = Source()
    stream = LocalStream(source.numbers())
    assert [next(stream), next(stream)] == [1, 2]
    stream.cancel()
    assert list(stream) == []
    assert source.closed


def test_one_that_nobody_read_can_be_cancelled() -> None:
    stream = LocalStream(Source().numbers())
    stream.cancel()
    stream.cancel()
    assert list(stream) == []


def test_one_that_a_thread_is_inside_of_is_closed_when_it_comes_out() -> None:
    source = Source()
    stream = LocalStream(source.waiting())
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.extend(stream))
    reader.start()
    assert source.inside.wait(GUARD)
    stream.cancel()
    assert not source.closed
    source.go_on.set()
    reader.join(GUARD)
    assert (found, source.closed) == ([1, 2], True)


def test_messages_are_made_in_the_context_of_the_call() -> None:
    def names() -> Generator[str]:
        yield namespaces.current.get()

    with namespace("builder"):
        stream = LocalStream(names())
    assert list(stream) == ["builder"]


def test_an_error_ends_it() -> None:
    def failing() -> Generator[int]:
        yield 1
        raise LookupError

    stream = LocalStream(failing())
    assert next(stream) == 1
    with pytest.raises(LookupError):
        next(stream)
    assert list(stream) == []
