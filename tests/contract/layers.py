"""Layers that cases have to do with, made from layers.toml: `name.form`, of which the form is the last word.

Forms: `tar`, `gzip` and `zstd`; with `cut` behind it without the last 20 bytes.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FILE = Path(__file__).with_name("layers.toml")
CUT = 20
TIME = 1_000_000_000
"""Seconds: the time of all entries that do not say another."""

TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "link": tarfile.LNKTYPE,
    "character": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "contiguous": tarfile.CONTTYPE,
    "gnu sparse": tarfile.GNUTYPE_SPARSE,
    "global": tarfile.XGLTYPE,
}
KINDS = {kind: name for name, kind in TYPES.items()}

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "gzip": lambda plain: gzip.compress(plain, mtime=0),
    "zstd": zstd.compress,
}


def archive(entries: list[dict[str, Any]]) -> bytes:
    """Return the archive of entries as layers.toml has them."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as written:
        for entry in entries:
            data = entry.get("data", "").encode()
            written.addfile(_header(entry, len(data)), io.BytesIO(data))
    return file.getvalue()


def _header(entry: Mapping[str, Any], size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(entry["name"])
    header.type, header.size = TYPES[entry.get("type", "file")], size
    header.mode = entry.get("mode", 0o755 if header.isdir() else 0o644)
    header.mtime, header.linkname = entry.get("mtime", TIME), entry.get("link", "")
    header.uid, header.gid = entry.get("owner", (0, 0))
    header.devmajor, header.devminor = entry.get("device", (0, 0))
    header.pax_headers = dict(entry.get("pax", {}))
    return header


def listed(blob: bytes) -> Iterator[str]:
    """Yield a line for each entry of a layer, plain or compressed: what tells it from others."""
    plain = gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else blob
    with tarfile.open(fileobj=io.BytesIO(plain), errors="backslashreplace") as layer:
        for entry in layer:
            words = [entry.name, KINDS[entry.type], f"{entry.mode:04o}", f"{entry.uid}:{entry.gid}"]
            if entry.isreg():
                words.append(f"{entry.size} bytes")
            if entry.linkname:
                words.append(f"-> {entry.linkname}")
            if entry.isdev():
                words.append(f"{entry.devmajor}:{entry.devminor}")
            yield " ".join(words)


@cache
def plain(name: str) -> bytes:
    """Return the archive of a layer; of one that is `raw`, the text itself."""
    layer = tomllib.loads(FILE.read_text())[name]
    return layer["raw"].encode() if "raw" in layer else archive(layer["entries"])


def blob(name: str) -> bytes:
    """Return the bytes of a layer in a form."""
    layer, form, *cut = name.split(".")
    made = FORMS[form](plain(layer))
    return made[:-CUT] if cut else made


def fill(word: str, name: str) -> str:
    """Return what a placeholder of a case stands for."""
    match word:
        case "blob":
            return "".join(f"\\{byte:03o}" for byte in blob(name))
        case "digest":
            return f"sha256:{sha256(blob(name)).hexdigest()}"
        case "diffid":
            return f"sha256:{sha256(plain(name)).hexdigest()}"
        case _:
            return str(len(plain(name)))
