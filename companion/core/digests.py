"""The rule for digests: the names of what is found by its content."""

from __future__ import annotations

import hashlib
import re

from companion.core.errors import InvalidArgument

HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""The algorithms that are supported, and how many hexadecimal digits each gives."""

_ANY = re.compile("[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = re.compile("[a-f0-9]+")


def from_bytes(data: bytes) -> str:
    """Return the digest of these bytes. containerd: digest.FromBytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def validate(digest: str) -> None:
    """Raise `InvalidArgument` unless `digest` reads `<algorithm>:<hex>`. containerd: go-digest's Validate."""
    algorithm, _, digits = digest.partition(":")
    length = HEX_LENGTHS.get(algorithm)
    if not digits or (length is None and not _ANY.fullmatch(digest)):
        raise InvalidArgument("invalid checksum digest format")
    if length is None:
        raise InvalidArgument("unsupported digest algorithm")
    if len(digits.encode()) != length:
        raise InvalidArgument("invalid checksum digest length")
    if not _HEX.fullmatch(digits):
        raise InvalidArgument("invalid checksum digest format")
