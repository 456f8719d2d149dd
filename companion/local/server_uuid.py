"""The identity of a daemon: a random UUID, in a file of its root directory. containerd: Local.getUUID."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID, uuid4


class ServerUUIDError(Exception):
    """The file of the identity cannot be read or made, or holds something else; the text has its path."""


def server_uuid(path: Path) -> str:
    """Return the UUID that the file `path` keeps, made up when there is none. Raises `ServerUUIDError`."""
    try:
        if not path.exists():
            _make(path)
        return str(UUID(path.read_text().strip()))
    except OSError as error:
        raise ServerUUIDError(f"server UUID: {path}: {error.strerror}") from None
    except ValueError:
        raise ServerUUIDError(f"server UUID: {path}: does not hold a UUID") from None


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent) as draft:  # of mode 0600
        draft.write(str(uuid4()))
        draft.flush()
        os.fsync(draft.fileno())
        # A link is made whole or not at all, and never takes the place of one that came first.
        with suppress(FileExistsError):
            os.link(draft.name, path)
