"""Archives of images as OCI and docker lay them out, made in memory: whole ones, and broken ones."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from companion.core import platforms
from companion.core.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST

IMAGE_NAME = "io.containerd.image.name"
REF_NAME = "org.opencontainers.image.ref.name"
LAYOUT = {"imageLayoutVersion": "1.0.0"}

Json = dict[str, Any]


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def layer(**files: str) -> bytes:
    """Return the archive of a directory of these files."""
    return tar({name: text.encode() for name, text in files.items()})


def tar(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of these files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


@dataclass
class Archive:
    """The files of an archive in their order, and the manifests that its index will name."""

    files: dict[str, bytes] = field(default_factory=dict)
    manifests: list[Json] = field(default_factory=list)

    def blob(self, media_type: str, data: bytes) -> Json:
        """Add a blob, and return its descriptor."""
        self.files[blob_name(digest(data))] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    def document(self, media_type: str, value: object) -> Json:
        """Add a blob of JSON, and return its descriptor."""
        return self.blob(media_type, json.dumps(value).encode())

    def image(self, *layers: bytes, platform: str = "") -> Json:
        """Add an image of these layers, and return the descriptor of its manifest."""
        return self.document(OCI_MANIFEST, self.manifest(*layers, platform=platform))

    def manifest(self, *layers: bytes, platform: str = "") -> Json:
        """Add config and layers of an image, and return its manifest."""
        os, architecture, *_ = (platform or platforms.default()).split("/")
        rootfs = {"type": "layers", "diff_ids": [digest(data) for data in layers]}
        config = {"os": os, "architecture": architecture, "config": {"Cmd": ["sh"]}, "rootfs": rootfs}
        return {
            "schemaVersion": 2,
            "config": self.document(OCI_CONFIG, config),
            "layers": [self.blob(OCI_LAYER, data) for data in layers],
        }

    def index(self, *platforms: str) -> Json:
        """Add an index of an image for each platform, and return its descriptor."""
        manifests = []
        for platform in platforms:
            os, architecture = platform.split("/")
            manifest = self.image(layer(platform=platform), platform=platform)
            manifests.append({**manifest, "platform": {"os": os, "architecture": architecture}})
        return self.document(OCI_INDEX, {"schemaVersion": 2, "manifests": manifests})

    def name(self, descriptor: Json, **annotations: str) -> None:
        """Put a descriptor into the index of the archive, under `name` or with the tag `ref`."""
        keys = {"name": IMAGE_NAME, "ref": REF_NAME}
        named = {keys[key]: value for key, value in annotations.items()}
        self.manifests.append({**descriptor, "annotations": named} if named else descriptor)

    def oci(self) -> bytes:
        """Return the archive with an index, as OCI lays it out."""
        index = {"schemaVersion": 2, "manifests": self.manifests}
        files = {"index.json": json.dumps(index).encode(), "oci-layout": json.dumps(LAYOUT).encode()}
        return tar({**self.files, **files})


def docker(tags: list[str] | None, *layers: bytes) -> bytes:
    """Return an image as `docker save` writes it."""
    archive = Archive()
    manifest = archive.manifest(*layers)
    files = {"config.json": archive.files[blob_name(manifest["config"]["digest"])]}
    files |= {f"{number}/layer.tar": data for number, data in enumerate(layers)}
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    listed = [{"Config": "config.json", "RepoTags": tags, "Layers": names}]
    return tar({**files, "manifest.json": json.dumps(listed).encode()})


def write_samples(directory: Path) -> None:
    """Write the archives that the scenarios of `ctr images` name."""
    one = Archive()
    one.name(one.image(layer(a="1"), layer(b="2")), name="docker.io/library/one:1", ref="1")
    (directory / "one.tar").write_bytes(one.oci())
    partial = Archive()
    partial.name(partial.image(layer(a="1"), layer(b="2")), name="docker.io/library/partial:1")
    (directory / "layer").write_bytes(partial.files.pop(blob_name(digest(layer(b="2")))))
    (directory / "partial.tar").write_bytes(partial.oci())
    tagged = Archive()
    tagged.name(tagged.image(layer(a="1")), ref="latest")
    tagged.name(tagged.image(layer(a="2")), ref="v2")
    tagged.name(tagged.image(layer(a="3")))
    (directory / "tagged.tar").write_bytes(tagged.oci())
    many = Archive()
    many.name(many.index("linux/amd64", "linux/arm64", "linux/s390x"), name="example.com/many:1")
    (directory / "many.tar").write_bytes(many.oci())
    (directory / "docker.tar").write_bytes(docker(["busy:1", "example.com/busy"], layer(a="1"), layer(b="2")))
