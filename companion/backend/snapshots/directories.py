"""What all snapshotters have in common that give each snapshot a directory."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from companion.backend.files import sync_directory
from companion.backend.snapshots.records import Record, Records
from companion.backend.snapshots.trees import disk_usage, remove_tree
from companion.core import snapshots
from companion.core.errors import Error
from companion.core.mounts import Mount
from companion.core.snapshots import Info, Kind, Usage

_log = logging.getLogger(__name__)


class DirectorySnapshotter(snapshots.Backend, ABC):
    """Directories and their records below `root`, made when missing.

    A directory is there before its record is, and goes after it: so what has a record has a directory,
    and what has none is left over, whenever the daemon was killed. Labels are not kept.
    """

    mount_name: ClassVar[str]
    """What errors call the mounts of a snapshot."""

    def __init__(self, root: Path) -> None:
        self._directory = root.absolute() / "snapshots"
        for path in (root, self._directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(path.parent)
        self._records = Records(root / "metadata.db")
        self._drafts: set[str] = set()
        self._cleaning = threading.Lock()

    @abstractmethod
    def _fill(self, draft: Path, kind: Kind, parents: Sequence[int]) -> None:
        """Make the directory of a new snapshot, if it has one of its own, on top of its parents."""

    @abstractmethod
    def _mounts(self, record: Record) -> Sequence[Mount]:
        """Return the mounts of a snapshot that is not committed."""

    @abstractmethod
    def _tree(self, number: int) -> Path:
        """Return the directory with what a snapshot itself holds."""

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        return self._create(Kind.ACTIVE, key, parent)

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        return self._create(Kind.VIEW, key, parent)

    def mounts(self, key: str) -> Sequence[Mount]:
        try:
            return self._mounts(self._records.mountable(key))
        except Error as error:
            raise error.wrap(f"failed to get {self.mount_name}") from None

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        try:
            self._records.commit(name, key, self._measured(self._records.active(key)))
        except Error as error:
            raise error.wrap("failed to commit snapshot") from None

    def usage(self, key: str) -> Usage:
        record = self._records.get(key)
        return self._measured(record) if record.kind is Kind.ACTIVE else record.usage

    def remove(self, key: str) -> None:
        self._records.remove(key)

    def list(self) -> Sequence[Info]:
        return self._records.list()

    def cleanup(self) -> None:
        with self._cleaning:
            for path in list(self._directory.iterdir()):
                if path.name.isdecimal():
                    self._records.unless_known(int(path.name), partial(self._leave, path))
            for path in list(self._directory.iterdir()):
                if not path.name.isdecimal() and path.name not in self._drafts:
                    self._discard(path)

    def close(self) -> None:
        self._records.close()

    def _create(self, kind: Kind, key: str, parent: str) -> Sequence[Mount]:
        try:
            with self._draft() as draft:
                # To copy a tree takes long: it is made beside the others, and nobody waits for it.
                self._fill(draft, kind, self._records.parents(parent))
                return self._mounts(self._records.create(kind, key, parent, partial(self._place, draft)))
        except Error as error:
            raise error.wrap("failed to create snapshot") from None

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """Yield a path for a new directory, which is gone after the block unless it has been moved."""
        draft = self._directory / f"new-{uuid4().hex}"
        self._drafts.add(draft.name)
        try:
            yield draft
        finally:
            self._discard(draft)
            self._drafts.remove(draft.name)

    def _place(self, draft: Path, number: int) -> None:
        path = self._path(number)
        if path.exists():  # left over: its record was never written, so the number was given again
            self._leave(path)
        if draft.exists():
            draft.rename(path)
            sync_directory(self._directory)

    def _path(self, number: int) -> Path:
        return self._directory / str(number)

    def _leave(self, path: Path) -> None:
        """Take a directory out of the way of new ones; `cleanup` removes it."""
        path.rename(path.with_name(f"rm-{uuid4().hex}"))

    def _discard(self, path: Path) -> None:
        try:
            remove_tree(path)
        except OSError as error:
            _log.warning("failed to remove directory %s: %s", path, error)

    def _measured(self, record: Record) -> Usage:
        return disk_usage(self._tree(record.id))
