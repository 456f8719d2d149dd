"""The errors that have no class, on their way to a client."""

from __future__ import annotations

import errno
import os

import grpc
import pytest

from companion.core.errors import StatusError, raising_grpc


def system_error(number: int, *names: object) -> OSError:
    return OSError(number, os.strerror(number), *names)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (system_error(errno.ENOSPC), "no space left on device"),
        (system_error(errno.EACCES, "/blobs/a"), "/blobs/a: permission denied"),
        (system_error(errno.ENOENT, os.fsdecode(b"a\xff")), "a\\udcff: no such file or directory"),
        (OSError("timed out"), "timed out"),
        (ValueError("no number"), "no number"),
    ],
)
def test_a_client_reads_no_python(error: Exception, text: str) -> None:
    with pytest.raises(StatusError) as caught, raising_grpc():
        raise error
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNKNOWN, text)
