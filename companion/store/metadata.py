"""The metadata plugin: the database that every service plugin works on. containerd: plugins/metadata."""

from __future__ import annotations

from pathlib import Path

from companion.core.content import Backend
from companion.plugin import CONTENT, METADATA, SNAPSHOTTER, InitContext, register
from companion.store.content import ContentStore
from companion.store.database import MAP_SIZE, Database


class Metadata(Database):
    """The database with the stores whose bytes lie elsewhere on the disk. containerd: metadata.DB."""

    def __init__(self, path: Path, content: Backend, map_size: int = MAP_SIZE) -> None:
        super().__init__(path, map_size)
        self.content_store = ContentStore(self, content)


@register(type=METADATA, id="bolt", requires=(CONTENT, SNAPSHOTTER), config={"map_size": MAP_SIZE})
def init(context: InitContext) -> Metadata:
    """The plugin `io.containerd.metadata.v1.bolt`: the id names the role and is what clients look for."""
    path = context.root / "meta.db"
    context.meta.exports.update(path=str(path), policy="shared")
    return Metadata(path, context.get(CONTENT), map_size=context.config["map_size"])
