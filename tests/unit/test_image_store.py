"""What every image store must do: the one in the daemon, and the remote one, near and far."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from companion.client.client import Client
from companion.config import Config
from companion.core.content import Descriptor
from companion.core.epoch import source_date_epoch
from companion.core.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from companion.core.images import Image, Store
from companion.core.namespaces import namespace
from companion.daemon import Daemon
from companion.store.database import Database
from companion.store.images import ImageStore
from tests import daemons

TARGET = Descriptor("application/vnd.oci.image.manifest.v1+json", f"sha256:{'a' * 64}", 7, {"an": "1"})
OTHER = Descriptor("application/vnd.oci.image.index.v1+json", f"sha512:{'b' * 128}", 8)
IMAGE = Image("docker.io/library/debian:12", TARGET, {"a": "1"})
LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("daemon")
    with Daemon(Config(root=directory / "root", state=directory / "state")) as daemon:
        yield daemon


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Store]:
    with Database(tmp_path / "meta.db") as database:
        yield ImageStore(database)


@pytest.fixture
def in_process(daemon: Daemon) -> Iterator[Store]:
    with Client(services=daemon.services()) as client:
        yield client.image_service


@pytest.fixture
def over_the_wire(daemon: Daemon) -> Iterator[Store]:
    with Client(daemon.address) as client:
        yield client.image_service


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with daemons.containerd() as daemon:
        yield daemon.address


@pytest.fixture
def of_containerd(real: str) -> Iterator[Store]:
    with Client(real) as client:
        yield client.image_service


OURS = ["alone", "in_process", "over_the_wire"]


@pytest.fixture(params=[*OURS, pytest.param("of_containerd", marks=pytest.mark.interop)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    found = request.getfixturevalue(request.param)
    with namespace(f"suite-{os.urandom(4).hex()}"):
        yield found


@pytest.fixture(params=OURS)
def our_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store as `store` is, of a daemon that knows what containerd knows since 2.0."""
    found = request.getfixturevalue(request.param)
    with namespace(f"suite-{os.urandom(4).hex()}"):
        yield found


def names(store: Store, *filters: str) -> list[str]:
    return [image.name for image in store.list(*filters)]


def test_an_image_comes_back(store: Store) -> None:
    created = store.create(IMAGE)
    assert created == replace(IMAGE, created_at=created.created_at, updated_at=created.updated_at)
    assert store.get(IMAGE.name) == created
    assert list(store.list()) == [created]


def test_both_times_are_those_of_the_creation(store: Store) -> None:
    created = store.create(replace(IMAGE, created_at=LONG_AGO, updated_at=LONG_AGO))
    assert created.created_at is not None
    assert LONG_AGO < created.created_at == created.updated_at


def test_labels_and_annotations_without_a_value_are_not_kept(store: Store) -> None:
    target = replace(TARGET, annotations={"a": "", "b": "1"})
    created = store.create(Image("i", target, {"a": "", "b": "1"}))
    assert created.labels == created.target.annotations == {"b": "1"}
    assert store.get("i") == created


def test_a_name_exists_once(store: Store) -> None:
    store.create(IMAGE)
    with pytest.raises(AlreadyExists, match=r'^image "docker.io/library/debian:12": already exists$'):
        store.create(IMAGE)


def test_a_name_may_be_any_text(store: Store) -> None:
    given = ["/", "a b", "n" * 600, "q\"'%d", "é", "日本"]
    for name in given:
        store.create(replace(IMAGE, name=name))
    assert names(store) == sorted(given)
    assert [store.get(name).name for name in given] == given


