"""Archives of which some bytes are others: they are read or refused, and nothing else happens."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.backend.content.store import BlobStore
from companion.client.archive.importing import import_archive
from companion.core.errors import Error
from companion.core.namespaces import namespace
from companion.store.images import ImageStore
from companion.store.metadata import Metadata
from tests.archives import Archive, docker

BLOCK = 512
CHECKSUM = slice(148, 156)
FIELDS = (0, 100, 124, 135, 136, 148, 156, 157, 257, 263, 345)
"""Where the fields of a header begin, and where a size ends."""


def oci() -> bytes:
    archive = Archive()
    archive.name(archive.image(b"layer"), name="one")
    return archive.oci()


def extended() -> bytes:
    """An archive whose members need headers of their own, in both forms, in front of a whole one."""
    member = tarfile.TarInfo("é" * 150)
    return member.tobuf(tarfile.PAX_FORMAT) + member.tobuf(tarfile.GNU_FORMAT) + oci()


BASES = (oci(), docker(["busy"], b"layer"), extended())
CHANGES = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(FIELDS) | st.integers(0, BLOCK - 1), st.integers(0, 255)),
    min_size=1,
    max_size=5,
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """An archive with other bytes in some places, and with right checksums or wrong ones."""
    data = bytearray(draw(st.sampled_from(BASES)))
    for block, place, value in draw(CHANGES):
        data[(block * BLOCK + place) % len(data)] = value
    if draw(st.booleans()):
        for start in range(0, len(data), BLOCK):
            mend(memoryview(data)[start : start + BLOCK])
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


def mend(block: memoryview) -> None:
    if bytes(block[257:262]) == b"ustar":
        block[CHECKSUM] = b" " * 8
        block[CHECKSUM] = b"%06o\0 " % sum(block)


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metadata]:
    directory = tmp_path_factory.mktemp("metadata")
    with Metadata(directory / "meta.db", BlobStore(directory / "content")) as metadata:
        yield metadata


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=changed())
def test_is_read_or_refused(metadata: Metadata, data: bytes) -> None:
    store, records = metadata.content_store, ImageStore(metadata)
    with namespace(uuid4().hex):
        try:
            imported = import_archive(store, records, io.BytesIO(data), "", None)
        except Error:
            imported = []
        assert list(records.list()) == sorted(imported, key=lambda image: image.name.encode())
        assert list(store.list_statuses()) == []
