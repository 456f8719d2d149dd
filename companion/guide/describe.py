"""A value as a reader sees it in a figure: short, and the same on every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from companion.core.typeurl import Any as Opaque

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_NOTHING: tuple[object, ...] = (None, "", {}, ())


def describe(value: object) -> str:
    """Return `value` in a few words; times are left out, because they differ on every run."""
    match value:
        case None:
            return "None"
        case str() | int() | bool():
            return repr(value)
        case bytes():
            return f"{len(value)} bytes"
        case AnyMessage():
            return f"Any({value.type_url}, {len(value.value)} bytes)"
        case Message():
            return f"{value.DESCRIPTOR.name}({_fields(value)})"
        case Mapping():
            return "{" + ", ".join(f"{key}: {describe(value[key])}" for key in sorted(value)) + "}"
        case list() | tuple():
            return "[" + ", ".join(describe(item) for item in value) + "]"
        case FunctionType():
            return value.__qualname__.partition(".")[0] + "(…)"
    if hasattr(value, "__next__"):
        return "a stream"
    if is_dataclass(value) and not isinstance(value, type | Opaque):
        return f"{type(value).__name__}({_set_fields(value)})"
    if type(value).__repr__ is object.__repr__:
        return type(value).__name__
    return repr(value)


def describe_error(error: BaseException) -> str:
    """Return an error in one line: class and text, code and text of a status, or what was expected."""
    if isinstance(error, grpc.RpcError):
        return f"{error.code().name}: {error.details()}"
    if isinstance(error, AssertionError) and error.args:
        return str(error)
    return f"{type(error).__name__}: {error}"


def _set_fields(record: DataclassInstance) -> str:
    """Leave out what is as it would be without a word."""
    return ", ".join(
        f"{field.name}={describe(value)}"
        for field in fields(record)
        if field.repr and (value := getattr(record, field.name)) not in _NOTHING
    )


def _fields(message: Message) -> str:
    return ", ".join(
        f"{field.name}={_field(value)}"
        for field, value in message.ListFields()
        if not isinstance(value, Timestamp)
    )


def _field(value: Any) -> str:
    is_repeated = not isinstance(value, str | bytes | Message | Mapping) and hasattr(value, "__iter__")
    return describe(list(value)) if is_repeated else describe(value)
