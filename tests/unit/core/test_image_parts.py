"""All that an image is made of, in a real content store."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.core.content import Descriptor
from companion.core.errors import FailedPrecondition, InvalidArgument
from companion.core.image_parts import child_labels, walk
from companion.core.manifests import MAX_DEPTH
from companion.core.media_types import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    is_layer,
)
from tests.images import Blobs, image, index, layer, single, write


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "content")


def arm() -> Blobs:
    return image(layer({"arm": ""}), platform="linux/arm64")


def amd() -> Blobs:
    return image(layer({"amd": ""}), platform="linux/amd64")


def test_children_are_held_by_labels() -> None:
    kinds = (OCI_CONFIG, DOCKER_CONFIG, f"{OCI_LAYER}+zstd", f"{DOCKER_LAYER}.gzip", "text/plain", OCI_INDEX)
    more = (DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_INDEX)
    found = [Descriptor(kind, f"sha256:{number}") for number, kind in enumerate(kinds + more)]
    assert child_labels(found) == {
        "containerd.io/gc.ref.content.config": "sha256:0",
        "containerd.io/gc.ref.content.config1": "sha256:1",
        "containerd.io/gc.ref.content.l.0": "sha256:2",
        "containerd.io/gc.ref.content.l.1": "sha256:3",
        "containerd.io/gc.ref.content.0": "sha256:4",
        "containerd.io/gc.ref.content.1": "sha256:5",
        "containerd.io/gc.ref.content.m.0": "sha256:6",
        "containerd.io/gc.ref.content.m.1": "sha256:7",
        "containerd.io/gc.ref.content.2": "sha256:8",
    }


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        (OCI_LAYER, True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", True),
        (DOCKER_LAYER, True),
        (f"{DOCKER_LAYER}.gzip", True),
        (f"{DOCKER_LAYER}+zstd", True),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", True),
        (f"{DOCKER_LAYER}.zip", False),
        (OCI_CONFIG, False),
        ("", False),
    ],
)
def test_a_layer_is_known_by_its_type(media_type: str, expected: bool) -> None:
    assert is_layer(media_type) is expected


def test_a_walk_meets_everything_once(store: BlobStore) -> None:
    both = index(amd(), arm())
    target = write(store, index(both, amd(), both))
    assert [each.digest for each in walk(store, target)][:2] == [target.digest, both.target.digest]
    assert sorted(each.digest for each in walk(store, target)) == sorted({target.digest, *both.data})


def test_a_walk_passes_by_what_is_not_there(store: BlobStore) -> None:
    blobs = index(amd(), arm())
    target = write(store, blobs)
    store.delete(arm().target.digest)
    assert {each.digest for each in walk(store, target)} == {
        target.digest,
        arm().target.digest,
        *amd().data,
    }


def test_a_walk_does_not_pass_by_what_is_malformed(store: BlobStore) -> None:
    target = write(store, single(OCI_MANIFEST, b"{"))
    with pytest.raises(InvalidArgument, match="is not JSON"):
        list(walk(store, target))


@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1])
def test_a_walk_goes_so_deep_and_no_deeper(levels: int, store: BlobStore) -> None:
    blobs = Blobs(Descriptor(OCI_MANIFEST, f"sha256:{'0' * 64}"), {})
    for _ in range(levels):
        blobs = index(blobs)
    target = write(store, blobs)
    if levels > MAX_DEPTH:
        with pytest.raises(FailedPrecondition, match="more than 8 indexes in one another"):
            list(walk(store, target))
    else:
        assert len(list(walk(store, target))) == levels + 1
