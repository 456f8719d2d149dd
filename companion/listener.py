"""The daemon's socket. gRPC would take over one that a live daemon serves, and let everybody write to it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import grpc

_LONGEST_PATH = 104


class ListenError(Exception):
    """The socket cannot be served; the text says why, on one line."""


def bind(server: grpc.Server, path: Path, uid: int, gid: int) -> None:
    """Let `server` listen on a unix socket of mode 0660 and this owner, in place of a stale one.

    Raises `ListenError` for a path that is too long, a file that is no socket, or a socket in use.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ListenError(f'"{path}": unix socket path too long (> {_LONGEST_PATH})')
    _clear(path)
    before = os.umask(0o117)
    try:
        server.add_insecure_port(f"unix:{quote(str(path.absolute()))}")
        os.chown(path, uid, gid)
    except (RuntimeError, OSError, OverflowError) as error:
        raise ListenError(f"{path}: cannot listen: {error}") from None
    finally:
        os.umask(before)


def release(path: Path) -> None:
    """Remove the socket; it may be gone already."""
    path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as probe, suppress(FileNotFoundError):
            probe.connect(str(path))
            raise ListenError(f"{path}: in use by another daemon")
    except ConnectionRefusedError:
        if not path.is_socket():
            raise ListenError(f"{path}: exists and is not a socket") from None
        path.unlink()
    except OSError as error:
        raise ListenError(f"{path}: {error.strerror}") from None
