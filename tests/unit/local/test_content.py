"""The local plugin of content: batches and chunks, and streams that end early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from companion.api.services.content.v1 import content_pb2 as pb
from companion.backend.content.store import BlobStore
from companion.backend.exchange import Exchange
from companion.core.namespaces import namespace
from companion.local.content import LocalContentClient
from companion.store.content import ContentStore
from companion.store.metadata import Metadata


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ContentStore]:
    with Metadata(tmp_path / "meta.db", BlobStore(tmp_path / "content")) as metadata, namespace("builder"):
        yield metadata.content_store


@pytest.fixture
def local(store: ContentStore) -> LocalContentClient:
    return LocalContentClient(store, Exchange())


def test_records_come_in_batches_of_100(store: ContentStore, local: LocalContentClient) -> None:
    for number in range(201):
        with store.writer("ref") as writer:
            writer.write(number.to_bytes(2, "big"))
            writer.commit()
    batches = [list(response.info) for response in local.List(pb.ListContentRequest())]
    assert [len(batch) for batch in batches] == [100, 100, 1]
    digests = [info.digest for batch in batches for info in batch]
    assert digests == [info.digest for info in store.list()]


def test_a_stream_that_is_cut_lets_go_of_its_reference(
    store: ContentStore, local: LocalContentClient
) -> None:
    requests = [pb.WriteContentRequest(ref="ref", action=pb.WRITE, data=b"abc")] * 2
    stream = local.Write(iter(requests))
    assert next(stream).offset == 3
    stream.cancel()
    with store.writer("ref") as writer:
        assert writer.status().offset == 3


def test_a_client_that_goes_away_lets_go_of_its_reference(
    store: ContentStore, local: LocalContentClient
) -> None:
    def requests() -> Iterator[pb.WriteContentRequest]:
        yield pb.WriteContentRequest(ref="ref", action=pb.WRITE, data=b"abc")
        raise grpc.RpcError  # so the library tells it

    with pytest.raises(grpc.RpcError):
        list(local.Write(requests()))
    with store.writer("ref") as writer:
        assert writer.status().offset == 3


def test_an_answer_is_a_message_of_its_own(local: LocalContentClient) -> None:
    first, second, last = local.Write(
        iter([pb.WriteContentRequest(ref="r", action=pb.WRITE, data=b"a"), pb.WriteContentRequest()])
    )
    assert (first.action, second.action, second) == (pb.WRITE, pb.STAT, last)


def test_a_read_that_is_cut_closes_the_file(store: ContentStore, local: LocalContentClient) -> None:
    with store.writer("ref") as writer:
        writer.write(b"abc" * (1 << 20))
        writer.commit()
    [info] = store.list()
    before = open_files()
    stream = local.Read(pb.ReadContentRequest(digest=info.digest))
    assert len(next(stream).data) == 1 << 20
    assert open_files() == before + 1
    stream.cancel()
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
