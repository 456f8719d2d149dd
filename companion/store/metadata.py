"""The metadata plugin: the database that every service plugin works on. containerd: plugins/metadata."""

from __future__ import annotations

from companion.plugin import CONTENT, METADATA, SNAPSHOTTER, InitContext, register
from companion.store.database import MAP_SIZE, Database


class Metadata(Database):
    """The database with the stores whose bytes lie elsewhere on the disk. containerd: metadata.DB."""


@register(type=METADATA, id="bolt", requires=(CONTENT, SNAPSHOTTER), config={"map_size": MAP_SIZE})
def init(context: InitContext) -> Metadata:
    """The plugin `io.containerd.metadata.v1.bolt`: the id names the role and is what clients look for."""
    path = context.root / "meta.db"
    context.meta.exports.update(path=str(path), policy="shared")
    return Metadata(path, map_size=context.config["map_size"])
