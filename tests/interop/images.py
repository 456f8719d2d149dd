"""The images that tests pull, made with `umoci` and pushed with `skopeo`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.interop import layers
from tests.interop.layers import Layer
from tests.interop.registry import push, registry

CREATED = "2020-01-02T03:04:05Z"
NAME = "org.opencontainers.image.ref.name"
INDEX = "application/vnd.oci.image.index.v1+json"
MADE = ("--history.created", CREATED, "--history.created_by", "a test")
PLATFORMS = ("amd64", "arm64")
CONFIG = (
    *("--config.env", "PATH=/usr/bin", "--config.env", "A=1", "--config.cmd", "/usr/bin/su"),
    *("--config.entrypoint", "/usr/bin/env", "--config.user", "app", "--config.workingdir", "/srv"),
    *("--config.label", "a=1", "--config.stopsignal", "SIGINT", "--config.volume", "/var/cache"),
)


@dataclass(frozen=True)
class Layout:
    """A directory of images, as OCI lays it out."""

    directory: Path

    @classmethod
    def new(cls, directory: Path) -> Layout:
        umoci("init", "--layout", directory)
        return cls(directory)

    def add(
        self, tag: str, makers: Sequence[Callable[[Layer], None]], architecture: str = "amd64", *config: str
    ) -> None:
        """Add an image of these layers."""
        image = ("--image", f"{self.directory}:{tag}")
        umoci("new", *image)
        for make in makers:
            archive = self.directory.with_name("layer.tar")
            layers.write(make, archive)
            umoci("raw", "add-layer", *image, *MADE, archive)
        fixed = ("--no-history", "--created", CREATED, "--os", "linux", "--architecture", architecture)
        umoci("config", *image, *fixed, *config)

    def add_index(self, tag: str, images: Sequence[str]) -> None:
        """Add an index of images that are there, each for the platform that is its tag."""
        file = self.directory / "index.json"
        index = json.loads(file.read_text())
        found = {entry.pop("annotations")[NAME]: entry for entry in json.loads(file.read_text())["manifests"]}
        manifests = [{**found[tag], "platform": {"os": "linux", "architecture": tag}} for tag in images]
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()
        digest = sha256(data).hexdigest()
        (self.directory / "blobs/sha256" / digest).write_bytes(data)
        entry = {
            "mediaType": INDEX,
            "digest": f"sha256:{digest}",
            "size": len(data),
            "annotations": {NAME: tag},
        }
        index["manifests"].append(entry)
        file.write_text(json.dumps(index))


def umoci(*words: str | Path) -> None:
    subprocess.run(["umoci", *map(str, words)], check=True, timeout=60)


def small(text: str) -> Callable[[Layer], None]:
    """The maker of a layer of one file."""
    return lambda layer: layer.file("file", text.encode())


@contextmanager
def filled_registry(directory: Path) -> Iterator[str]:
    """A registry with images, made in a directory.

    `odd:latest` has all that layers can have, `odd:docker` the same with Docker's media types, `odd:link` one
    layer more, which overlayfs refuses. `small:latest` is one file, `many:latest` an index of two platforms.
    """
    layout = Layout.new(directory / "layout")
    odd = (layers.base, layers.changes, layers.empty, layers.again)
    layout.add("latest", odd, "amd64", *CONFIG)
    layout.add("link", (*odd, layers.link))
    layout.add("small", (small("small"),))
    for architecture in PLATFORMS:
        layout.add(architecture, (small("common"), small(architecture)), architecture)
    layout.add_index("many", PLATFORMS)
    with registry() as address:
        push(address, layout.directory, "latest", "odd:latest")
        push(address, layout.directory, "latest", "odd:docker", "--format", "v2s2")
        push(address, layout.directory, "link", "odd:link")
        push(address, layout.directory, "small", "small:latest")
        push(address, layout.directory, "many", "many:latest")
        yield address
