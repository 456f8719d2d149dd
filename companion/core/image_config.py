"""The configuration of an image: how to run it, and what its layers make. containerd: ocispec.Image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from companion.core import digests
from companion.core.content import Provider
from companion.core.documents import Document, read_document
from companion.core.platforms import Platform


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What the config of an image says; `diff_ids` are the digests of its unpacked layers, the lowest first.

    `platform` is what its programs are built for, all else is for the process that runs them.
    containerd: ocispec.Image and ocispec.ImageConfig.
    """

    platform: Platform
    diff_ids: tuple[str, ...] = ()
    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""


def read_image_config(provider: Provider, digest: str) -> ImageConfig:
    """Return the config in a blob. Raises `NotFound`, `InvalidArgument` when it is none."""
    document = read_document(provider, digest)
    process = document.object("config")
    return ImageConfig(
        platform=read_platform(document),
        diff_ids=document.object("rootfs").texts("diff_ids"),
        user=process.text("User"),
        env=process.texts("Env"),
        entrypoint=process.texts("Entrypoint"),
        cmd=process.texts("Cmd"),
        working_dir=process.text("WorkingDir"),
        labels=process.mapping("Labels"),
        stop_signal=process.text("StopSignal"),
    )


def read_platform(document: Document) -> Platform:
    """Return the platform that an object of a document names."""
    return Platform(document.text("os"), document.text("architecture"), document.text("variant"))


def chain_id(diff_ids: Iterable[str]) -> str:
    """Return the name of what layers make together; without any it is empty. OCI: identity.ChainID."""
    name = ""
    for diff_id in diff_ids:
        name = digests.from_bytes(f"{name} {diff_id}".encode()) if name else diff_id
    return name