def test_a_name_that_is_not_there(store: Store) -> None:
    for call in (
        lambda: store.get("nope"),
        lambda: store.update(replace(IMAGE, name="nope")),
        lambda: store.delete("nope"),
    ):
        with pytest.raises(NotFound, match=r'^image "nope": not found$'):
            call()


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (Descriptor(), 'Target.Digest "" invalid: invalid checksum digest format'),
        (replace(TARGET, digest="sha256:a"), 'Target.Digest "sha256:a" invalid: .* length'),
        (replace(TARGET, size=0), "Target.Size must be greater than zero"),
        (replace(TARGET, media_type=""), "Target.MediaType must be set"),
    ],
)
def test_a_target_has_digest_size_and_media_type(store: Store, target: Descriptor, text: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{text}: invalid argument$"):
        store.create(Image("i", target))
    assert names(store) == []


def test_labels_have_an_end(store: Store) -> None:
    with pytest.raises(InvalidArgument, match=r"^image\.Labels: label key and value greater than maximum"):
        store.create(Image("i", TARGET, {"k": "v" * 4096}))


def test_filters_see_name_target_labels_and_annotations(store: Store) -> None:
    store.create(Image("one", TARGET, {"role": "web"}))
    store.create(Image("two", OTHER, {"role": "db"}))
    assert names(store, "name==one") == ["one"]
    assert names(store, f"target.digest=={OTHER.digest}") == ["two"]
    assert names(store, "target.mediatype~=index") == ["two"]
    assert names(store, "labels.role==web") == ["one"]
    assert names(store, "annotations.an==1") == ["one"]
    assert names(store, "labels.role==db", "annotations.an") == ["one", "two"]


def test_a_filter_must_parse(store: Store) -> None:
    with pytest.raises(InvalidArgument, match=r'unsupported operator "=": invalid argument: invalid arg'):
        store.list("name=x")


def test_a_list_is_a_sequence(store: Store) -> None:
    for name in ("a", "b", "c"):
        store.create(replace(IMAGE, name=name))
    found = store.list()
    assert len(found) == 3
    assert [image.name for image in found[1:]] == ["b", "c"]


def test_one_label_and_one_annotation_change(store: Store) -> None:
    store.create(Image("i", replace(TARGET, annotations={"a": "1", "b": "2"}), {"a": "1", "b": "2"}))
    given = Image("i", replace(OTHER, annotations={"a": "9", "b": "9"}), {"b": "9"})
    updated = store.update(given, "labels.a", "annotations.a")
    assert updated.labels == {"b": "2"}
    assert updated.target == replace(TARGET, annotations={"a": "9", "b": "2"})
    assert store.get("i") == updated


def test_the_target_changes_with_its_annotations(store: Store) -> None:
    store.create(IMAGE)
    updated = store.update(replace(IMAGE, target=OTHER, labels={}), "target")
    assert (updated.target, updated.labels) == (OTHER, IMAGE.labels)


def test_without_paths_all_is_replaced_but_the_time_of_creation(store: Store) -> None:
    created = store.create(IMAGE)
    updated = store.update(Image(IMAGE.name, OTHER, {"n": "1"}))
    assert (updated.target, updated.labels) == (OTHER, {"n": "1"})
    assert updated.created_at == created.created_at
    assert updated.updated_at != created.updated_at


def test_an_update_that_is_refused_changes_nothing(store: Store) -> None:
    created = store.create(IMAGE)
    with pytest.raises(InvalidArgument, match=r'^cannot update "bogus" field on image "docker\.io/.*": inv'):
        store.update(replace(IMAGE, labels={"n": "1"}), "labels", "bogus")
    with pytest.raises(InvalidArgument, match=r"^Target\.Digest"):
        store.update(replace(IMAGE, target=Descriptor()), "target")
    assert store.get(IMAGE.name) == created


@pytest.mark.parametrize("sync", [False, True])
def test_a_deleted_image_is_gone(store: Store, sync: bool) -> None:
    store.create(IMAGE)
    store.delete(IMAGE.name, sync=sync)
    assert names(store) == []
    store.create(IMAGE)


def test_namespaces_do_not_see_each_other(store: Store) -> None:
    store.create(IMAGE)
    with namespace(f"suite-{os.urandom(4).hex()}"):
        assert names(store) == []
        store.create(IMAGE)
        store.delete(IMAGE.name)
    assert names(store) == [IMAGE.name]


def test_without_a_namespace_nothing_goes(store: Store) -> None:
    with namespace(""):
        for call in (store.list, lambda: store.get("i"), lambda: store.create(IMAGE)):
            with pytest.raises(FailedPrecondition, match=r"^namespace is required: failed precondition$"):
                call()


def test_only_the_image_of_a_target_is_deleted(our_store: Store) -> None:
    our_store.create(IMAGE)
    with pytest.raises(NotFound, match=rf"has target {TARGET.digest}, not {OTHER.digest}: not found$"):
        our_store.delete(IMAGE.name, target=OTHER)
    our_store.delete(IMAGE.name, target=TARGET)
    assert names(our_store) == []


def test_a_build_may_say_what_time_it_is(our_store: Store) -> None:
    with source_date_epoch(LONG_AGO):
        created = our_store.create(IMAGE)
    assert created.created_at == created.updated_at == LONG_AGO
    updated = our_store.update(IMAGE)
    assert updated.created_at == LONG_AGO != updated.updated_at
    with source_date_epoch(LONG_AGO):
        assert our_store.update(IMAGE).updated_at == LONG_AGO
