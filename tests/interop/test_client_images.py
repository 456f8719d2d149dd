"""As test_client_on_containerd.py: images, and archives of them."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from companion.client import Client
from companion.core import labels
from companion.core.content import Descriptor
from companion.core.errors import AlreadyExists, InvalidArgument, NotFound
from companion.core.images import Image
from companion.core.leases import Lease
from companion.core.media_types import OCI_MANIFEST
from tests.archives import Archive, blob_name, digest, layer

TARGET = Descriptor(OCI_MANIFEST, f"sha256:{'a' * 64}", 7)
NAME = "docker.io/library/one:1"


@pytest.fixture
def archive() -> Archive:
    archive = Archive()
    archive.name(archive.image(layer(a="1"), layer(b="2")), name=NAME)
    return archive


def imported(client: Client, archive: Archive) -> list[str]:
    return [image.name for image in client.import_image(io.BytesIO(archive.oci()))]


def exported(client: Client, *names: str) -> bytes:
    file = io.BytesIO()
    client.export_image(file, *names)
    return file.getvalue()


def collect(client: Client) -> None:
    """Return after a collection of garbage."""
    client.leases_service.delete(client.leases_service.create(Lease()), sync=True)


def blobs(client: Client) -> set[str]:
    return {info.digest for info in client.content_store.list()}


def test_an_image_comes_back(client: Client) -> None:
    created = client.image_service.create(Image("one", TARGET, {"a": "1"}))
    assert client.image_service.get("one") == created
    with pytest.raises(AlreadyExists, match=r'^image "one": already exists$'):
        client.image_service.create(Image("one", TARGET))
    client.image_service.delete("one", sync=True)
    with pytest.raises(NotFound, match=r'^image "one": not found$'):
        client.image_service.get("one")


def test_what_an_image_holds_goes_with_it(client: Client, archive: Archive) -> None:
    imported(client, archive)
    collect(client)
    assert blobs(client) == {digest(data) for data in archive.files.values()}
    client.image_service.delete(NAME, sync=True)
    assert blobs(client) == set()


def test_an_image_is_carried_from_namespace_to_namespace(client: Client, archive: Archive) -> None:
    imported(client, archive)
    data = exported(client, NAME)
    client.image_service.delete(NAME, sync=True)
    assert [image.name for image in client.import_image(io.BytesIO(data))] == [NAME]
    assert exported(client, NAME) == data
    assert client.get_image(NAME).usage() == client.get_image(NAME).size()


def test_an_archive_is_imported_by_many_at_once(client: Client, archive: Archive) -> None:
    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(copy_context().run, imported, client, archive) for _ in range(8)]
    assert {name for task in tasks for name in task.result()} == {NAME}
    assert client.get_image(NAME).usage() == client.get_image(NAME).size()


def test_nothing_stays_of_an_archive_that_is_refused(client: Client, archive: Archive) -> None:
    archive.files[blob_name(f"sha256:{'0' * 64}")] = b"something else"
    with pytest.raises(Exception, match="unexpected commit digest"):
        imported(client, archive)
    collect(client)
    assert blobs(client) == set()
    assert client.list_images() == []
    assert client.content_store.list_statuses() == []
    assert client.leases_service.list() == []


def test_an_image_that_is_refused_takes_no_other_with_it(client: Client, archive: Archive) -> None:
    archive.name({**archive.image(layer(c="3")), "size": 1}, name="bad")
    with pytest.raises(InvalidArgument, match=r'^image "bad": target has \d+ bytes, not 1: '):
        imported(client, archive)
    assert client.list_images() == []


def test_an_image_that_is_not_there_is_not_exported(client: Client, archive: Archive) -> None:
    imported(client, archive)
    file = io.BytesIO()
    with pytest.raises(NotFound, match=r'^image "nope": not found$'):
        client.export_image(file, NAME, "nope")
    assert file.getvalue() == b""


@pytest.fixture
def kept(client: Client) -> Iterator[Client]:
    """A client whose context has a lease of its own."""
    with client.with_lease():
        yield client


def test_an_import_works_under_the_lease_of_its_context(kept: Client, archive: Archive) -> None:
    imported(kept, archive)
    [lease] = kept.leases_service.list()
    assert labels.GC_EXPIRE in lease.labels
    held = {resource.id for resource in kept.leases_service.list_resources(lease)}
    assert {digest(data) for data in archive.files.values()} <= held
