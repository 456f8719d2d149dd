"""The plugin `walking`: unpacks layers, and makes them by a walk through two trees.

containerd: plugins/diff/walking for the way back, core/diff/apply for the way there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from companion.backend.diff.compare import wanted, write_diff
from companion.backend.diff.extract import Extractor
from companion.backend.diff.processors import archive_of
from companion.backend.diff.root import Root
from companion.backend.diff.stream import Measured, Stream
from companion.backend.diff.tar import Archive
from companion.backend.diff.targets import overlay_layers, read_only, require_writable, visible
from companion.backend.diff.whiteouts import Marks, Removal
from companion.core import content, diff, platforms
from companion.core.content import Descriptor
from companion.core.errors import Error
from companion.core.media_types import OCI_LAYER
from companion.core.mounting import unmount_all
from companion.core.mounts import Mount
from companion.plugin import DIFFER, METADATA, InitContext, register

MAX_LAYER_SIZE = 64 << 30
"""How large a layer may be when it is unpacked, in bytes, unless the configuration says otherwise."""


class WalkingDiff(diff.Service):
    """Unpacks layers of a content store, and writes them there; mounts below `temporary`.

    A layer that takes more than `max_layer_size` bytes is refused (0: any size). containerd: walkingDiff.
    """

    def __init__(self, store: content.Store, temporary: Path, max_layer_size: int = MAX_LAYER_SIZE) -> None:
        self._store, self._temporary, self._limit = store, temporary, max_layer_size

    def apply(self, layer: Descriptor, mounts: Sequence[Mount]) -> Descriptor:
        try:
            blob = self._store.reader_at(layer.digest)
        except Error as error:
            raise error.wrap("failed to get reader from content store") from None
        with blob:
            chunks = Measured(archive_of(layer.media_type, blob), self._limit)
            self._extract(iter(chunks), mounts)
        return Descriptor(OCI_LAYER, chunks.digest, chunks.size)

    def _extract(self, chunks: Iterator[bytes], mounts: Sequence[Mount]) -> None:
        with Stream(chunks) as stream:
            with self._extractor(mounts) as extractor:
                extractor.extract(Archive(stream))
            # What comes after the archive is part of what the digest is of.
            stream.drain()

    @contextmanager
    def _extractor(self, mounts: Sequence[Mount]) -> Iterator[Extractor]:
        overlay = overlay_layers(mounts)
        with ExitStack() as opened:
            if overlay is not None:
                upper, lowers, namespace = overlay
                below = [opened.enter_context(Root(lower)) for lower in lowers]
                root = opened.enter_context(Root(upper))
                yield Extractor(root, Marks(namespace), below, self._limit)
            else:
                tree = opened.enter_context(visible(mounts, self._temporary))
                require_writable(mounts)
                root = opened.enter_context(Root(tree))
                yield Extractor(root, Removal(root), limit=self._limit)

    def compare(
        self,
        lower: Sequence[Mount],
        upper: Sequence[Mount],
        *,
        media_type: str = "",
        ref: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Descriptor:
        layer = wanted(media_type, ref, labels)
        with (
            visible(lower, self._temporary) as before,
            visible(read_only(upper), self._temporary) as after,
        ):
            return write_diff(self._store, layer, before, after)


@register(type=DIFFER, id="walking", requires=(METADATA,), config={"max_layer_size": MAX_LAYER_SIZE})
def init(context: InitContext) -> WalkingDiff:
    """The plugin `io.containerd.differ.v1.walking`."""
    context.meta.platforms.append(platforms.default())
    temporary = context.root.parent / "tmpmounts"
    temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    unmount_all(temporary)
    return WalkingDiff(context.get(METADATA).content_store, temporary, context.config["max_layer_size"])
