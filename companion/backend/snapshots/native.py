"""The snapshotter `native`: each snapshot is a whole copy of its parent.

It works on every file system and without privileges. containerd: plugins/snapshots/native.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from companion.backend.snapshots.directories import DirectorySnapshotter
from companion.backend.snapshots.records import Record
from companion.backend.snapshots.trees import copy_tree
from companion.core import platforms
from companion.core.mounts import Mount
from companion.core.snapshots import Kind
from companion.plugin import SNAPSHOTTER, InitContext, register


class NativeSnapshotter(DirectorySnapshotter):
    """Copies directories; a view shows its parent's and has none of its own.

    containerd: native.NewSnapshotter.
    """

    mount_name = "snapshot mount"

    def _fill(self, draft: Path, kind: Kind, parents: Sequence[int]) -> None:
        if not parents:
            draft.mkdir()
            draft.chmod(0o755)
        elif kind is Kind.ACTIVE:
            copy_tree(self._path(parents[0]), draft)

    def _mounts(self, record: Record) -> Sequence[Mount]:
        if record.kind is Kind.ACTIVE:
            return [Mount("bind", str(self._path(record.id)), ("rbind", "rw"))]
        shown = record.parents[0] if record.parents else record.id
        return [Mount("bind", str(self._path(shown)), ("rbind", "ro"))]

    def _tree(self, number: int) -> Path:
        return self._path(number)


@register(type=SNAPSHOTTER, id="native", config={"root_path": ""})
def init(context: InitContext) -> NativeSnapshotter:
    """The plugin `io.containerd.snapshotter.v1.native`."""
    context.meta.platforms.append(platforms.default())
    return NativeSnapshotter(Path(context.config["root_path"] or context.root))
