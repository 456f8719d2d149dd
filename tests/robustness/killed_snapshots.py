"""A process that does something to snapshots and ends itself on the way, as kill -9 would.

Arguments: a directory, an operation, and the line of the companion's code, counted as they are run, at which
it ends. With the line 0 it does not end; it prints how many lines there were.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import companion
from companion.backend.content.store import BlobStore
from companion.backend.snapshots.native import NativeSnapshotter
from companion.core.namespaces import namespace
from companion.store.metadata import Metadata
from companion.store.snapshots import Snapshotter

CODE = str(Path(companion.__file__).parent)


@contextmanager
def opened(directory: Path) -> Iterator[tuple[Snapshotter, NativeSnapshotter]]:
    """The snapshotter of a daemon that keeps its things in a directory, and its backend."""
    backend = NativeSnapshotter(directory / "native")
    try:
        with Metadata(
            directory / "meta.db", BlobStore(directory / "content"), {"native": backend}
        ) as metadata:
            yield metadata.snapshotter("native"), backend
    finally:
        backend.close()


def set_up(snapshotter: Snapshotter) -> None:
    """Make a committed snapshot and an active one on top of it, with a file."""
    snapshotter.prepare("key")
    snapshotter.commit("base", "key")
    (mount,) = snapshotter.prepare("key", "base", {"prepared": "1"})
    (Path(mount.source) / "directory").mkdir()
    (Path(mount.source) / "directory/file").write_text("text")


def remove(snapshotter: Snapshotter) -> None:
    """Remove a snapshot for good."""
    snapshotter.remove("key")
    snapshotter.garbage_collect()


OPERATIONS: dict[str, Callable[[Snapshotter], object]] = {
    "prepare": lambda snapshotter: snapshotter.prepare("new", "base"),
    "commit": lambda snapshotter: snapshotter.commit("name", "key", {"committed": "1"}),
    "remove": remove,
}


def lines(operation: Callable[[], object], last: int) -> int:
    """Run an operation up to a line; return how many lines there were, if it comes to that."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if event == "line":
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    operation()
    sys.settrace(None)
    return count


def main(directory: str, operation: str, last: str) -> None:
    """Set up, and then do what is to be cut short."""
    with opened(Path(directory)) as (snapshotter, _), namespace("test"):
        set_up(snapshotter)
        print(lines(lambda: OPERATIONS[operation](snapshotter), int(last)))


if __name__ == "__main__":
    main(*sys.argv[1:])
