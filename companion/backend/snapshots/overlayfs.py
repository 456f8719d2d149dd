"""The snapshotter `overlayfs`: a snapshot holds what differs from its parents; the kernel stacks them.

containerd: plugins/snapshots/overlay.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from companion.backend.snapshots.directories import DirectorySnapshotter
from companion.backend.snapshots.records import Record
from companion.core import platforms
from companion.core.mounting import mounted
from companion.core.mounts import Mount
from companion.core.snapshots import Kind
from companion.plugin import SNAPSHOTTER, InitContext, SkipPlugin, register

_INDEX = Path("/sys/module/overlay/parameters/index")
_WHOLE_RANGE = ["0", "0", "4294967295"]


class OverlaySnapshotter(DirectorySnapshotter):
    """Keeps the layers of overlays, each in a directory `fs`, and beside it the kernel's own, `work`.

    containerd: overlay.NewSnapshotter.
    """

    mount_name = "active mount"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._options = _options()

    def _fill(self, draft: Path, kind: Kind, parents: Sequence[int]) -> None:
        draft.mkdir(mode=0o700)
        tree = draft / "fs"
        tree.mkdir()
        tree.chmod(0o755)
        if parents:
            below = self._tree(parents[0]).stat()
            os.chown(tree, below.st_uid, below.st_gid)
        if kind is Kind.ACTIVE:
            (draft / "work").mkdir()
            (draft / "work").chmod(0o711)

    def _mounts(self, record: Record) -> Sequence[Mount]:
        trees = [str(self._tree(number)) for number in record.parents]
        own = str(self._tree(record.id))
        if record.kind is Kind.ACTIVE:
            if not trees:
                return [Mount("bind", own, ("rw", "rbind"))]
            work = self._path(record.id) / "work"
            return [self._overlay(f"workdir={work}", f"upperdir={own}", f"lowerdir={':'.join(trees)}")]
        if len(trees) > 1:
            return [self._overlay(f"lowerdir={':'.join(trees)}")]
        return [Mount("bind", trees[0] if trees else own, ("ro", "rbind"))]

    def _tree(self, number: int) -> Path:
        return self._path(number) / "fs"

    def _overlay(self, *layers: str) -> Mount:
        return Mount("overlay", "overlay", (*self._options, *layers))


def _options() -> tuple[str, ...]:
    """Return the options of every overlay on this machine."""
    # With the index a directory that was part of one overlay could not be part of another.
    options = ["index=off"] if _INDEX.exists() else []
    # Only root of the whole machine may write the attributes that overlays use otherwise.
    if Path("/proc/self/uid_map").read_text().split() != _WHOLE_RANGE:
        options.append("userxattr")
    return tuple(options)


def check(root: Path) -> None:
    """Mount an overlay in a corner of `root`. Raises `SkipPlugin` where that does not work."""
    with tempfile.TemporaryDirectory(prefix="check-", dir=root) as corner:
        layers = [f"{name}={corner}/{name}" for name in ("workdir", "upperdir", "lowerdir")]
        for layer in layers:
            Path(layer.partition("=")[2]).mkdir()
        try:
            with mounted([Mount("overlay", "overlay", (*_options(), *layers))]):
                pass
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise SkipPlugin(f"overlayfs is not supported on {root} (mount overlay: {reason})") from None


@register(type=SNAPSHOTTER, id="overlayfs", config={"root_path": ""})
def init(context: InitContext) -> OverlaySnapshotter:
    """The plugin `io.containerd.snapshotter.v1.overlayfs`."""
    root = Path(context.config["root_path"] or context.root)
    context.meta.platforms.append(platforms.default())
    context.meta.exports["root"] = str(root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    check(root)
    return OverlaySnapshotter(root)
