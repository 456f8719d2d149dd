"""As test_client_on_containerd.py: images, unpacked into snapshots, and containers made of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from companion.client import (
    Client,
    Image,
    namespace,
    oci,
    with_image,
    with_image_config,
    with_image_config_labels,
    with_image_name,
    with_image_stop_signal,
    with_new_snapshot,
    with_new_snapshot_view,
    with_new_spec,
    with_snapshot_cleanup,
)
from companion.core.content import Descriptor
from companion.core.errors import AlreadyExists, Error, InvalidArgument, NotFound
from companion.core.image_config import chain_id
from companion.core.namespaces import Namespace
from companion.core.platforms import only, parse
from companion.core.snapshots import Info, Kind
from companion.guide.recording import recording
from tests import images
from tests.images import Blobs, image, index, layer

DEBIAN = "docker.io/library/debian:latest"
LOWER = layer(
    {
        "etc/": "",
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/:/bin/sh\n",
        "etc/group": "root:x:0:\nvideo:x:44:alice\n",
        "etc/hostname": "lower",
    }
)
UPPER = layer({"etc/hostname": "upper"})
DIFF_IDS = (images.digest(LOWER), images.digest(UPPER))
CHAIN = chain_id(DIFF_IDS)
CONFIG: dict[str, Any] = {
    "User": "alice",
    "Env": ["A=1"],
    "Cmd": ["bash"],
    "Labels": {"a": "1"},
    "StopSignal": "SIGINT",
}
SNAPSHOTS = [
    Info(CHAIN, DIFF_IDS[0], Kind.COMMITTED),
    Info(DIFF_IDS[0], "", Kind.COMMITTED),
]


@pytest.fixture
def native(client: Client) -> Client:
    """The client, in a namespace whose snapshotter needs no privileges."""
    labels = {"containerd.io/defaults/snapshotter": "native"}
    client.namespace_service.create(Namespace(client.namespace, labels))
    return client


@pytest.fixture
def debian(native: Client) -> Image:
    return images.put(native, DEBIAN, image(LOWER, UPPER, **CONFIG))


def stored(client: Client) -> list[Info]:
    """All snapshots without their times, those that layers make by name."""
    return [Info(each.name, each.parent, each.kind, each.labels) for each in client.snapshot_service().list()]


def labels(client: Client, blob: Descriptor) -> dict[str, str]:
    return dict(client.content_store.info(blob.digest).labels)


def shown(client: Client, key: str, path: str) -> str:
    [mount] = client.snapshot_service().mounts(key)
    return (Path(mount.source) / path).read_text()


def test_an_image_is_what_its_record_says(debian: Image, native: Client) -> None:
    record = native.image_service.get(DEBIAN)
    assert (debian.name, debian.target, debian.labels) == (record.name, record.target, {})
    assert debian.metadata == record
    assert [each.name for each in native.list_images()] == [DEBIAN]
    assert native.list_images("name==other") == []


def test_an_image_is_read(debian: Image) -> None:
    assert debian.rootfs() == DIFF_IDS
    assert debian.chain_id() == CHAIN
    assert debian.config() == debian.manifest().config
    assert (debian.spec().user, debian.spec().cmd) == ("alice", ("bash",))


def test_unpacking_makes_a_snapshot_of_each_layer(debian: Image, native: Client) -> None:
    assert not debian.is_unpacked()
    debian.unpack()
    assert debian.is_unpacked()
    assert debian.is_unpacked("native")
    assert stored(native) == SNAPSHOTS
    native.new_container("debian", with_new_snapshot("key", debian), with_new_spec())
    assert shown(native, "key", "etc/hostname") == "upper"


def test_unpacking_tells_what_holds_what(debian: Image, native: Client) -> None:
    manifest = debian.manifest()
    debian.unpack()
    assert labels(native, manifest.config) == {"containerd.io/gc.ref.snapshot.native": CHAIN}
    assert [labels(native, each) for each in manifest.layers] == [
        {"containerd.io/uncompressed": diff_id} for diff_id in DIFF_IDS
    ]


def test_unpacking_leaves_no_lease(debian: Image, native: Client) -> None:
    debian.unpack()
    assert list(native.leases_service.list()) == []


def test_what_is_unpacked_stays_so(debian: Image, native: Client) -> None:
    debian.unpack()
    before = native.snapshot_service().list()
    debian.unpack()
    assert native.snapshot_service().list() == before


def test_what_two_images_share_is_unpacked_once(debian: Image, native: Client) -> None:
    debian.unpack()
    images.put(native, "other", image(LOWER, Cmd=["other"])).unpack()
    assert stored(native) == SNAPSHOTS


def test_many_may_unpack_at_once(debian: Image, native: Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        for unpacked in [pool.submit(debian.unpack) for _ in range(4)]:
            unpacked.result()
    assert stored(native) == SNAPSHOTS


def test_an_image_without_layers_is_unpacked(native: Client) -> None:
    empty = images.put(native, "empty", image(Cmd=["true"]))
    empty.unpack()
    native.new_container("empty", with_new_snapshot("key", empty), with_new_spec(with_image_config(empty)))
    assert stored(native) == [Info("key", "", Kind.ACTIVE)]


def test_a_container_is_made_of_an_image(debian: Image, native: Client) -> None:
    client, image = native, debian
    image.unpack()
    with namespace(native.namespace):
        container = client.new_container(
            "debian_container",
            with_new_snapshot("debian_snapshot", image),
            with_new_spec(with_image_config(image)),
        )
    record, process = container.info(), container.spec()["process"]
    assert (record.image, record.snapshotter, record.snapshot_key) == (DEBIAN, "native", "debian_snapshot")
    assert process["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [1001, 44]}
    assert (process["args"], process["env"], process["cwd"]) == (["bash"], ["A=1"], "/")
    assert Info("debian_snapshot", CHAIN, Kind.ACTIVE) in stored(client)
    assert container.image().metadata == image.metadata


def test_a_container_takes_as_many_calls_as_the_go_client(remote_client: Client) -> None:
    debian = images.put(remote_client, DEBIAN, image(LOWER, UPPER, **CONFIG))
    debian.unpack("native")
    opts = (
        with_image(debian),
        with_new_snapshot("key", debian),
        with_new_spec(with_image_config(debian)),
    )
    labels = {"containerd.io/defaults/snapshotter": "native"}
    remote_client.namespace_service.update(Namespace(remote_client.namespace, labels))
    # Which runtime a client uses, it asks once.
    assert remote_client.runtime
    with recording() as recorded:
        remote_client.new_container("debian", *opts)
    read = "Content.Info Content.Read Content.Info Content.Read"
    assert [
        f"{hop.lane.removesuffix('Client (stub)')}.{hop.call}"
        for hop in recorded.hops()
        if hop.floor == "wire"
    ] == (
        f"Leases.Create {read} Namespaces.Get Snapshots.Prepare {read} Snapshots.Mounts Containers.Create"
        " Leases.Delete"
    ).split()


def test_a_container_takes_labels_from_an_image(debian: Image, native: Client) -> None:
    container = native.new_container(
        "debian",
        with_image(debian),
        with_image_config_labels(debian),
        with_image_stop_signal(debian, "SIGTERM"),
        with_new_spec(),
    )
    assert container.info().image == DEBIAN
    assert container.labels() == {"a": "1", "io.containerd.image.config.stop-signal": "SIGINT"}


def test_an_image_may_say_nothing_of_how_it_is_stopped(native: Client) -> None:
    plain = images.put(native, "plain", image(LOWER))
    container = native.new_container("plain", with_image_stop_signal(plain, "SIGTERM"), with_new_spec())
    assert container.labels() == {"io.containerd.image.config.stop-signal": "SIGTERM"}


def test_a_container_may_only_read_its_image(debian: Image, native: Client) -> None:
    debian.unpack()
    view = with_new_snapshot_view("view", debian, {"b": "2"})
    native.new_container("debian", view, with_new_spec(with_image_config(debian)))
    assert Info("view", CHAIN, Kind.VIEW, {"b": "2"}) in stored(native)


def test_a_container_is_deleted_and_its_image_stays(debian: Image, native: Client) -> None:
    debian.unpack()
    container = native.new_container("debian", with_new_snapshot("key", debian), with_new_spec())
    container.delete(with_snapshot_cleanup)
    assert stored(native) == SNAPSHOTS
    assert debian.is_unpacked()


def test_with_its_image_all_goes_that_nobody_needs(debian: Image, native: Client) -> None:
    debian.unpack()
    native.image_service.delete(DEBIAN, sync=True)
    assert stored(native) == []
    assert list(native.content_store.list()) == []


def test_what_a_container_stands_on_outlives_the_image(debian: Image, native: Client) -> None:
    debian.unpack()
    container = native.new_container("debian", with_new_snapshot("key", debian), with_new_spec())
    native.image_service.delete(DEBIAN, sync=True)
    assert stored(native) == sorted([*SNAPSHOTS, Info("key", CHAIN, Kind.ACTIVE)], key=lambda info: info.name)
    with pytest.raises(NotFound) as caught:
        container.image()
    assert str(caught.value) == f'failed to get image {DEBIAN} for container: image "{DEBIAN}": not found'


def weight(blobs: Blobs) -> int:
    return sum(map(len, blobs.data.values()))


def test_the_size_is_what_descriptors_tell_and_the_usage_what_is_there(native: Client) -> None:
    here, other = image(LOWER), image(UPPER, platform="linux/s390x")
    both = index(other, here)
    found = images.put(native, "both", both)
    assert found.size() == sum(
        map(len, {**here.data, both.target.digest: both.data[both.target.digest]}.values())
    )
    assert found.usage() == sum(map(len, both.data.values()))
    native.content_store.delete(other.target.digest)
    assert found.usage() == sum(map(len, both.data.values())) - sum(map(len, other.data.values()))
    found.unpack()
    used = native.snapshot_service().usage(DIFF_IDS[0]).size
    assert found.usage(snapshots=True) == found.usage() + used


def test_of_an_index_the_image_of_the_platform_is_meant(native: Client) -> None:
    found = images.put(
        native, "both", index(image(UPPER, platform="linux/s390x"), image(LOWER, Cmd=["here"]))
    )
    assert found.spec().cmd == ("here",)
    found.unpack()
    assert stored(native) == SNAPSHOTS[1:]


def test_another_platform_may_be_meant(native: Client) -> None:
    both = index(image(LOWER), image(UPPER, platform="linux/s390x", Cmd=["there"]))
    found = images.put(native, "both", both)
    assert Image(native, found.metadata, only(parse("linux/s390x"))).spec().cmd == ("there",)


def broken(client: Client, blobs: Blobs) -> Image:
    return images.put(client, f"broken-{uuid4().hex}", blobs)


def without_a_layer(client: Client) -> Image:
    found = broken(client, image(LOWER, UPPER))
    client.content_store.delete(found.manifest().layers[1].digest)
    return found


WRONG = f"sha256:{'0' * 64}"
UNPACKED: dict[str, tuple[Callable[[Client], Image], type[Error], str]] = {
    "a diff id that is wrong": (
        lambda client: broken(client, image(LOWER, UPPER, diff_ids=[DIFF_IDS[0], WRONG])),
        InvalidArgument,
        f'wrong diff id calculated on extraction "{DIFF_IDS[1]}": invalid argument',
    ),
    "a diff id for each of two layers": (
        lambda client: broken(client, image(LOWER, UPPER, diff_ids=DIFF_IDS[:1])),
        InvalidArgument,
        "mismatched image rootfs and manifest layers: invalid argument",
    ),
    "a layer that is not there": (
        without_a_layer,
        NotFound,
        f"failed to extract layer {DIFF_IDS[1]}: ",
    ),
    "another platform": (
        lambda client: broken(client, index(image(LOWER, platform="linux/s390x"))),
        NotFound,
        "no match for platform in manifest sha256:",
    ),
}


@pytest.mark.parametrize(("make", "error", "text"), UNPACKED.values(), ids=UNPACKED)
def test_not_unpacked(make: Callable[[Client], Image], error: type[Error], text: str, native: Client) -> None:
    found = make(native)
    with pytest.raises(error) as caught:
        found.unpack()
    assert str(caught.value).startswith(text)
    assert [each.name for each in stored(native) if each.kind is not Kind.COMMITTED] == []
    assert list(native.leases_service.list()) == []


def twice(client: Client, image: Image) -> None:
    image.unpack()
    for name in ("one", "two"):
        client.new_container(name, with_new_snapshot("key", image), with_new_spec())


REFUSED: dict[str, tuple[Callable[[Client, Image], object], type[Error], str]] = {
    "an image that is not there": (
        lambda client, image: client.get_image("nope"),
        NotFound,
        'image "nope": not found',
    ),
    "a filter of images": (
        lambda client, image: client.list_images("name=x"),
        InvalidArgument,
        'filters: parse error: [name >|=|< x]: unsupported operator "=": invalid argument: invalid argument',
    ),
    "a snapshotter that is not there": (
        lambda client, image: image.unpack("nope"),
        InvalidArgument,
        f"failed to stat snapshot {DIFF_IDS[0]}: snapshotter not loaded: nope: invalid argument",
    ),
    "an image that is not unpacked": (
        lambda client, image: client.new_container("new", with_new_snapshot("key", image)),
        NotFound,
        f"parent snapshot {CHAIN} does not exist: not found",
    ),
    "a key that is taken": (
        twice,
        AlreadyExists,
        'snapshot "key": already exists',
    ),
    "a user without a root file system": (
        lambda client, image: client.new_container("new", with_new_spec(oci.with_image_config(image))),
        Error,
        "rootfs absolute path is required: failed precondition",
    ),
    "no image": (
        lambda client, image: client.new_container("new", with_new_spec()).image(),
        NotFound,
        "container not created from an image: not found",
    ),
    "an image that is gone": (
        lambda client, image: client.new_container("new", with_image_name("x"), with_new_spec()).image(),
        NotFound,
        'failed to get image x for container: image "x": not found',
    ),
}


@pytest.mark.parametrize(("call", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(
    call: Callable[[Client, Image], object], error: type[Error], text: str, native: Client, debian: Image
) -> None:
    with pytest.raises(error) as caught:
        call(native, debian)
    assert str(caught.value) == text
