"""Threads for streams: each holds one for as long as it lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any


class StreamPool(ThreadPoolExecutor):
    """Runs up to `limit` jobs at a time, each in a thread that was reserved for it.

    A pool whose threads are all taken lets a call wait for ever, and one that the system denies a thread
    ends grpcio's server. Here the thread comes before the call, which can still be refused.
    It is a ThreadPoolExecutor by name only, because grpcio takes nothing else.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(1)
        self._limit = limit
        self._streams: set[threading.Thread] = set()
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def reserve(self) -> bool:
        """Start a thread for the next job; return whether there was one to be had."""
        thread = threading.Thread(target=self._work, name="stream")
        if len(self._streams) >= self._limit:
            return False
        self._streams.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._streams.discard(thread)
            return False
        return True

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a job in the thread that was reserved for it; the future tells nothing."""
        self._jobs.put(partial(fn, *args, **kwargs))
        return Future()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all jobs to end."""
        for thread in list(self._streams):
            thread.join()
        super().shutdown()

    def _work(self) -> None:
        try:
            self._jobs.get()()
        finally:
            self._streams.discard(threading.current_thread())
