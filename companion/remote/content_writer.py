"""The remote writer: one stream of Write, a question and an answer at a time.

containerd: remoteWriter of core/content/proxy.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from queue import SimpleQueue

from companion.api.services.content.v1 import content_pb2 as pb
from companion.clients import ContentClient
from companion.convert import times
from companion.core import content, trace
from companion.core.content import CHUNK, Status
from companion.core.errors import Error, FailedPrecondition, raising_classes


class RemoteWriter(content.Writer):
    """Writes an ingest of the daemon; made with the answer to its first question."""

    def __init__(self, client: ContentClient, ref: str, total: int, expected: str) -> None:
        self._closed = False
        self._ref = ref
        self._questions: SimpleQueue[pb.WriteContentRequest | None] = SimpleQueue()
        self._answers = client.Write(iter(self._questions.get, None))
        self._answer = self._ask(pb.WriteContentRequest(ref=ref, total=total, expected=expected))

    def write(self, data: bytes) -> int:
        for start in range(0, len(data), CHUNK):
            part = data[start : start + CHUNK]
            request = pb.WriteContentRequest(action=pb.WRITE, offset=self._answer.offset, data=part)
            try:
                self._answer = self._ask(request)
            except Error as error:
                raise error.wrap("failed to send write") from None
        return len(data)

    def digest(self) -> str:
        return self._answer.digest

    def status(self) -> Status:
        self._answer = answer = self._ask(pb.WriteContentRequest(action=pb.STAT))
        return Status(
            ref=self._ref,
            offset=answer.offset,
            total=answer.total,
            started_at=times.from_timestamp(answer.started_at),
            updated_at=times.from_timestamp(answer.updated_at),
        )

    def truncate(self) -> None:
        self._answer = self._ask(pb.WriteContentRequest(action=pb.WRITE, offset=0))

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> None:
        request = pb.WriteContentRequest(
            action=pb.COMMIT, total=size, offset=self._answer.offset, expected=expected, labels=labels
        )
        try:
            self._answer = self._ask(request)
        except Error as error:
            raise error.wrap("commit failed") from None
        finally:
            self.close()
        if 0 < size != self._answer.offset:
            raise FailedPrecondition(f"unexpected size: {self._answer.offset} != {size}")
        if expected not in ("", self._answer.digest):
            raise FailedPrecondition(f"unexpected digest: {self._answer.digest} != {expected}")

    def close(self) -> None:
        """Wait until the daemon has let go of the ref."""
        if self._closed:
            return
        self._closed = True
        self._questions.put(None)
        # An error that ended the stream was raised by the question that it answered.
        with suppress(Error), raising_classes():
            for _ in self._answers:
                pass

    def _ask(self, request: pb.WriteContentRequest) -> pb.WriteContentResponse:
        if self._closed:
            raise FailedPrecondition("cannot write on closed writer")
        try:
            with raising_classes():
                return self._watched(request)
        except BaseException:
            self._answers.cancel()
            self.close()
            raise

    def _watched(self, request: pb.WriteContentRequest) -> pb.WriteContentResponse:
        """A question and its answer are a hop, as a call is that takes no stream."""
        if trace.recorder is None:
            return self._answered(request)
        action = pb.WriteAction.Name(request.action)
        return trace.recorder.record(
            "wire", "ContentClient", action, (request,), lambda: self._answered(request)
        )

    def _answered(self, request: pb.WriteContentRequest) -> pb.WriteContentResponse:
        self._questions.put(request)
        return next(self._answers)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"unclosed writer of {self._ref}", ResourceWarning, source=self, stacklevel=2)
            self._questions.put(None)
            self._answers.cancel()
