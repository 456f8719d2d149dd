"""Reads an archive, which anybody may have made, into a content store."""

from __future__ import annotations

import json
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, BinaryIO, Self

from companion.client.archive.hashing import HashingReader
from companion.client.archive.layout import DOCKER_FILE, LAYOUT_FILE
from companion.core import digests, leases
from companion.core.blobs import write_blob
from companion.core.content import Descriptor, Store
from companion.core.documents import MAX_SIZE, read_bounded
from companion.core.errors import Error, InvalidArgument, ResourceExhausted
from companion.core.quote import quote

_MAX_HEADER = 1 << 20
"""The longest that the headers of a member may be, in bytes: they are kept in memory."""

_MAX_MEMBER = 1 << 63


@dataclass
class Contents:
    """What was in an archive: blobs and symbolic links by their names, and the documents that tell of them.

    A document that was not there is None.
    """

    blobs: dict[str, Descriptor] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    layout: object = None
    docker: object = None


class _Member(tarfile.TarInfo):
    """A member whose header holds no surprise for the code that reads on."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            member = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError:
            # The library takes what it cannot read for the end of the archive, which is a block of zeros.
            if any(buf):
                raise InvalidArgument("archive/tar: invalid tar header") from None
            raise
        if member.type not in tarfile.REGULAR_TYPES and member.size > _MAX_HEADER:
            raise ResourceExhausted(f"archive/tar: header of {member.size} bytes")
        return member


def read_archive(store: Store, file: BinaryIO) -> Contents:
    """Make a blob of each file in an archive, and return what is in it.

    Nothing is unpacked into a file system. Raises `InvalidArgument` for what is no archive, and for names
    that lead out of it; `FailedPrecondition` for blobs that are not what they are called,
    `ResourceExhausted` for documents that are too large. What was written until then is held by nothing but
    the lease of the context. containerd: the loop of archive.ImportIndex.
    """
    contents, prefix = Contents(), f"tar-{leases.generate_id()}-"
    with _refusing(), tarfile.open(fileobj=file, mode="r|", tarinfo=_Member, errors="strict") as archive:
        for member in archive:
            name, source = _checked(member), archive.extractfile(member) if member.isreg() else None
            if member.issym():
                contents.links[name] = _link(name, member.linkname)
            elif source is None:
                continue
            elif name == LAYOUT_FILE:
                contents.layout = _json("oci layout", name, source)
            elif name == DOCKER_FILE:
                contents.docker = _json("manifest", name, source)
            else:
                # Another archive may have a file of this name too, and other bytes in it: hence the prefix.
                contents.blobs[name] = _ingest(store, prefix, name, source, member.size)
    return contents


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, UnicodeError) as error:
        raise InvalidArgument(f"archive/tar: {error}") from None


def _checked(member: tarfile.TarInfo) -> str:
    name = posixpath.normpath(member.name)
    if name.startswith(("/", "../")) or name == "..":
        raise InvalidArgument(f"{quote(member.name)} leads out of the archive")
    if member.issparse() or not 0 <= member.size < _MAX_MEMBER:
        raise InvalidArgument(f"{quote(member.name)} is sparse or has an impossible size")
    return name


def _link(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target.lstrip("/")))


def _json(kind: str, name: str, source: IO[bytes]) -> object:
    raw = read_bounded(source, name, MAX_SIZE)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"untar {kind} {quote(name)}: {error}") from None


def _ingest(store: Store, prefix: str, name: str, source: IO[bytes], size: int) -> Descriptor:
    expected, hashed, ref = _expected(name), HashingReader(source), f"{prefix}{name}"
    try:
        write_blob(store, ref, hashed, size=size, expected=expected)
    except BaseException as error:
        with suppress(Error):
            store.abort(ref)
        if isinstance(error, Error):
            raise error.wrap(f"failed to ingest {quote(name)}") from None
        raise
    return Descriptor(digest=expected or hashed.digest, size=size)


def _expected(name: str) -> str:
    """Return the digest that a file of an OCI layout is named by; other files may hold anything."""
    directory, _, path = name.partition("/")
    if directory != "blobs":
        return ""
    digest = path.replace("/", ":", 1)
    try:
        digests.validate(digest)
    except InvalidArgument as error:
        raise error.wrap(quote(name)) from None
    return digest
