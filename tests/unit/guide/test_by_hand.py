"""Layers written by hand."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO

import pytest

from companion.client import Client
from companion.core.blobs import read_blob
from companion.guide.by_hand import pack, put_layer
from companion.guide.playground import ON_REQUEST, fresh_daemon, stop_daemon

FILES = {"etc/hosts": "né", "etc/.wh..wh..opq": "", "a": "first in the alphabet"}


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(fresh_daemon(ON_REQUEST).address, default_namespace="builder") as client:
        yield client
    stop_daemon()


def test_a_layer_has_the_files_in_their_order() -> None:
    with tarfile.open(fileobj=BytesIO(pack(FILES))) as archive:
        found = {member.name: archive.extractfile(member).read().decode() for member in archive}  # type: ignore[union-attr]
    assert list(found.items()) == list(FILES.items())


def test_the_digest_of_a_layer_in_the_store_is_its_diff_id(client: Client) -> None:
    layer = put_layer(client, FILES)
    assert read_blob(client.content_store, layer.digest) == pack(FILES)
    applied = client.diff_service.apply(layer, client.snapshot_service("native").prepare("unpacking"))
    assert (applied.digest, applied.size) == (layer.digest, layer.size)
