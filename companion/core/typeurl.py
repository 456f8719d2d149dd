"""A value with the name of its type: how containerd carries what it does not want to understand."""

from __future__ import annotations

from dataclasses import dataclass

OCI_SPEC = "types.containerd.io/opencontainers/runtime-spec/1/Spec"


@dataclass(frozen=True, slots=True)
class Any:
    """An opaque value and the name of its type. containerd: typeurl.Any.

    `value` is JSON for OCI types and protobuf for messages; the daemon never looks inside.
    """

    type_url: str
    value: bytes

    def __repr__(self) -> str:
        return f"Any({self.type_url!r}, {len(self.value)} bytes)"
