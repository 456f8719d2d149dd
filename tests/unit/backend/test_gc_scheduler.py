"""The scheduler: when it collects, who is answered, and what a failure does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from companion.backend import gc_scheduler
from companion.backend.gc_scheduler import Scheduler, Thresholds, thresholds
from companion.core.garbage import CollectionError

GUARD = 60.0
DELETED = frozenset({"leases"})
NEVER = 3600.0
"""Seconds that no test lasts."""


class Garbage:
    """Counts the collections, and lets each end when the test says so, with the error that the test gives."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.error: Exception | None = None
        self.mutated: Callable[[int, Set[str]], object]

    def on_mutation(self, callback: Callable[[int, Set[str]], object]) -> None:
        self.mutated = callback

    def garbage_collect(self) -> None:
        self.begun.release()
        assert self.go_on.acquire(timeout=GUARD)
        if self.error is not None:
            raise self.error

    def one_collection(self, error: Exception | None = None) -> None:
        """Wait for the next collection, and let it end, with this error."""
        assert self.begun.acquire(timeout=GUARD)
        self.end(error)

    def end(self, error: Exception | None = None) -> None:
        """Let the collection that has begun end."""
        self.error = error
        self.go_on.release()

    def none_begins(self) -> bool:
        """Return whether there is no collection for a moment."""
        return not self.begun.acquire(timeout=0.05)


AT_ONCE = Thresholds(pause=0.0, startup_delay=0.0)


@contextmanager
def running(of: Thresholds = AT_ONCE, first: bool = True) -> Iterator[tuple[Garbage, Scheduler]]:
    """A scheduler; the collection at its start is over unless it is not to be `first`."""
    garbage = Garbage()
    scheduler = Scheduler(garbage, of)
    try:
        if first:
            garbage.one_collection()
        yield garbage, scheduler
    finally:
        garbage.go_on.release(100)
        scheduler.close()


def test_it_collects_at_its_start() -> None:
    with running(first=False) as (garbage, _):
        garbage.one_collection()
        assert garbage.none_begins()


def test_one_deletion_is_enough() -> None:
    with running() as (garbage, _):
        garbage.mutated(1, DELETED)
        garbage.one_collection()
        assert garbage.none_begins()


def test_mutations_count_from_their_threshold_on() -> None:
    with running(replace(AT_ONCE, mutations=3)) as (garbage, _):
        garbage.mutated(2, frozenset())
        assert garbage.none_begins()
        garbage.mutated(1, frozenset())
        garbage.one_collection()
        garbage.mutated(2, frozenset())
        assert garbage.none_begins()


def test_without_a_threshold_mutations_do_not_count() -> None:
    with running(replace(AT_ONCE, mutations=0)) as (garbage, _):
        garbage.mutated(1000, frozenset())
        assert garbage.none_begins()


def test_deletions_wait_for_the_pause() -> None:
    with running(replace(AT_ONCE, startup_delay=NEVER), first=False) as (garbage, _):
        garbage.mutated(1, DELETED)
        assert garbage.none_begins()


def test_enough_deletions_do_not_wait_for_the_pause() -> None:
    with running(replace(AT_ONCE, startup_delay=NEVER, deletions=2), first=False) as (garbage, _):
        garbage.mutated(1, DELETED)
        assert garbage.none_begins()
        garbage.mutated(1, DELETED)
        garbage.one_collection()


def test_who_asks_does_not_wait_for_the_pause() -> None:
    with (
        running(replace(AT_ONCE, startup_delay=NEVER), first=False) as (garbage, scheduler),
        ThreadPoolExecutor(1) as pool,
    ):
        asked = pool.submit(scheduler.schedule_and_wait)
        garbage.one_collection()
        assert asked.result(GUARD) is None


def test_who_asks_during_a_collection_waits_for_the_next() -> None:
    with running() as (garbage, scheduler), ThreadPoolExecutor(1) as pool:
        garbage.mutated(1, DELETED)
        assert garbage.begun.acquire(timeout=GUARD)
        asked = pool.submit(scheduler.schedule_and_wait)
        while scheduler._waiting.empty():
            threading.Event().wait(0.001)
        garbage.end()
        assert garbage.begun.acquire(timeout=GUARD)
        assert not asked.done()
        garbage.end()
        assert asked.result(GUARD) is None


def test_a_deletion_during_a_collection_begins_another() -> None:
    with running() as (garbage, _):
        garbage.mutated(1, DELETED)
        assert garbage.begun.acquire(timeout=GUARD)
        garbage.mutated(1, DELETED)
        garbage.end()
        garbage.one_collection()
        assert garbage.none_begins()


def test_all_who_wait_are_told_of_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc_scheduler, "_RETRY", NEVER)
    with running() as (garbage, scheduler), ThreadPoolExecutor(2) as pool:
        garbage.mutated(1, DELETED)
        assert garbage.begun.acquire(timeout=GUARD)
        asked = [pool.submit(scheduler.schedule_and_wait) for _ in range(2)]
        while scheduler._waiting.qsize() < 2:
            threading.Event().wait(0.001)
        garbage.end()
        garbage.one_collection(OSError("disk"))
        for each in asked:
            with pytest.raises(CollectionError, match=r"^gc failed$"):
                each.result(GUARD)


def test_a_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc_scheduler, "_RETRY", 0.0)
    with running() as (garbage, _):
        garbage.mutated(1, DELETED)
        garbage.one_collection(OSError("disk"))
        garbage.one_collection()
        assert garbage.none_begins()


def test_closing_lets_a_collection_end_and_begins_no_other() -> None:
    with running() as (garbage, scheduler), ThreadPoolExecutor(1) as pool:
        garbage.mutated(1, DELETED)
        assert garbage.begun.acquire(timeout=GUARD)
        garbage.mutated(1, DELETED)
        closing = pool.submit(scheduler.close)
        assert not closing.done()
        garbage.end()
        closing.result(GUARD)
        assert garbage.none_begins()


def test_after_closing_nobody_waits_for_ever() -> None:
    with running() as (_, scheduler):
        scheduler.close()
        with pytest.raises(CollectionError, match=r"^gc failed$"):
            scheduler.schedule_and_wait()


@pytest.mark.parametrize(
    ("share", "average", "pause"), [(0.02, 0.1, 4.9), (0.5, 0.1, 0.1), (0.0, 0.1, 0.0)], ids=str
)
def test_the_pause_keeps_collections_to_their_share(share: float, average: float, pause: float) -> None:
    with running(replace(AT_ONCE, pause=share)) as (_, scheduler):
        assert scheduler._pause_after(average) == pytest.approx(pause)


DEFAULTS = {
    "pause_threshold": 0.02,
    "deletion_threshold": 0,
    "mutation_threshold": 100,
    "schedule_delay": "0s",
    "startup_delay": "100ms",
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Thresholds()),
        ({"pause_threshold": 0.9}, Thresholds(pause=0.5)),
        ({"pause_threshold": -1.0}, Thresholds(pause=0.0)),
        ({"schedule_delay": "2m", "startup_delay": "0"}, Thresholds(schedule_delay=120.0, startup_delay=0.0)),
        ({"startup_delay": "-1s"}, Thresholds(startup_delay=0.0)),
        ({"deletion_threshold": 3, "mutation_threshold": 0}, Thresholds(deletions=3, mutations=0)),
    ],
    ids=str,
)
def test_configured(given: dict[str, Any], expected: Thresholds) -> None:
    assert thresholds({**DEFAULTS, **given}) == expected
