"""The rule for labels, and the labels that mean something to containerd."""

from __future__ import annotations

from companion.core.errors import InvalidArgument

MAX_SIZE = 4096
"""The largest sum of a label's key and value, in bytes of UTF-8."""

_SHOWN_KEY = 10

GC = "containerd.io/gc."
"""What all labels begin with that the collector reads."""

GC_EXPIRE = f"{GC}expire"
GC_FLAT = f"{GC}flat"
GC_ROOT = f"{GC}root"
GC_REF_CONTENT = f"{GC}ref.content"
GC_REF_SNAPSHOT = f"{GC}ref.snapshot."
DEFAULT_RUNTIME = "containerd.io/defaults/runtime"
DEFAULT_SNAPSHOTTER = "containerd.io/defaults/snapshotter"

STOP_SIGNAL = "io.containerd.image.config.stop-signal"
"""The label of a container that says which signal stops its program."""

UNCOMPRESSED = "containerd.io/uncompressed"
"""The label of a layer that says which digest it has when it is not compressed."""


def validate(key: str, value: str) -> None:
    """Raise `InvalidArgument` when key and value together are too long. containerd: labels.Validate."""
    raw = key.encode()
    if len(raw) + len(value.encode()) > MAX_SIZE:
        shown = raw[:_SHOWN_KEY].decode(errors="replace")
        raise InvalidArgument(
            f"label key and value greater than maximum size ({MAX_SIZE} bytes), key: {shown}"
        )
