"""The config of an image, and the chain that its layers make."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.core.content import Descriptor
from companion.core.errors import InvalidArgument
from companion.core.image_config import ImageConfig, chain_id, read_image_config
from companion.core.manifests import read_manifest
from companion.core.media_types import OCI_CONFIG
from companion.core.platforms import Platform
from tests.images import digest, image, layer, single, write


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "content")


def read(store: BlobStore, target: Descriptor) -> ImageConfig:
    return read_image_config(store, read_manifest(store, target).config.digest)


def test_a_config_is_read(store: BlobStore) -> None:
    first = layer({"a": ""})
    target = write(
        store,
        image(
            first,
            platform="linux/arm/v6",
            User="app",
            Env=["A=1"],
            Entrypoint=["/bin/env"],
            Cmd=["x"],
            WorkingDir="/srv",
            Labels={"a": "1"},
            StopSignal="SIGINT",
            Volumes={"/v": {}},
        ),
    )
    assert read(store, target) == ImageConfig(
        Platform("linux", "arm", "v6"),
        (digest(first),),
        "app",
        ("A=1",),
        ("/bin/env",),
        ("x",),
        "/srv",
        {"a": "1"},
        "SIGINT",
    )


def test_a_config_may_say_nothing(store: BlobStore) -> None:
    target = write(store, single(OCI_CONFIG, {"config": None, "rootfs": None}))
    assert read_image_config(store, target.digest) == ImageConfig(Platform("", ""))


def test_a_malformed_config_is_refused(store: BlobStore) -> None:
    target = write(store, single(OCI_CONFIG, {"config": {"Env": "A=1"}}))
    with pytest.raises(InvalidArgument) as caught:
        read_image_config(store, target.digest)
    assert str(caught.value) == f"content {target.digest}: config: Env must be a list: invalid argument"


def test_layers_make_a_chain() -> None:
    one, two, three = (f"sha256:{number * 64}" for number in "123")
    pair = f"sha256:{sha256(f'{one} {two}'.encode()).hexdigest()}"
    assert chain_id([]) == ""
    assert chain_id([one]) == one
    assert chain_id([one, two]) == pair
    assert chain_id([one, two, three]) == f"sha256:{sha256(f'{pair} {three}'.encode()).hexdigest()}"
