"""What an image is made of, read out of a real content store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from companion.backend.content.store import BlobStore
from companion.core import documents, manifests
from companion.core.content import Descriptor
from companion.core.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
)
from companion.core.image_config import ImageConfig, read_image_config
from companion.core.manifests import children, matching, read_manifest
from companion.core.media_types import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
)
from companion.core.platforms import Platform, only, ordered, parse
from tests.images import Blobs, image, index, layer, single, write

AMD64 = only(parse("linux/amd64"))
ARM = only(parse("linux/arm64"))


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "content")


def arm(**config: Any) -> Blobs:
    return image(layer({"arm": ""}), platform="linux/arm64", **config)


def amd(**config: Any) -> Blobs:
    return image(layer({"amd": ""}), platform="linux/amd64", **config)


def nameless(blobs: Blobs) -> Blobs:
    """An image whose platform an index does not tell."""
    return replace(blobs, platform=None)


def deep(blobs: Blobs, levels: int) -> Blobs:
    for _ in range(levels):
        blobs = index(blobs)
    return blobs


def config_of(store: BlobStore, target: Descriptor, matcher: Any = AMD64) -> ImageConfig:
    return read_image_config(store, read_manifest(store, target, matcher).config.digest)


def test_a_manifest_names_config_and_layers(store: BlobStore) -> None:
    blobs = image(layer({"a": "1"}), layer({"b": "2"}))
    found = read_manifest(store, write(store, blobs))
    assert found.config.media_type == OCI_CONFIG
    assert [each.media_type for each in found.layers] == [f"{OCI_LAYER}+gzip"] * 2
    assert {found.config.digest, *(each.digest for each in found.layers)} < set(blobs.data)
    assert all(len(blobs.data[each.digest]) == each.size for each in found.layers)


def test_a_manifest_of_docker_is_read_too(store: BlobStore) -> None:
    config = write(store, single(DOCKER_CONFIG, {"os": "linux", "architecture": "amd64"}))
    value = {"config": {"mediaType": config.media_type, "digest": config.digest, "size": config.size}}
    target = write(store, single(DOCKER_MANIFEST, {"mediaType": DOCKER_MANIFEST, **value, "layers": []}))
    assert read_manifest(store, target, ARM) == manifests.Manifest(config)


def test_what_a_descriptor_says_is_kept(store: BlobStore) -> None:
    told = {
        "mediaType": OCI_MANIFEST,
        "digest": "sha256:x",
        "size": 7,
        "annotations": {"a": "1"},
        "urls": ["http://host/x"],
        "platform": {"os": "linux", "architecture": "arm", "variant": "v6", "os.version": "1"},
    }
    [child] = children(store, write(store, single(OCI_INDEX, {"manifests": [told]})))
    platform = Platform("linux", "arm", "v6")
    assert child == Descriptor(OCI_MANIFEST, "sha256:x", 7, {"a": "1"}, platform, ("http://host/x",))


def test_of_an_index_the_best_is_read(store: BlobStore) -> None:
    old = image(platform="linux/386", Cmd=["old"])
    target = write(store, index(arm(Cmd=["arm"]), old, amd(Cmd=["amd"])))
    assert config_of(store, target, AMD64).cmd == ("amd",)
    assert config_of(store, target, ARM).cmd == ("arm",)
    assert config_of(store, target, only(parse("linux/386"))).cmd == ("old",)


def test_what_runs_on_a_lesser_processor_will_do(store: BlobStore) -> None:
    target = write(store, index(arm(), image(platform="linux/386", Cmd=["old"])))
    assert config_of(store, target, AMD64).cmd == ("old",)


def test_of_the_same_platform_the_first_is_read(store: BlobStore) -> None:
    target = write(store, index(amd(Cmd=["first"]), amd(Cmd=["second"])))
    assert config_of(store, target).cmd == ("first",)


def test_without_a_matcher_the_first_is_read(store: BlobStore) -> None:
    assert config_of(store, write(store, index(arm(Cmd=["arm"]), amd())), None).cmd == ("arm",)


def test_the_target_itself_needs_no_platform_that_matches(store: BlobStore) -> None:
    assert config_of(store, write(store, arm(Cmd=["arm"])), AMD64).cmd == ("arm",)


def test_without_a_platform_in_the_index_the_config_is_asked(store: BlobStore) -> None:
    assert config_of(store, write(store, index(nameless(amd(Cmd=["amd"]))))).cmd == ("amd",)
    with pytest.raises(NotFound, match=r"^no match for platform in manifest"):
        read_manifest(store, write(store, index(nameless(arm()))), AMD64)


def test_one_that_names_its_platform_goes_first(store: BlobStore) -> None:
    target = write(store, index(nameless(amd(Cmd=["nameless"])), amd(Cmd=["named"])))
    assert config_of(store, target).cmd == ("named",)


def test_an_index_in_an_index_is_entered(store: BlobStore) -> None:
    assert config_of(store, write(store, index(arm(), index(amd(Cmd=["amd"]))))).cmd == ("amd",)


def test_too_many_indexes_in_one_another_are_refused(store: BlobStore) -> None:
    target = write(store, deep(amd(), manifests.MAX_DEPTH + 1))
    with pytest.raises(FailedPrecondition, match="more than 8 indexes in one another"):
        read_manifest(store, target, AMD64)


def test_as_many_as_may_be_are_read(store: BlobStore) -> None:
    target = write(store, deep(amd(Cmd=["amd"]), manifests.MAX_DEPTH - 1))
    assert config_of(store, target).cmd == ("amd",)


def test_where_nothing_matches_the_digest_is_told(store: BlobStore) -> None:
    for empty in (index(arm()), index()):
        target = write(store, empty)
        with pytest.raises(NotFound) as caught:
            read_manifest(store, target, AMD64)
        assert str(caught.value) == f"no match for platform in manifest {target.digest}: not found"


def test_an_empty_index_has_no_manifest(store: BlobStore) -> None:
    target = write(store, index())
    with pytest.raises(NotFound) as caught:
        read_manifest(store, target)
    assert str(caught.value) == f"manifest {target.digest}: not found"


def test_another_media_type_is_told(store: BlobStore) -> None:
    target = write(store, single("text/plain", b"text"))
    with pytest.raises(NotFound) as caught:
        read_manifest(store, target, AMD64)
    assert str(caught.value) == f"unexpected media type text/plain for {target.digest}: not found"


def test_what_is_not_there_is_not_found(store: BlobStore) -> None:
    with pytest.raises(NotFound):
        read_manifest(store, amd().target, AMD64)


TWO_FACED: dict[str, tuple[str, object, str]] = {
    "an index said to be a manifest": (
        OCI_MANIFEST,
        {"manifests": [{}]},
        f"expected manifest but found index ({OCI_MANIFEST})",
    ),
    "an index of docker said to be a manifest": (
        DOCKER_MANIFEST,
        {"mediaType": DOCKER_INDEX},
        f"expected manifest but found index ({DOCKER_MANIFEST})",
    ),
    "a manifest said to be an index": (
        OCI_INDEX,
        {"config": {"digest": "x"}},
        f"expected index but found manifest ({OCI_INDEX})",
    ),
    "layers in an index": (
        DOCKER_INDEX,
        {"layers": [{}]},
        f"expected index but found manifest ({DOCKER_INDEX})",
    ),
    "the first schema": (OCI_MANIFEST, {"fsLayers": [{}]}, "schema 1 not supported"),
}


@pytest.mark.parametrize(("media_type", "value", "text"), TWO_FACED.values(), ids=TWO_FACED)
def test_refused(media_type: str, value: object, text: str, store: BlobStore) -> None:
    target = write(store, single(media_type, value))
    with pytest.raises(InvalidArgument) as caught:
        read_manifest(store, target, AMD64)
    assert str(caught.value) == (
        f"manifest: invalid desc {target.digest}: media-type: {text}: invalid argument"
    )
    with pytest.raises(InvalidArgument, match=r"^children: invalid desc"):
        children(store, target)


MALFORMED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not JSON"),
    "half a document": (b'{"layers": [', "is not JSON"),
    "bytes": (b"\xff\xfe\xfd", "is not JSON"),
    "too deep": (b"[" * 100_000, "is not JSON"),
    "a list": (b"[]", "must be an object"),
    "null": (b"null", "must be an object"),
    "a type that is a number": (b'{"mediaType": 1}', "mediaType must be text"),
    "half a character": (b'{"mediaType": "\\ud800"}', "mediaType must be text"),
    "a config that is text": (b'{"config": "x"}', "config must be an object"),
    "layers that are an object": (b'{"layers": {}}', "layers must be a list"),
    "a layer that is null": (b'{"layers": [null]}', "layers must be an object"),
    "a size that is text": (b'{"layers": [{"size": "1"}]}', "layers: size must be an integer"),
    "a size that is true": (b'{"config": {"size": true}}', "config: size must be an integer"),
    "a size that is half": (b'{"config": {"size": 1.5}}', "config: size must be an integer"),
    "a size that is huge": (b'{"config": {"size": 9223372036854775808}}', "config: size must be an integer"),
    "annotations that are numbers": (b'{"config": {"annotations": {"a": 1}}}', "annotations: a must be text"),
    "urls that are text": (b'{"config": {"urls": "x"}}', "config: urls must be a list"),
    "a platform that is text": (b'{"config": {"platform": "x"}}', "config: platform must be an object"),
}


@pytest.mark.parametrize(("data", "text"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_document_is_refused(data: bytes, text: str, store: BlobStore) -> None:
    target = write(store, single(OCI_MANIFEST, data))
    with pytest.raises(InvalidArgument) as caught:
        read_manifest(store, target, AMD64)
    assert str(caught.value).startswith(f"content {target.digest}")
    assert text in str(caught.value)


def test_a_large_document_is_refused(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_SIZE", 10)
    target = write(store, amd())
    with pytest.raises(ResourceExhausted, match="larger than the maximum size \\(10 bytes\\)"):
        read_manifest(store, target, AMD64)


def test_what_is_null_is_empty(store: BlobStore) -> None:
    data = b'{"config": {"digest": "sha256:x", "annotations": null, "platform": null}, "layers": null}'
    assert read_manifest(store, write(store, single(OCI_MANIFEST, data))) == manifests.Manifest(
        Descriptor(digest="sha256:x")
    )


def test_children_that_fit_come_in_order() -> None:
    named = [
        Descriptor(digest=name, platform=parse(name)) for name in ("linux/386", "linux/arm", "linux/amd64")
    ]
    nameless = Descriptor(digest="nameless")
    found = [nameless, *named]
    assert [each.digest for each in matching(found, AMD64)] == ["linux/amd64", "linux/386", "nameless"]
    assert matching(found, None) == found
    assert matching(named, ordered([])) == []
