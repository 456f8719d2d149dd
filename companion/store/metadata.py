"""The metadata plugin: the database that every service plugin works on. containerd: plugins/metadata."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from pathlib import Path

from companion.core import content, snapshots
from companion.core.errors import InvalidArgument, NotFound
from companion.plugin import CONTENT, METADATA, SNAPSHOTTER, InitContext, SkipPlugin, register
from companion.store import garbage
from companion.store.content import ContentStore
from companion.store.database import MAP_SIZE, Database
from companion.store.snapshots import Snapshotter

_log = logging.getLogger(__name__)

_REST = 0.0002
"""Seconds that a collection leaves to others after each millisecond of its search."""


class Metadata(Database):
    """The database with the stores whose bytes lie elsewhere on the disk. containerd: metadata.DB.

    `snapshotters` has the backends by the names that clients know them by.
    """

    def __init__(
        self,
        path: Path,
        content: content.Backend,
        snapshotters: Mapping[str, snapshots.Backend] | None = None,
        map_size: int = MAP_SIZE,
    ) -> None:
        super().__init__(path, map_size)
        self.content_store = ContentStore(self, content)
        self.snapshotters = {
            name: Snapshotter(self, name, backend) for name, backend in (snapshotters or {}).items()
        }
        self._stores: dict[str, ContentStore | Snapshotter] = {
            "content": self.content_store,
            "ingests": self.content_store,
            **{f"snapshots/{name}": snapshotter for name, snapshotter in self.snapshotters.items()},
        }
        self._collecting = threading.Lock()
        self.on_mutation(lambda _, deleted: self._mark_dirty(deleted))

    def snapshotter(self, name: str) -> Snapshotter:
        """Return the snapshotter of this name. Raises `InvalidArgument` where there is none."""
        if name not in self.snapshotters:
            raise InvalidArgument(f"snapshotter not loaded: {name}")
        return self.snapshotters[name]

    def garbage_collect(self) -> None:
        """Remove what nothing leads to: its records in one transaction, and then what has no record.

        What cannot be removed from the disk is logged, and left to the next collection.
        containerd: DB.GarbageCollect.
        """
        with self._collecting:
            now = datetime.now(UTC)
            # As a rule there is no garbage. Only if there is, writers must wait until it is found once more.
            if self.view(lambda root: garbage.find(root, now, rest=_REST)):
                self._mark_dirty(self.update(lambda root: garbage.remove(root, now)))
            for store in self._stores.values():
                try:
                    store.garbage_collect()
                except Exception:
                    _log.exception("failed to remove garbage from the disk")

    def _mark_dirty(self, types: Set[str]) -> None:
        for name in types & self._stores.keys():
            self._stores[name].mark_dirty()


@register(type=METADATA, id="bolt", requires=(CONTENT, SNAPSHOTTER), config={"map_size": MAP_SIZE})
def init(context: InitContext) -> Metadata:
    """The plugin `io.containerd.metadata.v1.bolt`: the id names the role and is what clients look for."""
    path = context.root / "meta.db"
    context.meta.exports.update(path=str(path), policy="shared")
    return Metadata(path, context.get(CONTENT), _snapshotters(context), map_size=context.config["map_size"])


def _snapshotters(context: InitContext) -> dict[str, snapshots.Backend]:
    """Return the snapshotters that work here; one that does not apply is passed over in silence."""
    loaded = {}
    try:
        plugins = context.plugins.by_type(SNAPSHOTTER)
    except NotFound:
        return {}
    for name, plugin in plugins.items():
        try:
            loaded[name] = plugin.value()
        except SkipPlugin:
            pass
        except Exception as error:
            _log.warning("could not use snapshotter %s in metadata plugin: %s", name, error)
    return loaded
