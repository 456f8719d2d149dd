"""A subscription of the real `ctr`: what `ctr events` prints while something happens."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.interop.scenario import HUNG, comparable, run


class Listener:
    """A running `ctr events`."""

    def __init__(self, address: str, log: Path, process: subprocess.Popen[bytes], namespace: str) -> None:
        self.process = process
        self._address, self._log, self._namespace = address, log, namespace

    def catch_up(self) -> None:
        """Wait until all that has happened is printed: until an event made now is."""
        mark, deadline = uuid4().hex, time.monotonic() + HUNG
        # Again and again, because the first may come before the subscription is live.
        while mark not in self._log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the listener hears nothing:\n{self._log.read_text()}")
            run(
                f"ctr namespaces label {self._namespace} mark={mark}",
                {"CONTAINERD_ADDRESS": self._address, "CONTAINERD_NAMESPACE": self._namespace},
                Path(),
            )

    def printed(self) -> str:
        """All that was printed, without the events that this listener made itself."""
        lines = self._log.read_text().splitlines(keepends=True)
        return comparable("".join(line for line in lines if self._namespace not in line))


@contextmanager
def listening(address: str, directory: Path, *filters: str) -> Iterator[Listener]:
    """Run `ctr events` with these filters; the block begins when the subscription is live."""
    namespace = f"listener-{uuid4().hex}"
    log = directory / namespace
    own = (f"namespace=={namespace}",) if filters else ()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["ctr", "events", *filters, *own],
            env={**os.environ, "CONTAINERD_ADDRESS": address},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        listener = Listener(address, log, process, namespace)
        listener.catch_up()
        yield listener
    finally:
        process.terminate()
        process.wait(HUNG)
