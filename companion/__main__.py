"""The command `companion`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import tomli_w

from companion.config import Config, ConfigError, default_file, load, to_document
from companion.daemon import Daemon, DaemonError
from companion.plugin import RegistrationError

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ConfigError, DaemonError, RegistrationError) as error:
        print(f"companion: {error}", file=sys.stderr)
        return 1


def serve(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    started = time.monotonic()
    config = _config(options)
    _log_to_stderr(config.level)
    with _signals(signal.SIGTERM, signal.SIGINT) as asked_to_stop, Daemon(config) as daemon:
        print(f"serving on {daemon.address} (booted in {time.monotonic() - started:.3f}s)", flush=True)
        os.read(asked_to_stop, 1)
    return 0


def config_default(options: argparse.Namespace) -> int:
    """Print the configuration that is in force without a file."""
    config = Config()
    sys.stdout.write(tomli_w.dumps(to_document(replace(config, address=str(config.socket)))))
    return 0


def _config(options: argparse.Namespace) -> Config:
    """Read the file that was named, or the usual one where it is there; flags override it."""
    usual = default_file()
    if options.config is not None:
        config = load(options.config)
    else:
        config = load(usual) if usual.exists() else Config()
    flags = {name: getattr(options, name) for name in ("root", "state", "address", "level")}
    return replace(config, **{name: value for name, value in flags.items() if value is not None})


def _log_to_stderr(level: str) -> None:
    if level not in LEVELS:
        raise ConfigError(f'not a valid log level: "{level}"')
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("companion")
    log.addHandler(handler)
    log.setLevel(LEVELS[level])


@contextmanager
def _signals(*numbers: int) -> Iterator[int]:
    """Give a descriptor that can be read as soon as one of these signals arrives; ignore them afterwards.

    Python runs handlers in the main thread only, and a signal that another thread receives does not wake it.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    yield reader
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="companion", description="A working containerd, small enough to read."
    )
    parser.add_argument("--version", action="version", version=f"companion {version('companion')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    server = commands.add_parser("serve", help="serve containerd's API on a unix socket")
    server.add_argument("--root", type=Path, help="directory of what survives a restart")
    server.add_argument("--state", type=Path, help="directory of what may go with a restart")
    server.add_argument("--address", help="the unix socket")
    server.add_argument("--config", type=Path, help="configuration file (TOML)")
    server.add_argument("--log-level", dest="level", help=f"how much to tell on stderr: {', '.join(LEVELS)}")
    server.set_defaults(run=serve)
    config = commands.add_parser("config", help="information on the configuration").add_subparsers(
        required=True
    )
    default = config.add_parser("default", help="print the default configuration")
    default.set_defaults(run=config_default)
    return parser


if __name__ == "__main__":
    sys.exit(main())
