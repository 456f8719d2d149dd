"""The command `companion`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from companion.config import Config
from companion.daemon import Daemon, DaemonError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    given = {
        key: value for key in ("root", "state", "address") if (value := getattr(options, key)) is not None
    }
    started = time.monotonic()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with Daemon(Config(**given)) as daemon:
            print(f"serving on {daemon.address} (booted in {time.monotonic() - started:.3f}s)", flush=True)
            stop.wait()
    except DaemonError as error:
        print(f"companion: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="companion", description="A working containerd, small enough to read."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve containerd's API on a unix socket")
    serve.add_argument("--root", type=Path, help="directory of what survives a restart")
    serve.add_argument("--state", type=Path, help="directory of what may go with a restart")
    serve.add_argument("--address", help="the unix socket")
    return parser


if __name__ == "__main__":
    sys.exit(main())
