"""The guide's image and its registry."""

import io
import tarfile

import pytest

from companion.client.remotes import RegistryError
from companion.client.remotes.fetcher import RemoteBlob
from companion.core import media_types
from companion.core.content import Descriptor
from companion.guide import fresh_registry, image, stop_registry
from companion.guide.image import NAME
from companion.guide.registry import Registry

DIGEST = "sha256:4fd2392b38acab6ab8a6ca7d45768d390c51eb81ce49ff1f439fbc255f345e15"


def test_the_same_image_everywhere_and_always() -> None:
    assert image.build().target == DIGEST


def test_its_layers_are_archives() -> None:
    layers = [data for kind, data in image.build().blobs.values() if kind == f"{media_types.OCI_LAYER}+gzip"]
    contents = []
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
            contents.append(archive.getnames())
    assert "etc/os-release" in contents[0]
    assert ("srv/reader/notes" in contents[1], "etc/.wh.motd" in contents[2]) == (True, True)


def test_it_tells_what_it_was_asked() -> None:
    with Registry() as registry:
        target = registry.resolver().resolve(NAME)
        with registry.resolver().fetcher(NAME) as fetcher, fetcher.fetch(target, 100) as blob:
            blob.read(1)
        assert list(map(str, registry.requests)) == [
            "HEAD /v2/library/debian/manifests/latest",
            f"GET /v2/library/debian/manifests/{DIGEST} bytes=100-",
        ]


def test_broken_it_sends_a_part_and_then_nothing_until_it_is_repaired(
    capfd: pytest.CaptureFixture[str],
) -> None:
    layer = max(image.build().blobs.items(), key=lambda blob: len(blob[1][1]))
    digest, (media_type, data) = layer
    with Registry() as registry, registry.resolver().fetcher(NAME) as fetcher:
        registry.break_after(1000)
        whole = Descriptor(media_type, digest, len(data))
        assert read(fetcher.fetch(whole)) == data[:1000]
        assert read(fetcher.fetch(whole)) == b""
        registry.repair()
        assert read(fetcher.fetch(whole)) == data
    assert capfd.readouterr() == ("", "")


def read(blob: RemoteBlob) -> bytes:
    with blob:
        return blob.read(1 << 20)


def test_a_fresh_registry_takes_the_place_of_the_one_before() -> None:
    before = fresh_registry()
    after = fresh_registry()
    try:
        assert after.resolver().resolve(NAME).digest == DIGEST
        with pytest.raises(RegistryError, match="connection refused"):
            before.resolver().resolve(NAME)
    finally:
        stop_registry()
    stop_registry()
