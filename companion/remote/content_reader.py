"""The remote reader: a file whose bytes come over the wire.

containerd: remoteReaderAt of core/content/proxy.
"""

from __future__ import annotations

import io

from companion.api.services.content.v1 import content_pb2 as pb
from companion.clients import ContentClient, Stream
from companion.core.errors import DataLoss, raising_classes


class RemoteReader(io.RawIOBase):
    """Reads a blob of `size` bytes: in order through one stream, and through a new one after a seek."""

    def __init__(self, client: ContentClient, digest: str, size: int) -> None:
        super().__init__()
        self._client, self._digest, self._size = client, digest, size
        self._position = 0
        self._stream: Stream[pb.ReadContentResponse] | None = None
        self._arrived = memoryview(b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if begin + offset < 0:
            raise ValueError(f"negative seek position {begin + offset}")
        if begin + offset != self._position:
            self._leave()
            self._position = begin + offset
        return self._position

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Fill what has arrived into `buffer`. Raises what the daemon does, `DataLoss` for too few bytes."""
        if not self._arrived and self._position < self._size:
            self._arrived = self._receive()
        count = min(len(buffer), len(self._arrived))
        memoryview(buffer)[:count] = self._arrived[:count]
        self._arrived = self._arrived[count:]
        self._position += count
        return count

    def close(self) -> None:
        self._leave()
        super().close()

    def _receive(self) -> memoryview:
        if self._stream is None:
            request = pb.ReadContentRequest(digest=self._digest, offset=self._position)
            self._stream = self._client.Read(request)
        with raising_classes():
            message = next(self._stream, None)
        if message is None:
            raise DataLoss(f"content {self._digest} ends at {self._position} of {self._size} bytes")
        return memoryview(message.data)

    def _leave(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
        self._stream, self._arrived = None, memoryview(b"")
