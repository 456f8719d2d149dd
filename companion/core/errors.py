"""The classes an error can have, and their mapping to gRPC and back.

containerd: errdefs. An error's text always ends in the text of its class, because that is how
containerd wraps them: ``NotFound('container "x"')`` reads ``container "x": not found``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Self

import grpc

_log = logging.getLogger(__name__)


class Error(Exception):
    """An error with a class that survives the wire.

    `text` is the message without the text of the class, which is appended.
    """

    class_text: ClassVar[str]
    code: ClassVar[grpc.StatusCode]

    def __init__(self, text: str = "") -> None:
        super().__init__(f"{text}: {self.class_text}" if text else self.class_text)

    def wrap(self, prefix: str) -> Self:
        """Return an error of the same class whose text is `prefix`, a colon and this one's text."""
        wrapped = type(self)()
        wrapped.args = (f"{prefix}: {self}",)
        return wrapped


class Cancelled(Error):
    class_text = "context canceled"
    code = grpc.StatusCode.CANCELLED


class Unknown(Error):
    class_text = "unknown"
    code = grpc.StatusCode.UNKNOWN


class InvalidArgument(Error):
    class_text = "invalid argument"
    code = grpc.StatusCode.INVALID_ARGUMENT


class DeadlineExceeded(Error):
    class_text = "context deadline exceeded"
    code = grpc.StatusCode.DEADLINE_EXCEEDED


class NotFound(Error):
    class_text = "not found"
    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(Error):
    class_text = "already exists"
    code = grpc.StatusCode.ALREADY_EXISTS


class PermissionDenied(Error):
    class_text = "permission denied"
    code = grpc.StatusCode.PERMISSION_DENIED


class ResourceExhausted(Error):
    class_text = "resource exhausted"
    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class FailedPrecondition(Error):
    class_text = "failed precondition"
    code = grpc.StatusCode.FAILED_PRECONDITION


class Aborted(Error):
    class_text = "aborted"
    code = grpc.StatusCode.ABORTED


class OutOfRange(Error):
    class_text = "out of range"
    code = grpc.StatusCode.OUT_OF_RANGE


class Unimplemented(Error):
    class_text = "not implemented"
    code = grpc.StatusCode.UNIMPLEMENTED


class Internal(Error):
    class_text = "internal"
    code = grpc.StatusCode.INTERNAL


class Unavailable(Error):
    class_text = "unavailable"
    code = grpc.StatusCode.UNAVAILABLE


class DataLoss(Error):
    class_text = "data loss"
    code = grpc.StatusCode.DATA_LOSS


class Unauthenticated(Error):
    class_text = "unauthenticated"
    code = grpc.StatusCode.UNAUTHENTICATED


_CLASS_OF_CODE = {cls.code: cls for cls in Error.__subclasses__()}


class StatusError(grpc.RpcError):
    """A gRPC status raised without a wire: what a local plugin raises, and what a stub raises.

    Made directly it carries a text without the text of a class, as containerd's ``status.Error`` does.
    """

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(code, details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def __str__(self) -> str:
        return f"{self._code.name}: {self._details}"


def to_grpc(error: Exception) -> grpc.RpcError:
    """Turn any error into one that carries a gRPC status. containerd: errdefs.ToGRPC.

    A status passes unchanged; an exception without a class becomes UNKNOWN with its text as `described`.
    """
    if isinstance(error, grpc.RpcError):
        return error
    if isinstance(error, Error):
        return StatusError(error.code, str(error))
    return StatusError(grpc.StatusCode.UNKNOWN, described(error))


def described(error: Exception) -> str:
    """Return the text of an error; one of the system reads as Go's do: a path, and why in small letters."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    text = error.strerror.lower()
    return f"{shown(error.filename)}: {text}" if error.filename is not None else text


def shown(name: object) -> str:
    """Return a name as it can stand in a text: a status is UTF-8, and a name may be any bytes."""
    return str(name).encode(errors="backslashreplace").decode()


def from_grpc(error: grpc.RpcError) -> Error:
    """Turn the error of a stub, or of a local plugin, into one with a class. containerd: errdefs.FromGRPC."""
    # Every RpcError that a call raises is also a grpc.Call; the base class alone does not say so.
    code, details = error.code(), error.details() or ""
    error_class = _CLASS_OF_CODE.get(code, Unknown)
    text = error_class.class_text
    return error_class("" if details == text else details.removesuffix(f": {text}"))


@contextmanager
def raising_grpc() -> Iterator[None]:
    """Let every error leave the block as `to_grpc` makes it: the way out of a local plugin."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, Error | grpc.RpcError):
            _log.debug("an error without a class becomes UNKNOWN", exc_info=True)
        raise to_grpc(error) from error


@contextmanager
def raising_classes() -> Iterator[None]:
    """Let the error of a stub leave the block as `from_grpc` makes it: the way out of a remote store.

    Code and text are all that gRPC's error knows, so it does not show behind ours.
    """
    try:
        yield
    except grpc.RpcError as error:
        raise from_grpc(error) from None
