"""The plugin `scheduler`: decides when garbage is collected. containerd: gc/scheduler.

A collection takes time from everybody. So one comes only when there may be garbage, and the pause after it is
so long that together they take no more than their share.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Set
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from companion.core import durations
from companion.core.garbage import CollectionError, Collector
from companion.core.trace import traced
from companion.plugin import GC, METADATA, InitContext, register

_log = logging.getLogger(__name__)

_LARGEST_SHARE = 0.5
_RETRY = 1.0
"""Seconds that pass before a failed collection is tried again, beside those that pass anyway."""

_CONFIG = {
    "pause_threshold": 0.02,
    "deletion_threshold": 0,
    "mutation_threshold": 100,
    "schedule_delay": "0s",
    "startup_delay": "100ms",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to collect; delays are seconds. containerd: scheduler.config.

    `pause` is the share of time that collections may take; 0: all. After the pause that keeps it
    so, one deletion is enough for the next, or so many `mutations` of any kind; 0: they do not
    count. So many `deletions` do not wait for the pause; 0: they always do.
    """

    pause: float = 0.02
    deletions: int = 0
    mutations: int = 100
    schedule_delay: float = 0.0
    startup_delay: float = 0.1


class _Garbage(Protocol):
    """What is collected. containerd: the collector of gc/scheduler."""

    def garbage_collect(self) -> None: ...

    def on_mutation(self, callback: Callable[[int, Set[str]], object]) -> None: ...


@traced("backend", without=("close",))
class Scheduler(Collector):
    """Collects in a thread of its own, which `close` ends. containerd: gcScheduler."""

    def __init__(self, garbage: _Garbage, thresholds: Thresholds) -> None:
        self._garbage, self._thresholds = garbage, thresholds
        # What is counted only grows, so that those who count need not wait for the thread to start anew.
        self._deletions, self._mutations = 0, 0
        self._collected_deletions, self._collected_mutations = 0, 0
        self._waiting: SimpleQueue[Future[None]] = SimpleQueue()
        self._wanted, self._urgent, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._wanted.set()  # what the last daemon has left
        self._thread = threading.Thread(target=self._run, name="gc", daemon=True)
        garbage.on_mutation(self._count)
        self._thread.start()

    def schedule_and_wait(self) -> None:
        waiter: Future[None] = Future()
        self._waiting.put(waiter)
        self._wake(self._urgent)
        if self._closed.is_set():
            _answer(self._asked(), failed=True)
        waiter.result()

    def close(self) -> None:
        """Let a collection under way come to its end, and begin no other; a second call does nothing."""
        self._closed.set()
        self._wake(self._urgent)
        self._thread.join()

    def _count(self, mutations: int, deleted: Set[str]) -> None:
        """Count a commit; every writer waits for this."""
        self._mutations += mutations
        self._deletions += bool(deleted)
        deletions, of = self._deletions - self._collected_deletions, self._thresholds
        if 0 < of.deletions <= deletions:
            self._wake(self._urgent)
        elif deletions or 0 < of.mutations <= self._mutations - self._collected_mutations:
            self._wake(self._wanted)

    def _wake(self, event: threading.Event) -> None:
        for needed in (event, self._wanted):
            if not needed.is_set():
                needed.set()

    def _run(self) -> None:
        pause, sum_taken, times = self._thresholds.startup_delay, 0.0, 0
        while self._is_due(pause):
            began = time.monotonic()
            if self._collect():
                taken = time.monotonic() - began
                sum_taken, times = sum_taken + taken, times + 1
                # What is looked through may have grown since, and the average lags behind.
                pause = self._pause_after(max(taken, sum_taken / times))
            else:
                pause += _RETRY
                self._wanted.set()
        _answer(self._asked(), failed=True)

    def _is_due(self, pause: float) -> bool:
        """Wait until it is time for a collection; return False if there will be none any more."""
        self._urgent.wait(pause)
        self._wanted.wait()
        return not self._closed.wait(self._thresholds.schedule_delay)

    def _pause_after(self, taken: float) -> float:
        return taken / self._thresholds.pause - taken if self._thresholds.pause else 0.0

    def _collect(self) -> bool:
        """Collect, and answer those who have asked for it by now; return whether it went well."""
        self._urgent.clear()
        self._wanted.clear()
        waiters = self._asked()
        self._collected_deletions, self._collected_mutations = self._deletions, self._mutations
        try:
            self._garbage.garbage_collect()
        except Exception:
            _log.exception("garbage collection failed")
            _answer(waiters, failed=True)
            return False
        _answer(waiters, failed=False)
        return True

    def _asked(self) -> list[Future[None]]:
        waiters = []
        with suppress(Empty):
            while True:
                waiters.append(self._waiting.get_nowait())
        return waiters


def _answer(waiters: list[Future[None]], *, failed: bool) -> None:
    for waiter in waiters:
        if failed:
            waiter.set_exception(CollectionError("gc failed"))
        else:
            waiter.set_result(None)


def thresholds(config: Mapping[str, Any]) -> Thresholds:
    """Read the plugin's configuration; what is out of range counts as the nearest that is not.

    Raises `ValueError` for a duration that is none.
    """
    return Thresholds(
        pause=min(max(config["pause_threshold"], 0.0), _LARGEST_SHARE),
        deletions=config["deletion_threshold"],
        mutations=config["mutation_threshold"],
        schedule_delay=max(durations.parse(config["schedule_delay"]), 0.0),
        startup_delay=max(durations.parse(config["startup_delay"]), 0.0),
    )


@register(type=GC, id="scheduler", requires=(METADATA,), config=_CONFIG)
def init(context: InitContext) -> Scheduler:
    """The plugin `io.containerd.gc.v1.scheduler`."""
    config = context.config
    context.meta.exports.update(
        PauseThreshold=str(config["pause_threshold"]),
        DeletionThreshold=str(config["deletion_threshold"]),
        MutationThreshold=str(config["mutation_threshold"]),
        ScheduleDelay=config["schedule_delay"],
    )
    return Scheduler(context.get(METADATA), thresholds(config))
