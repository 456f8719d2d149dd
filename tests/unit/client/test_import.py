"""Images out of archives: whole ones, and such as somebody made to do harm."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from typing import Any, BinaryIO, cast

import pytest

from companion.client.archive.importing import import_archive
from companion.core import platforms
from companion.core.blobs import read_blob, write_blob
from companion.core.content import Store
from companion.core.documents import MAX_SIZE
from companion.core.errors import Error, FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted
from companion.core.images import Image
from companion.core.labels import UNCOMPRESSED
from companion.core.media_types import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from companion.store.images import ImageStore
from companion.store.metadata import Metadata
from tests.archives import IMAGE_NAME, LAYOUT, REF_NAME, Archive, Json, blob_name, digest, docker, layer, tar

AMD64 = platforms.only(platforms.parse("linux/amd64"))
ONE, TWO = layer(a="1"), layer(b="2")


@pytest.fixture
def records(metadata: Metadata) -> ImageStore:
    return ImageStore(metadata)


@pytest.fixture
def imported(store: Store, records: ImageStore) -> Any:
    """Imports the bytes of an archive for linux/amd64."""

    def run(data: bytes, base_name: str = "", *, all_platforms: bool = False) -> list[Image]:
        return import_archive(store, records, io.BytesIO(data), base_name, None if all_platforms else AMD64)

    return run


def named(name: str, *layers: bytes, platform: str = "linux/amd64") -> Archive:
    archive = Archive()
    archive.name(archive.image(*layers, platform=platform), name=name)
    return archive


def labels(store: Store, blob: str) -> dict[str, str]:
    found = store.info(blob).labels
    return {key.removeprefix("containerd.io/gc.ref.content."): value for key, value in found.items()}


def test_an_image_has_the_name_of_its_annotation(imported: Any, records: ImageStore) -> None:
    archive = named("docker.io/library/one:1", ONE, TWO)
    [image] = imported(archive.oci())
    assert image == records.get("docker.io/library/one:1")
    assert image.target.digest == archive.manifests[0]["digest"]
    assert image.target.media_type == OCI_MANIFEST
    assert image.target.annotations == {IMAGE_NAME: "docker.io/library/one:1"}


def test_all_files_become_blobs(imported: Any, store: Store) -> None:
    archive = named("one", ONE, TWO)
    imported(archive.oci())
    for data in archive.files.values():
        assert read_blob(store, digest(data)) == data


def test_blobs_hold_their_children(imported: Any, store: Store) -> None:
    archive = named("one", ONE, TWO)
    [image] = imported(archive.oci())
    manifest = json.loads(read_blob(store, image.target.digest))
    held = {"config": manifest["config"]["digest"], "l.0": digest(ONE), "l.1": digest(TWO)}
    assert labels(store, image.target.digest) == held
    assert labels(store, digest(ONE)) == {}


def test_files_may_come_in_any_order_with_dots_in_front(imported: Any) -> None:
    archive = named("one", ONE)
    index = {"schemaVersion": 2, "manifests": archive.manifests}
    files = {
        "index.json": json.dumps(index).encode(),
        "oci-layout": json.dumps(LAYOUT).encode(),
        **archive.files,
    }
    [image] = imported(tar({f"./{name}": data for name, data in files.items()}))
    assert image.name == "one"


def test_an_archive_may_come_through_a_pipe(store: Store, records: ImageStore) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        assert cat.stdin is not None
        assert cat.stdout is not None
        # What fits into a pipe is not waited for.
        cat.stdin.write(WHOLE)
        cat.stdin.close()
        [image] = import_archive(store, records, cast(BinaryIO, cat.stdout), "", AMD64)
    assert image.name == "one"


def test_a_tag_is_put_behind_the_base_name(imported: Any) -> None:
    archive = Archive()
    for number, ref in enumerate(("latest", "example.com/whole:1", "a@b")):
        archive.name(archive.image(layer(number=str(number))), ref=ref)
    archive.name(archive.image(TWO))
    names = [image.name for image in imported(archive.oci(), "example.com/base")]
    assert names == ["example.com/base:latest", "example.com/whole:1", "a@b"]
    assert [image.name for image in imported(archive.oci())] == ["latest", "example.com/whole:1", "a@b"]


def test_an_image_that_is_there_gets_another_target_and_keeps_its_labels(
    imported: Any, records: ImageStore
) -> None:
    [first] = imported(named("one", ONE).oci())
    records.update(Image("one", labels={"a": "1"}), "labels")
    [second] = imported(named("one", TWO).oci())
    assert second.target.digest != first.target.digest
    assert second.labels == {"a": "1"}


def test_what_is_for_other_platforms_may_be_missing(imported: Any, store: Store) -> None:
    archive = Archive()
    index = archive.index("linux/s390x", "linux/amd64")
    foreign, ours = json.loads(archive.files[blob_name(index["digest"])])["manifests"]
    del archive.files[blob_name(foreign["digest"])]
    archive.name(index, name="many")
    [image] = imported(archive.oci())
    assert image.target.media_type == OCI_INDEX
    assert labels(store, image.target.digest) == {"m.0": ours["digest"]}
    with pytest.raises(NotFound, match=rf"^content digest {foreign['digest']}: not found$"):
        imported(archive.oci(), all_platforms=True)


def test_all_platforms_are_held(imported: Any, store: Store) -> None:
    archive = Archive()
    archive.name(archive.index("linux/s390x", "linux/amd64"), name="many")
    [image] = imported(archive.oci(), all_platforms=True)
    assert len(labels(store, image.target.digest)) == 2


def test_a_docker_archive_gets_manifests_of_docker_s_types(imported: Any, store: Store) -> None:
    images = imported(docker(["busy", "example.com/busy:2"], ONE, gzip.compress(TWO)))
    assert [image.name for image in images] == ["docker.io/library/busy:latest", "example.com/busy:2"]
    assert images[0].target.annotations == {IMAGE_NAME: images[0].name, REF_NAME: "latest"}
    assert {image.target.digest for image in images} == {images[0].target.digest}
    manifest = json.loads(read_blob(store, images[0].target.digest))
    assert (manifest["mediaType"], manifest["config"]["mediaType"]) == (DOCKER_MANIFEST, DOCKER_CONFIG)
    types = [each["mediaType"] for each in manifest["layers"]]
    assert types == [DOCKER_LAYER, f"{DOCKER_LAYER}.gzip"]


def test_a_docker_archive_without_tags_makes_no_record(imported: Any, records: ImageStore) -> None:
    assert imported(docker(None, ONE)) == []
    assert list(records.list()) == []


def test_a_layer_that_is_there_compressed_is_not_kept_twice(imported: Any, store: Store) -> None:
    compressed = gzip.compress(ONE)
    write_blob(store, "ref", io.BytesIO(compressed), labels={UNCOMPRESSED: digest(ONE)})
    [image] = imported(docker(["busy"], ONE))
    [found] = json.loads(read_blob(store, image.target.digest))["layers"]
    assert found == {
        "mediaType": f"{DOCKER_LAYER}.gzip",
        "digest": digest(compressed),
        "size": len(compressed),
    }


def test_what_is_no_file_is_passed_over(imported: Any) -> None:
    made = io.BytesIO(WHOLE)
    with tarfile.open(fileobj=made, mode="a") as archive:
        for kind in (tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"Z"):
            other = tarfile.TarInfo("oci-layout")
            other.type, other.linkname = kind, "index.json"
            archive.addfile(other)
    [image] = imported(made.getvalue())
    assert image.name == "one"


def test_layers_of_docker_archives_may_be_links(imported: Any, store: Store) -> None:
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {}}).encode()
    listed = [{"Config": "c.json", "RepoTags": ["busy"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
    files = {"c.json": config, "a/layer.tar": ONE, "manifest.json": json.dumps(listed).encode()}
    [image] = imported(linked(files, "b/layer.tar", "../a/layer.tar"))
    found = json.loads(read_blob(store, image.target.digest))["layers"]
    assert [each["digest"] for each in found] == [digest(ONE), digest(ONE)]


def linked(files: dict[str, bytes], name: str, target: str) -> bytes:
    made = io.BytesIO(tar(files))
    with tarfile.open(fileobj=made, mode="a") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, target
        archive.addfile(member)
    return made.getvalue()


def one_with(files: dict[str, bytes]) -> bytes:
    """A whole archive with other files in front."""
    archive = named("one", ONE)
    archive.files = {**files, **archive.files}
    return archive.oci()


def with_target(**changes: Any) -> bytes:
    """An archive whose second image is described in another way than it is."""
    archive = named("good", ONE)
    archive.name({**archive.image(TWO), **changes}, name="bad")
    return archive.oci()


def of_layout(layout: bytes, index: bytes = b'{"manifests": []}') -> bytes:
    return tar({"oci-layout": layout, "index.json": index})


def of_docker(listed: object) -> bytes:
    files = {"c.json": b'{"os": "linux", "architecture": "amd64"}', "layer.tar": ONE}
    return tar({**files, "manifest.json": json.dumps(listed).encode()})


def listing(**members: Any) -> list[Json]:
    return [{"Config": "c.json", "RepoTags": ["busy"], "Layers": ["layer.tar"], **members}]


def member(name: str, **fields: Any) -> bytes:
    """A header alone, in front of a whole archive."""
    made = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(made, key, value)
    return made.tobuf(tarfile.GNU_FORMAT) + named("one", ONE).oci()


def with_pax(**headers: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        archive.addfile(tarfile.TarInfo("file"))
    return made.getvalue()


WHOLE = named("one", ONE).oci()
GONE = f"sha256:{'0' * 64}"
SPARSE = {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.name": "x",
    "GNU.sparse.realsize": "9",
}

REFUSED: dict[str, tuple[bytes, type[Error], str]] = {
    "nothing": (b"", InvalidArgument, "archive/tar: empty file"),
    "an empty archive": (tar({}), InvalidArgument, "unrecognized image format"),
    "text": (b"hello" * 1000, InvalidArgument, "archive/tar: invalid tar header"),
    "a compressed archive": (gzip.compress(WHOLE), InvalidArgument, "archive/tar: invalid tar header"),
    "a file cut short": (WHOLE[:5000], InvalidArgument, "archive/tar: unexpected end of data"),
    "a header cut short": (WHOLE[:1500], InvalidArgument, "archive/tar: "),
    "no header where one belongs": (
        WHOLE[:1024] + b"x" * 512 + WHOLE[1536:],
        InvalidArgument,
        "archive/tar: invalid tar header",
    ),
    "a name that leads up": (one_with({"../x": b"1"}), InvalidArgument, '"../x" leads out of the archive'),
    "a name that leads down and up": (
        one_with({"a/../../x": b"1"}),
        InvalidArgument,
        '"a/../../x" leads out',
    ),
    "a name from the root": (
        one_with({"/etc/x": b"1"}),
        InvalidArgument,
        '"/etc/x" leads out of the archive',
    ),
    "a name that is not UTF-8": (
        member("x").replace(b"x", b"\xff", 1).replace(b"0005634", b"0006072", 1),
        InvalidArgument,
        "archive/tar: ",
    ),
    "a blob that is another": (
        one_with({blob_name(GONE): b"other"}),
        FailedPrecondition,
        f'failed to ingest "{blob_name(GONE)}": unexpected commit digest {digest(b"other")}',
    ),
    "a blob whose name is no digest": (
        one_with({"blobs/sha256/abc": b"1"}),
        InvalidArgument,
        '"blobs/sha256/abc": invalid checksum digest length',
    ),
    "a blob of an unknown algorithm": (
        one_with({"blobs/md5/abc": b"1"}),
        InvalidArgument,
        '"blobs/md5/abc": unsupported digest algorithm',
    ),
    "a long header": (
        member("x", type=tarfile.XHDTYPE, size=2 << 20),
        ResourceExhausted,
        "archive/tar: header of 2097152 bytes",
    ),
    "a long name": (
        member("x", type=tarfile.GNUTYPE_LONGNAME, size=1 << 40),
        ResourceExhausted,
        "archive/tar: header of ",
    ),
    "a sparse file": (member("x", type=tarfile.GNUTYPE_SPARSE, size=0), InvalidArgument, '"x" is sparse'),
    "a size below 0": (member("x", size=-512), InvalidArgument, ""),
    "a size beyond 64 bits": (
        member("x", size=1 << 70),
        InvalidArgument,
        '"x" is sparse or has an impossible size',
    ),
    "a size that is not there": (
        member("x", size=1 << 50),
        InvalidArgument,
        "archive/tar: unexpected end of data",
    ),
    "a large layout": (of_layout(b" " * (MAX_SIZE + 1)), ResourceExhausted, "oci-layout is larger than"),
    "a large manifest": (
        tar({"manifest.json": b" " * (MAX_SIZE + 1)}),
        ResourceExhausted,
        "manifest.json is larger than",
    ),
    "a large index": (
        of_layout(json.dumps(LAYOUT).encode(), b" " * (MAX_SIZE + 1)),
        ResourceExhausted,
        "content sha256:",
    ),
    "a layout that is no JSON": (of_layout(b"{"), InvalidArgument, 'untar oci layout "oci-layout": '),
    "a layout of layouts": (of_layout(b"[" * 100_000), InvalidArgument, 'untar oci layout "oci-layout": '),
    "a layout that is a list": (of_layout(b"[]"), InvalidArgument, "oci-layout must be an object"),
    "a layout of another version": (
        of_layout(b'{"imageLayoutVersion": "2.0.0"}'),
        InvalidArgument,
        "unsupported OCI version 2.0.0",
    ),
    "a layout without an index": (
        tar({"oci-layout": json.dumps(LAYOUT).encode()}),
        NotFound,
        "missing index.json in OCI layout 1.0.0",
    ),
    "an index that is no JSON": (
        of_layout(json.dumps(LAYOUT).encode(), b"x"),
        InvalidArgument,
        "content sha256:",
    ),
    "an index of nothing": (of_layout(json.dumps(LAYOUT).encode()), NotFound, "image might be filtered out"),
    "an image that is not there": (with_target(digest=GONE), NotFound, f"content digest {GONE}"),
    "an image of no digest": (
        with_target(digest="../x"),
        InvalidArgument,
        'image "bad": invalid checksum digest format',
    ),
    "an image of another size": (with_target(size=1), InvalidArgument, 'image "bad": target has '),
    "an image of no type": (
        with_target(mediaType=""),
        InvalidArgument,
        'image "bad": target has no media type',
    ),
    "a manifest called an index": (
        with_target(mediaType=OCI_INDEX),
        InvalidArgument,
        "children: invalid desc ",
    ),
    "a list of nothing": (of_docker(None), InvalidArgument, "unrecognized image format"),
    "a list that is none": (of_docker({}), InvalidArgument, "unrecognized image format"),
    "a list of numbers": (of_docker([1]), InvalidArgument, "manifest.json must be an object"),
    "a config that is not there": (of_docker(listing(Config="no")), NotFound, 'image config "no"'),
    "a layer that is not there": (of_docker(listing(Layers=["no"])), NotFound, 'layer "no"'),
    "a config that is none": (of_docker(listing(Config="layer.tar")), InvalidArgument, "content sha256:"),
    "a tag that is none": (
        of_docker(listing(RepoTags=["Not A Ref"])),
        InvalidArgument,
        'normalize image ref "Not A Ref": invalid reference format: repository name must be lowercase',
    ),
    "a link out of the archive": (
        linked({"manifest.json": json.dumps(listing()).encode()}, "layer.tar", "../../etc/passwd"),
        NotFound,
        'no target for symlink layer from "layer.tar" to "../../etc/passwd"',
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused(what: str, imported: Any, store: Store, records: ImageStore) -> None:
    data, error, text = REFUSED[what]
    with pytest.raises(error) as raised:
        imported(data)
    assert str(raised.value).startswith(text)
    assert list(records.list()) == []
    assert list(store.list_statuses()) == []
