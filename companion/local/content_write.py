"""The conversation of Write: one stream carries an ingest from its first byte to its commit.

containerd: the method Write of plugins/services/content/contentserver.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import chain

from grpc import StatusCode

from companion.api.services.content.v1 import content_pb2 as pb
from companion.convert import times
from companion.core.content import Status, Store, Writer
from companion.core.errors import NotFound, StatusError, raising_grpc


def write_content(
    store: Store, requests: Iterator[pb.WriteContentRequest]
) -> Generator[pb.WriteContentResponse]:
    """Yield an answer to every request, and the last one once more when all is said.

    The ref is locked as long as the stream lives. When it ends without a commit, the ingest stays.
    """
    with raising_grpc():
        first = next(requests, None)
        if first is None:
            raise StatusError(StatusCode.UNKNOWN, "EOF")
        if not first.ref:
            raise StatusError(StatusCode.INVALID_ARGUMENT, "first message must have a reference")
        with store.writer(first.ref, first.total, first.expected) as writer:
            conversation = _Conversation(store, writer, first)
            for request in chain([first], requests):
                yield conversation.answer(request)
                if request.action == pb.COMMIT:
                    break
            yield conversation.last_answer()


class _Conversation:
    """What a stream remembers from one request to the next: what it announced, and what it was answered."""

    def __init__(self, store: Store, writer: Writer, first: pb.WriteContentRequest) -> None:
        self._store, self._writer = store, writer
        self._ref, self._total, self._expected = first.ref, first.total, ""
        self._answer = pb.WriteContentResponse()

    def answer(self, request: pb.WriteContentRequest) -> pb.WriteContentResponse:
        """Do what a request asks for. An unknown action is answered, and nothing is done."""
        status = self._writer.status()
        self._answer.action, self._answer.offset = request.action, status.offset
        self._note_announcements(request)
        match request.action:
            case pb.STAT:
                self._tell(status)
            case pb.WRITE | pb.COMMIT:
                self._write(request, status.offset)
        return self.last_answer()

    def last_answer(self) -> pb.WriteContentResponse:
        """Return the latest answer, as a message of its own: in process it is not copied by a wire."""
        message = pb.WriteContentResponse()
        message.CopyFrom(self._answer)
        return message

    def _note_announcements(self, request: pb.WriteContentRequest) -> None:
        """Remember size and digest; the last ones count. What is there already need not be sent."""
        if request.total > 0:
            self._total = request.total
        if not request.expected:
            return
        self._expected = request.expected
        if self._has_blob(request.expected):
            with suppress(NotFound):  # who made the blob may have had the same reference
                self._store.abort(self._ref)
            raise StatusError(
                StatusCode.ALREADY_EXISTS, f"blob with expected digest {request.expected} exists"
            )

    def _has_blob(self, digest: str) -> bool:
        try:
            self._store.info(digest)
        except NotFound:
            return False
        return True

    def _tell(self, status: Status) -> None:
        if status.started_at is not None:
            self._answer.started_at.CopyFrom(times.to_timestamp(status.started_at))
        if status.updated_at is not None:
            self._answer.updated_at.CopyFrom(times.to_timestamp(status.updated_at))
        self._answer.total, self._answer.digest = self._total, self._writer.digest()

    def _write(self, request: pb.WriteContentRequest, offset: int) -> None:
        if request.offset > 0 and request.offset != offset:
            raise StatusError(
                StatusCode.OUT_OF_RANGE, f"write @{request.offset} must occur at current offset {offset}"
            )
        if request.offset == 0 < offset:
            self._writer.truncate()
            self._answer.offset = 0
        data = request.data
        if data:
            self._answer.offset += self._writer.write(data)
        if request.action == pb.COMMIT:
            self._writer.commit(self._total, self._expected, request.labels)
        self._answer.digest = self._writer.digest()
