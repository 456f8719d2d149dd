"""Images into archives."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace

import pytest

from companion.client.archive.exporting import export_archive
from companion.client.archive.importing import import_archive
from companion.core import platforms
from companion.core.content import Store
from companion.core.errors import InvalidArgument, NotFound
from companion.core.images import Image
from companion.core.namespaces import namespace
from companion.store.images import ImageStore
from companion.store.metadata import Metadata
from tests.archives import IMAGE_NAME, REF_NAME, Archive, Json, blob_name, digest, layer

AMD64 = platforms.only(platforms.parse("linux/amd64"))
ONE, TWO = layer(a="1"), layer(b="2")


def keep(metadata: Metadata, archive: Archive) -> list[Image]:
    """Bring the images of an archive."""
    store, records = metadata.content_store, ImageStore(metadata)
    return import_archive(store, records, io.BytesIO(archive.oci()), "", None)


def exported(store: Store, *images: Image, all_platforms: bool = False) -> bytes:
    file = io.BytesIO()
    export_archive(store, file, images, AMD64, all_platforms=all_platforms)
    return file.getvalue()


def files(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: extracted(archive, member) for member in archive}


def extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = archive.extractfile(member)
    return b"" if source is None else source.read()


@pytest.fixture
def one(metadata: Metadata) -> Image:
    archive = Archive()
    archive.name(archive.image(ONE, TWO, platform="linux/amd64"), name="docker.io/library/one:1")
    return keep(metadata, archive)[0]


def test_an_archive_has_all_blobs_and_three_documents(store: Store, one: Image) -> None:
    found = files(exported(store, one))
    manifest = json.loads(found[blob_name(one.target.digest)])
    blobs = {blob_name(each["digest"]) for each in (manifest["config"], *manifest["layers"])}
    documents = {"index.json", "manifest.json", "oci-layout"}
    assert found.keys() == {"blobs", "blobs/sha256", blob_name(one.target.digest), *blobs, *documents}
    assert found[blob_name(digest(ONE))] == ONE


def test_members_are_in_order_and_of_no_time(store: Store, one: Image) -> None:
    with tarfile.open(fileobj=io.BytesIO(exported(store, one))) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}


def test_the_same_images_give_the_same_bytes(store: Store, one: Image) -> None:
    assert exported(store, one) == exported(store, one)


def test_the_documents_tell_the_name(store: Store, one: Image) -> None:
    found = files(exported(store, one))
    [entry] = json.loads(found["index.json"])["manifests"]
    assert entry["annotations"] == {IMAGE_NAME: "docker.io/library/one:1", REF_NAME: "1"}
    [listed] = json.loads(found["manifest.json"])
    assert listed["RepoTags"] == ["one:1"]
    assert listed["Layers"] == [blob_name(digest(ONE)), blob_name(digest(TWO))]
    assert json.loads(found[listed["Config"]])["architecture"] == "amd64"


def test_what_is_exported_can_be_imported(metadata: Metadata, store: Store, one: Image) -> None:
    data = exported(store, one)
    with namespace("other"):
        [image] = import_archive(store, ImageStore(metadata), io.BytesIO(data), "", AMD64)
        assert (image.name, image.target.digest) == (one.name, one.target.digest)
        assert exported(store, image) == data


def test_an_image_of_two_names_is_there_once(store: Store, one: Image) -> None:
    other = replace(one, name="example.com/two")
    found = files(exported(store, one, other))
    assert [each["annotations"] for each in json.loads(found["index.json"])["manifests"]] == [
        {IMAGE_NAME: "docker.io/library/one:1", REF_NAME: "1"},
        {IMAGE_NAME: "example.com/two", REF_NAME: ""},
    ]
    [listed] = json.loads(found["manifest.json"])
    assert listed["RepoTags"] == ["one:1", "example.com/two:latest"]


@pytest.fixture
def many(metadata: Metadata) -> tuple[Image, list[Json]]:
    """An index of two platforms, and its entries."""
    archive = Archive()
    index = archive.index("linux/s390x", "linux/amd64")
    archive.name(index, name="example.com/many:1")
    return keep(metadata, archive)[0], json.loads(archive.files[blob_name(index["digest"])])["manifests"]


def test_of_an_index_what_is_for_the_platform(store: Store, many: tuple[Image, list[Json]]) -> None:
    index, (foreign, ours) = many
    found = files(exported(store, index))
    assert blob_name(index.target.digest) in found
    assert blob_name(ours["digest"]) in found
    assert blob_name(foreign["digest"]) not in found


def test_of_an_index_all_that_there_is(store: Store, many: tuple[Image, list[Json]]) -> None:
    index, entries = many
    found = files(exported(store, index, all_platforms=True))
    assert {blob_name(each["digest"]) for each in entries} <= found.keys()
    [listed] = json.loads(found["manifest.json"])
    assert json.loads(found[listed["Config"]])["architecture"] == "amd64"


def test_an_index_without_the_platform(metadata: Metadata, store: Store) -> None:
    archive = Archive()
    archive.name(archive.index("linux/s390x"), name="foreign")
    [foreign] = keep(metadata, archive)
    assert_refused(store, foreign, NotFound, "no manifest found for platform: not found")


def assert_refused(store: Store, image: Image, error: type[Exception], text: str) -> None:
    file = io.BytesIO()
    with pytest.raises(error) as raised:
        export_archive(store, file, [image], AMD64, all_platforms=False)
    assert str(raised.value) == text
    assert file.getvalue() == b""


def test_only_manifests_are_exported(store: Store, one: Image) -> None:
    config = replace(one, target=replace(one.target, media_type="text/plain"))
    assert_refused(store, config, InvalidArgument, "only manifests may be exported: invalid argument")


def test_a_name_that_docker_has_no_form_for(store: Store, one: Image) -> None:
    text = (
        'unable to create manifests file: failed to parse "a b": invalid reference format: invalid argument'
    )
    assert_refused(store, replace(one, name="a b"), InvalidArgument, text)


def test_a_layer_that_is_gone(store: Store, one: Image) -> None:
    store.delete(digest(TWO))
    assert_refused(store, one, NotFound, f"content digest {digest(TWO)}: not found")


def test_a_layer_of_another_size(metadata: Metadata, store: Store) -> None:
    archive = Archive()
    manifest = archive.manifest(ONE, platform="linux/amd64")
    manifest["layers"][0]["size"] = 1
    archive.name(archive.document("application/vnd.oci.image.manifest.v1+json", manifest), name="one")
    text = f"content {digest(ONE)} has {len(ONE)} bytes, not 1: invalid argument"
    assert_refused(store, keep(metadata, archive)[0], InvalidArgument, text)
