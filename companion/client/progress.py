"""How far a pull is: a line with a bar, live where somebody watches; elsewhere a line when it is done."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from companion.core.content import Descriptor

_INTERVAL = 0.1
_BAR = 20
"""How many characters a full bar has."""


class Progress:
    """Counts blobs and bytes, from many threads, and writes of them to `stream`; without one it is silent.

    The last line says what there is and what had to be fetched: it is the same whenever that is the same.
    """

    def __init__(self, name: str, stream: TextIO | None) -> None:
        self._name, self._stream = name, stream
        self._live = stream is not None and _is_watched(stream)
        self._lock = threading.Lock()
        self._shown, self._width = 0.0, 0
        self._blobs = self._size = self._fetched = self._done = 0

    def expect(self, descriptor: Descriptor) -> None:
        """Count a blob that is needed."""
        with self._lock:
            self._blobs += 1
            self._size += descriptor.size
            self._show_now_and_then()

    def arrived(self, size: int) -> None:
        """Count bytes that have come from the registry."""
        with self._lock:
            self._fetched += size
            self._show_now_and_then()

    def done(self, descriptor: Descriptor) -> None:
        """Count a blob that is there, wherever its bytes have come from."""
        with self._lock:
            self._done += descriptor.size
            self._show_now_and_then()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None and (self._live or error is None):
            self._write(self._stream, end="\n")

    def _show_now_and_then(self) -> None:
        now = time.monotonic()
        if self._stream is not None and self._live and now - self._shown > _INTERVAL:
            self._shown = now
            self._write(self._stream, end="")

    def _write(self, stream: TextIO, end: str) -> None:
        text = f"{self._blobs} blobs of {_bytes(self._size)}, {_bytes(self._fetched)} fetched"
        line = f"{self._name}: {text}"
        if self._live:
            line = f"{self._name}: {self._bar()} {text}"
            # Spaces hide what was longer, where a notebook knows no code that would.
            line = f"\r{line:{self._width}}"
            self._width = max(self._width, len(line) - 1)
        stream.write(f"{line}{end}")
        stream.flush()

    def _bar(self) -> str:
        # Bytes are counted as they come, and those that were there with their blob.
        share = min(1.0, max(self._fetched, self._done) / max(1, self._size))
        return f"[{'=' * int(share * _BAR):{_BAR}}]"


def _is_watched(stream: TextIO) -> bool:
    """Whether it is a terminal or a notebook in Lab; one that is run without Lab keeps what it prints."""
    is_notebook = type(stream).__module__.startswith("ipykernel.")
    return stream.isatty() or (is_notebook and "JPY_SESSION_NAME" in os.environ)


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.1f} {unit}" if unit != "B" else f"{size} B"
        size /= 1024
    return f"{size:.1f} GiB"
