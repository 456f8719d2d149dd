"""Where a layer is unpacked to: mounts, made visible as a directory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from companion.backend.diff.errors import LayerError, wrapped
from companion.core.mounting import mounted
from companion.core.mounts import Mount

_LAYERS = ("upperdir=", "lowerdir=", "workdir=")


@contextmanager
def visible(mounts: Sequence[Mount], temporary: Path) -> Iterator[Path]:
    """Yield the directory on which mounts are mounted for the block, below `temporary`.

    Without privileges nothing can be mounted, but a directory shows itself. Raises what the block raises,
    with the directory in its text; `LayerError` when it cannot be mounted. containerd: mount.WithTempMount.
    """
    with ExitStack() as until_the_end:
        try:
            directory = until_the_end.enter_context(_shown(mounts, temporary))
        except OSError as error:
            raise LayerError(f"failed to mount {error.filename}: {(error.strerror or '').lower()}") from None
        try:
            yield directory
        except Exception as error:
            raise wrapped(error, f"mount callback failed on {directory}") from error


@contextmanager
def _shown(mounts: Sequence[Mount], temporary: Path) -> Iterator[Path]:
    match mounts:
        case [Mount(type="bind" | "rbind", source=source, target="")] if os.geteuid() != 0:
            yield Path(source)
        case _:
            with mounted(mounts, temporary) as directory:
                yield directory


def require_writable(mounts: Sequence[Mount]) -> None:
    """Raise `OSError` for a directory that is only to be read, where no mount would say so."""
    if os.geteuid() != 0 and any("ro" in mount.options for mount in mounts):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def overlay_layers(mounts: Sequence[Mount]) -> tuple[Path, list[Path], str] | None:
    """Return the upper directory of an overlay, its lower ones, and the namespace of its attributes.

    None unless it is one overlay that can be written to: a layer goes straight into its upper directory.
    """
    match mounts:
        case [Mount(type="overlay", options=options)]:
            found = dict(option.partition("=")[::2] for option in options)
            if "upperdir" not in found:
                return None
            lowers = [Path(lower) for lower in found.get("lowerdir", "").split(":") if lower]
            return Path(found["upperdir"]), lowers, "user" if "userxattr" in found else "trusted"
    return None


def read_only(mounts: Sequence[Mount]) -> list[Mount]:
    """Return mounts that show the same and change nothing, even where the others are in use."""
    return [_read_only(mount) for mount in mounts]


def _read_only(mount: Mount) -> Mount:
    layers = overlay_layers([mount])
    if layers is None:
        return replace(mount, options=(*(option for option in mount.options if option != "rw"), "ro"))
    # An upper directory belongs to one overlay at a time; shown as the first of the lower ones it does not.
    upper, lowers, _ = layers
    kept = (option for option in mount.options if not option.startswith(_LAYERS))
    return replace(mount, options=(*kept, f"lowerdir={':'.join(map(str, [upper, *lowers]))}"))
