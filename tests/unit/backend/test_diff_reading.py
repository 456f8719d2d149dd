"""How a layer is read: ahead, in small pieces, to the last byte; and its entries as tarfile has them."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.backend.diff.compression import decompressed
from companion.backend.diff.errors import LayerError
from companion.backend.diff.stream import Measured, Stream
from companion.backend.diff.tar import Archive, Entry
from companion.core.content import CHUNK
from companion.core.errors import ResourceExhausted

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SKIPPABLE = (0x184D2A5F).to_bytes(4, "little") + (4).to_bytes(4, "little") + b"skip"


def chunks(blob: bytes) -> list[bytes]:
    return list(decompressed(io.BufferedReader(io.BytesIO(blob))))


def read(blob: bytes) -> list[tuple[Entry, bytes]]:
    with Stream(iter([blob])) as stream:
        archive = Archive(stream)
        return [(entry, b"".join(archive.data(entry.size))) for entry in archive]


@pytest.mark.parametrize(
    "blob",
    [
        b"text",
        gzip.compress(b"text"),
        gzip.compress(b"te") + gzip.compress(b"") + gzip.compress(b"xt"),
        zstd.compress(b"text"),
        SKIPPABLE + zstd.compress(b"te") + SKIPPABLE + zstd.compress(b"xt") + SKIPPABLE,
    ],
    ids=["plain", "gzip", "gzip members", "zstd", "zstd frames"],
)
def test_the_first_bytes_tell_the_compression(blob: bytes) -> None:
    assert b"".join(chunks(blob)) == b"text"


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_what_is_compressed_well_comes_in_small_pieces(compress: Callable[[bytes], bytes]) -> None:
    size = 20 * CHUNK + 7
    lengths = [len(chunk) for chunk in chunks(compress(bytes(size)))]
    assert sum(lengths) == size
    assert max(lengths) <= CHUNK


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_wherever_it_is_cut_off_is_an_error(compress: Callable[[bytes], bytes]) -> None:
    whole = compress(os.urandom(100))
    for length in range(4, len(whole)):
        with pytest.raises(LayerError, match="unexpected EOF"):
            chunks(whole[:length])


def test_nothing_is_plain() -> None:
    assert chunks(b"") == []


def test_what_passes_is_measured_and_no_more_than_the_limit() -> None:
    measured = Measured(iter([b"ab", b"c"]), 3)
    assert list(measured) == [b"ab", b"c"]
    assert (measured.size, measured.digest[:14]) == (3, "sha256:ba7816b")
    with pytest.raises(ResourceExhausted):
        list(Measured(iter([b"ab", b"cd"]), 3))


def test_a_stream_is_read_over_the_borders_of_its_chunks() -> None:
    with Stream(iter([b"abc", b"", b"d", b"efgh"])) as stream:
        assert stream.read(2) == b"ab"
        assert stream.read(4) == b"cdef"
        assert not stream.at_end()
        stream.skip(2)
        assert stream.at_end()
        with pytest.raises(LayerError, match="unexpected EOF"):
            stream.read(1)


def test_an_error_of_the_thread_is_the_readers() -> None:
    def failing() -> Iterator[bytes]:
        yield b"a"
        raise LayerError("broken")

    with Stream(failing()) as stream:
        assert stream.read(1) == b"a"
        with pytest.raises(LayerError, match="broken"):
            stream.read(1)


def test_a_stream_that_is_left_early_leaves_no_thread() -> None:
    before = threading.active_count()
    with Stream(iter([b"a"] * 100)) as stream:
        stream.read(1)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=160)
NUMBERS = st.integers(0, 1 << 31)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.lists(
        st.tuples(
            NAMES, NAMES, st.sampled_from(b"0123456"), NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=1500)
        ),
        max_size=4,
    ),
)
def test_entries_are_read_as_tarfile_writes_them(
    format: int, made: list[tuple[str, str, int, int, int, int, bytes]]
) -> None:
    file, expected = io.BytesIO(), []
    with tarfile.open(fileobj=file, mode="w", format=format) as archive:
        for name, link, kind, mode, uid, mtime, data in made:
            header = tarfile.TarInfo(name)
            header.type, header.linkname = bytes([kind]), link
            header.mode, header.uid, header.gid, header.mtime = mode & 0o7777, uid, uid // 2, mtime
            kept = data if header.isreg() else b""
            header.size = len(kept)
            archive.addfile(header, io.BytesIO(kept))
            expected.append(
                (name.rstrip("/"), link, mode & 0o7777, uid, uid // 2, mtime * 1_000_000_000, kept)
            )
    found = [
        (entry.name.rstrip("/"), entry.link, entry.mode, entry.uid, entry.gid, entry.mtime, data)
        for entry, data in read(file.getvalue())
    ]
    assert found == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 511), st.integers(0, 255), st.binary(max_size=600))
def test_a_damaged_archive_is_read_or_refused_and_nothing_else(place: int, value: int, tail: bytes) -> None:
    block = bytearray(tarfile.TarInfo("name").tobuf(tarfile.PAX_FORMAT))
    block[place] = value
    try:
        read(bytes(block) + tail)
    except LayerError as error:
        assert str(error).startswith(("archive/tar: ", "unexpected EOF"))  # noqa: PT017 - both ways are right


def test_the_old_form_of_long_paths() -> None:
    header = tarfile.TarInfo(f"{'p' * 90}/{'n' * 90}")
    (found,) = read(header.tobuf(tarfile.USTAR_FORMAT))
    assert found[0].name == header.name
