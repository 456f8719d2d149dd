"""What filters see of a record: its fields by path. containerd: core/metadata/adaptors.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from companion.core.filters import Adaptor, Filter
from companion.core.snapshots import Info

M = TypeVar("M", bound=Message)


class _Runtime(Protocol):
    @property
    def name(self) -> str: ...


class _Container(Protocol):
    """The part that a record and a message of a container have in common."""

    @property
    def id(self) -> str: ...
    @property
    def image(self) -> str: ...
    @property
    def runtime(self) -> _Runtime: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


class _Info(Protocol):
    @property
    def digest(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


class _Descriptor(Protocol):
    @property
    def media_type(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...


class _Image(Protocol):
    """The part that a record and a message of an image have in common."""

    @property
    def name(self) -> str: ...
    @property
    def target(self) -> _Descriptor: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


class _Lease(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...


def container_fields(container: _Container) -> Adaptor:
    """Fields `id`, `image`, `runtime.name` and `labels.<key>`."""

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["id", *_]:
                return container.id or None
            case ["image", *_]:
                return container.image or None
            case ["runtime", "name", *_]:
                return container.runtime.name or None
            case ["labels", *key]:
                return _label(container.labels, key)
        return None

    return field


def content_fields(info: _Info) -> Adaptor:
    """Fields `digest` and `labels.<key>`."""

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["digest", *_]:
                return info.digest
            case ["labels", *key]:
                return _label(info.labels, key)
        return None

    return field


def image_fields(image: _Image) -> Adaptor:
    """Fields `name`, `target.digest`, `target.mediatype`, `labels.<key>` and `annotations.<key>`."""

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["name", *_]:
                return image.name or None
            case ["target", "digest", *_]:
                return image.target.digest or None
            case ["target", "mediatype", *_]:
                return image.target.media_type or None
            case ["labels", *key]:
                return _label(image.labels, key)
            case ["annotations", *key]:
                return _label(image.target.annotations, key)
        return None

    return field


def ingest_fields(ref: str) -> Adaptor:
    """Field `ref`."""

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["ref", *_]:
                return ref
        return None

    return field


def lease_fields(lease: _Lease) -> Adaptor:
    """Fields `id` and `labels.<key>`."""

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["id", *_]:
                return lease.id or None
            case ["labels", *key]:
                return _label(lease.labels, key)
        return None

    return field


def snapshot_fields(info: Info) -> Adaptor:
    """Fields `kind`, `name`, `parent` and `labels.<key>`."""

    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["kind", *_]:
                return str(info.kind)
            case ["name", *_]:
                return info.name
            case ["parent", *_]:
                return info.parent
            case ["labels", *key]:
                return _label(info.labels, key)
        return None

    return field


def message_matcher(
    texts: Sequence[str], wanted: Filter, message: M, fields: Callable[[M], Adaptor]
) -> Callable[[bytes], bool]:
    """Return the test for the stored bytes of such messages, where `texts` were parsed to `wanted`.

    The one `message` serves for all, which spares an allocation each.
    """
    if not any(texts):
        return lambda raw: True

    def matches(raw: bytes) -> bool:
        message.ParseFromString(raw)
        return wanted.match(fields(message))

    return matches


def _label(labels: Mapping[str, str], key: Sequence[str]) -> str | None:
    # A message's map makes an entry when it is asked for a missing key with []; get() does not.
    return labels.get(".".join(key))
