"""Updates that meet: how to see commits being shared, without leaving it to chance."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from companion.store.bucket import Bucket
from companion.store.database import Database


def at_once(db: Database, *calls: Callable[[], object]) -> list[object]:
    """Run `calls`, each of which updates `db` once, so that all of them wait behind one writer.

    Each runs in a thread of its own, in a copy of this context, and they queue in the order given. Returns
    for each what it returned, or the error it raised.
    """
    inside, go_on = threading.Event(), threading.Event()

    def hold(root: Bucket) -> None:
        inside.set()
        go_on.wait()

    running: list[Future[object]] = []
    with ThreadPoolExecutor(len(calls) + 1) as pool:
        pool.submit(db.update, hold)
        inside.wait()
        try:
            for call in calls:
                queued = db._waiting.qsize()
                running.append(pool.submit(copy_context().run, call))
                # One that is refused before it reaches the database ends without ever queueing.
                while db._waiting.qsize() == queued and not running[-1].done():
                    time.sleep(0.001)
        finally:
            go_on.set()
    return [one.exception() or one.result() for one in running]
