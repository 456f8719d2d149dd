"""The remote ends of content: a writer that is never closed, a daemon that sends too little."""

from __future__ import annotations

import io
import threading
from collections.abc import Generator, Iterator

import pytest

from companion.api.services.content.v1 import content_pb2 as pb
from companion.clients import Stream
from companion.core.errors import DataLoss, FailedPrecondition
from companion.local.content import LocalContentClient
from companion.local.stream import LocalStream
from companion.remote.content_reader import RemoteReader
from companion.remote.content_writer import RemoteWriter

GUARD = 20.0


class Daemon(LocalContentClient):
    """Answers every request with a size and a digest of its own."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def Write(self, request_iterator: Iterator[pb.WriteContentRequest], /) -> Stream[pb.WriteContentResponse]:
        def answers() -> Generator[pb.WriteContentResponse]:
            for _ in request_iterator:
                yield pb.WriteContentResponse(offset=7, digest="sha256:other")
            self.ended.set()

        return LocalStream(answers())

    def Read(self, request: pb.ReadContentRequest, /) -> Stream[pb.ReadContentResponse]:
        return LocalStream(pb.ReadContentResponse(data=b"abc") for _ in range(1))


def test_closing_a_writer_ends_its_stream() -> None:
    daemon = Daemon()
    RemoteWriter(daemon, "ref", 0, "").close()
    assert daemon.ended.wait(GUARD)


def test_a_writer_that_is_never_closed_is_told_of() -> None:
    writer = RemoteWriter(Daemon(), "ref", 0, "")
    with pytest.warns(ResourceWarning, match="unclosed writer of ref"):
        del writer


def test_a_commit_of_another_size_is_no_success() -> None:
    with pytest.raises(FailedPrecondition, match=r"^unexpected size: 7 != 3: failed precondition$"):
        RemoteWriter(Daemon(), "ref", 0, "").commit(3)


def test_a_commit_of_another_digest_is_no_success() -> None:
    wanted = r"^unexpected digest: sha256:other != sha256:mine: failed precondition$"
    with pytest.raises(FailedPrecondition, match=wanted):
        RemoteWriter(Daemon(), "ref", 0, "").commit(7, "sha256:mine")


def test_too_few_bytes_are_not_the_end_of_a_blob() -> None:
    with io.BufferedReader(RemoteReader(Daemon(), "sha256:d", 5)) as blob:
        assert blob.read(3) == b"abc"
        with pytest.raises(DataLoss, match=r"^content sha256:d ends at 3 of 5 bytes: data loss$"):
            blob.read(2)


def test_a_place_before_the_beginning_cannot_be() -> None:
    with RemoteReader(Daemon(), "sha256:d", 5) as blob, pytest.raises(ValueError, match="negative seek"):
        blob.seek(-1)
