"""The directory of an ingest: its bytes, and on small files beside them what is known of it."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

from companion.backend.files import replace_text
from companion.core.content import Status
from companion.core.errors import NotFound


class Ingest:
    """An ingest on the disk; the hash of its ref is the name of its directory, so a ref may be any text."""

    def __init__(self, root: Path, ref: str) -> None:
        self.ref = ref
        self.path = root / hashlib.sha256(ref.encode()).hexdigest()

    @property
    def data(self) -> Path:
        """The file of the bytes so far."""
        return self.path / "data"

    def create(self, total: int) -> Status:
        """Make the directory, in place of any that is there."""
        self.remove()
        self.path.mkdir(mode=0o700)
        now = datetime.now(UTC)
        (self.path / "ref").write_bytes(self.ref.encode())
        (self.path / "startedat").write_text(now.isoformat())
        if total > 0:
            (self.path / "total").write_text(str(total))
        self.touch()
        self.data.touch(mode=0o600)  # last: with it the ingest is complete
        return Status(self.ref, 0, total, started_at=now, updated_at=now)

    def touch(self) -> None:
        """Note that something has happened to the ingest now."""
        replace_text(self.path / "updatedat", datetime.now(UTC).isoformat())

    def status(self) -> Status:
        """Return how far the ingest is. Raises `NotFound`."""
        status = read_status(self.path)
        if status is None:
            raise NotFound(f"reference {self.ref}")
        return status

    def remove(self) -> None:
        """Remove the directory with all that is in it; there may be none."""
        shutil.rmtree(self.path, ignore_errors=True)


def read_status(path: Path) -> Status | None:
    """Return how far the ingest in a directory is; None where there is none, or a part of one."""
    try:
        total = path / "total"
        return Status(
            ref=(path / "ref").read_bytes().decode(),
            offset=(path / "data").stat().st_size,
            total=int(total.read_text()) if total.exists() else 0,
            started_at=datetime.fromisoformat((path / "startedat").read_text()),
            updated_at=datetime.fromisoformat((path / "updatedat").read_text()),
        )
    except (
        FileNotFoundError,
        NotADirectoryError,
        ValueError,
    ):  # not all is there, or the power was cut before all was written
        return None


def sweep(root: Path) -> None:
    """Remove what is left of ingests that were being made or removed when the daemon was killed."""
    for path in root.iterdir():
        if read_status(path) is None:
            shutil.rmtree(path, ignore_errors=True)
