"""HTTP/2 written by hand, for what gRPC's own client would not send."""

from __future__ import annotations

import socket
import struct

from tests.robustness.place import GUARD

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def http2_call(address: str, path: str, header: tuple[bytes, bytes]) -> bytes:
    """What the daemon sends to a call that is written by hand, which gRPC's own client would not make."""
    headers = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        header,
    ]
    block = b"".join(b"\0%c%b%c%b" % (len(name), name, len(value), value) for name, value in headers)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(GUARD)
        connection.connect(address)
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_HEADERS, 1, block))
        connection.sendall(frame(DATA, END_STREAM, 1, bytes(5)))
        answer = b""
        while b"grpc-status" not in answer:
            part = connection.recv(1 << 16)
            assert part, answer
            answer += part
        return answer
