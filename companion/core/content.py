"""Content: blobs, each named by the digest of its bytes, and ingests, which become blobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from typing import Protocol, Self

from companion.core.platforms import Platform

CHUNK = 1 << 20
"""How many bytes move at a time, in messages and between files."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Where to find a blob, what it is and how large it is, in bytes. containerd: the OCI Descriptor.

    `platform` and `urls` stand in indexes and manifests only: they are not part of an image's record.
    """

    media_type: str = ""
    digest: str = ""
    size: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of a blob; `size` is in bytes. containerd: content.Info.

    The daemon sets size and both times (UTC); what a caller puts there is ignored.
    """

    digest: str
    size: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = field(default=None, repr=False)
    updated_at: datetime | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """How far an ingest is. containerd: content.Status.

    `offset` counts the bytes that have arrived, `total` those announced (0: unknown); `expected` is the
    digest they should have, where it is known. The times are UTC.
    """

    ref: str
    offset: int = 0
    total: int = 0
    expected: str = ""
    started_at: datetime | None = field(default=None, repr=False)
    updated_at: datetime | None = field(default=None, repr=False)


class Writer(Protocol):
    """An ingest with a lock on its ref. containerd: content.Writer.

    A context manager: leaving the block lets go of the ref. What is not committed stays and can be resumed.
    """

    def write(self, data: bytes) -> int:
        """Add bytes at the end; return how many. Raises `FailedPrecondition` on a closed writer."""
        ...

    def digest(self) -> str:
        """Return the digest of the bytes so far."""
        ...

    def status(self) -> Status:
        """Return how far the ingest is."""
        ...

    def truncate(self) -> None:
        """Throw away the bytes so far. containerd: Truncate, which takes no other size than 0."""
        ...

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> None:
        """Turn the ingest into a blob with these labels, and close it. It is on disk when this returns.

        Raises `FailedPrecondition` when there are not `size` bytes (0: any number), or when they do not have
        the digest `expected` (empty: any), and the ingest stays; `InvalidArgument` for a label;
        `AlreadyExists`, and the ingest is gone.
        """
        ...

    def close(self) -> None:
        """Let go of the ref; a second call does nothing."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Provider(Protocol):
    """Where blobs can be read. containerd: content.InfoReaderProvider."""

    def info(self, digest: str) -> Info:
        """Return what is known of a blob. Raises `NotFound`, `InvalidArgument` for a malformed digest."""
        ...

    def reader_at(self, digest: str) -> BufferedReader:
        """Open a blob, to be read from any place. Raises as `info`. containerd: ReaderAt."""
        ...


class Ingester(Protocol):
    """Where blobs can be made. containerd: content.Ingester and content.IngestManager."""

    def writer(self, ref: str, total: int = 0, expected: str = "") -> Writer:
        """Begin an ingest or resume the one of this ref; `status().offset` says where.

        `total` bytes are announced (0: unknown); an ingest that announced another number starts again.
        Raises `AlreadyExists` when there is a blob of the digest `expected`, `Unavailable` while another
        writer holds the ref, `InvalidArgument` for an empty ref.
        """
        ...

    def status(self, ref: str) -> Status:
        """Return how far an ingest is. Raises `NotFound`."""
        ...

    def abort(self, ref: str) -> None:
        """Remove an ingest with its bytes. Raises `NotFound`."""
        ...


class Backend(Provider, Ingester, Protocol):
    """The bytes of all namespaces, each blob once: what a store keeps its records of."""

    def list(self) -> Iterable[Info]:
        """Yield all blobs, bytewise by digest."""
        ...

    def delete(self, digest: str) -> None:
        """Remove a blob. Raises `NotFound`."""
        ...

    def list_statuses(self) -> Iterable[Status]:
        """Yield how far all ingests are."""
        ...


class Store(Provider, Ingester, Protocol):
    """Where blobs live. containerd: content.Store.

    Every method works in the namespace of the context and raises `FailedPrecondition` without one.
    """

    def list(self, *filters: str) -> Sequence[Info]:
        """Return the blobs that match any of the filters, bytewise by digest. containerd: Walk.

        Raises `InvalidArgument` for a filter that cannot be parsed.
        """
        ...

    def update(self, info: Info, *fieldpaths: str) -> Info:
        """Change the labels, all or those that `fieldpaths` names as `labels.<key>`; return the record.

        Raises `InvalidArgument` for a field that cannot be updated, `NotFound`.
        """
        ...

    def delete(self, digest: str) -> None:
        """Remove the blob from the namespace. Raises `NotFound`."""
        ...

    def list_statuses(self, *filters: str) -> Sequence[Status]:
        """Return how far the ingests are that match any of the filters, bytewise by ref.

        Raises `InvalidArgument` for a filter that cannot be parsed.
        """
        ...
