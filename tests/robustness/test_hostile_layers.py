"""Layers made to do harm: they are refused or contained, the daemon lives, and nothing outside changes."""

from __future__ import annotations

import gzip
import os
import re
import struct
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.errors import Error, ResourceExhausted, Unknown
from tests.daemons import short_directory
from tests.interop.trees import described, differences
from tests.robustness.layers import (
    archive,
    directory,
    entry,
    gzipped,
    hard_link,
    symlink,
    unpacked,
)
from tests.robustness.place import Place

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMIT = 64 << 20
"""Bytes of a layer that the daemons of these tests unpack."""

CONFIGURATION = f"""\
version = 2
[plugins."io.containerd.differ.v1.walking"]
max_layer_size = {LIMIT}
"""

UP = "../" * 30


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """Where a daemon with a small limit serves this file."""
    with short_directory() as at:
        place = Place(at)
        with place.daemon(*place.configured(CONFIGURATION)):
            yield place


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A tree outside of all snapshots, which is the same after the test as it was before."""
    tree = tmp_path / "canary"
    (tree / "directory").mkdir(parents=True)
    (tree / "file").write_text("alive")
    (tree / "file").chmod(0o640)
    (tree / "directory/inner").write_text("alive")
    before = described(tree)
    yield tree
    assert differences(described(tree), before) == []


def test_names_that_go_up_or_are_absolute_stay_inside(client: Client, canary: Path) -> None:
    names = [f"{UP}{canary}/file", f"{canary}/directory/inner", f"a/{UP}{canary}/new", f"./{UP}x"]
    tree = unpacked(client, archive(entry(name, data=b"dead") for name in names))
    assert (tree / str(canary).lstrip("/") / "file").read_bytes() == b"dead"
    assert (tree / "x").read_bytes() == b"dead"


@pytest.mark.parametrize("up", [False, True], ids=["absolute", "upwards"])
def test_what_is_written_through_a_link_stays_inside(client: Client, canary: Path, up: bool) -> None:
    target = f"{UP if up else ''}{canary}"
    layer = [
        symlink("out", target),
        entry("out/file", data=b"dead"),
        directory("out/directory", mode=0o777),
        entry("out/directory/inner", data=b"dead"),
        symlink("second", "out/directory"),
        entry("second/inner", data=b"dead", mode=0o777),
        entry("out/.wh.file"),
        entry("out/directory/.wh..wh..opq"),
    ]
    tree = unpacked(client, archive(layer))
    assert not (tree / str(canary).lstrip("/") / "file").exists()
    assert os.readlink(tree / "out") == target


def test_a_link_is_replaced_and_never_written_through(client: Client, canary: Path) -> None:
    layer = [
        symlink("a", f"{canary}/file"),
        entry("a", data=b"dead", mode=0o777),
        symlink("b", f"{canary}/directory"),
        directory("b", mode=0o777, uid=1, mtime=1),
        entry("b/inner", data=b"dead"),
        symlink("c", f"{canary}/directory"),
        entry("c/.wh.inner"),
        entry(".wh.c"),
    ]
    tree = unpacked(client, archive(layer))
    assert (tree / "a").read_bytes() == b"dead"
    assert not (tree / "b").is_symlink()
    assert not (tree / "c").is_symlink()


def test_a_hard_link_to_a_link_changes_no_mode_of_its_target(client: Client, canary: Path) -> None:
    layer = [symlink("soft", f"{canary}/file"), hard_link("hard", "soft")]
    layer[1][0].mode = 0o777
    tree = unpacked(client, archive(layer))
    assert os.readlink(tree / "hard") == f"{canary}/file"


@pytest.mark.parametrize("target", ["{canary}/file", f"{UP}{{canary}}/file", "out/file"])
def test_a_hard_link_out_is_refused(client: Client, canary: Path, target: str) -> None:
    layer = archive([symlink("out", str(canary)), hard_link("link", target.format(canary=canary))])
    with pytest.raises(Unknown, match="no such file or directory"):
        unpacked(client, layer)


def test_a_directory_that_becomes_a_link_gives_no_times_to_its_target(client: Client, canary: Path) -> None:
    layer = [
        directory("d", mode=0o500, mtime=1),
        directory("d/directory", mode=0o500, mtime=1),
        entry(".wh.d"),
        symlink("d", str(canary)),
    ]
    unpacked(client, archive(layer))


@pytest.mark.parametrize("name", [".wh...", ".wh..", ".wh.", "d/.wh..."])
def test_a_whiteout_that_leaves_its_directory_is_refused(client: Client, canary: Path, name: str) -> None:
    base = re.escape(name.removeprefix("d/"))
    with pytest.raises(Unknown, match=f"invalid whiteout name: {base}: invalid archive"):
        unpacked(client, archive([entry(name)]))


def test_an_opaque_root_removes_nothing_outside(client: Client, canary: Path) -> None:
    layer = [symlink("out", str(canary)), directory("d"), entry("d/x"), entry(".wh..wh..opq")]
    tree = unpacked(client, archive(layer))
    assert sorted(path.name for path in tree.iterdir()) == ["d", "out"]


@pytest.mark.parametrize(
    "compressed", [gzipped, zstd.compress, bytes], ids=["gzip", "zstd", "plain, a sparse file"]
)
def test_a_bomb_is_refused(client: Client, compressed: Callable[[bytes], bytes]) -> None:
    if compressed is bytes:
        layer, suffix = sparse(1 << 40), ""
    else:
        layer, suffix = compressed(archive([entry("file", data=bytes(LIMIT + 1))])), "+gzip"
    with pytest.raises(ResourceExhausted, match=f"layer takes more than {LIMIT} bytes \\(max_layer_size\\)"):
        unpacked(client, layer, suffix)


def test_what_follows_the_archive_counts_too(client: Client) -> None:
    layer = gzipped(archive([entry("file")])) + gzipped(bytes(LIMIT))
    with pytest.raises(ResourceExhausted, match="max_layer_size"):
        unpacked(client, layer, "+gzip")


def test_holes_take_no_space(client: Client) -> None:
    tree = unpacked(client, sparse(LIMIT // 2))
    found = (tree / "file").stat()
    assert (found.st_size, found.st_blocks) == (LIMIT // 2, 8)


def sparse(size: int) -> bytes:
    """An archive with a file of this size, of which the first byte is there."""
    facts = {"major": "0", "minor": "1", "numblocks": "1", "map": "0,1", "size": str(size), "name": "file"}
    pax = {f"GNU.sparse.{key}": value for key, value in facts.items()}
    return archive([entry("shown", data=b"x", pax_headers=pax)])


def test_100_000_entries(client: Client) -> None:
    tree = unpacked(client, gzipped(archive(entry(f"d{n % 100}/f{n}") for n in range(100_000))), "+gzip")
    assert sum(len(files) for _, _, files in os.walk(tree)) == 100_000


DAMAGED = {
    "gzip cut off": (gzipped(archive([entry("f", data=os.urandom(1 << 20))]))[:-1000], "unexpected EOF"),
    "zstd cut off": (
        zstd.compress(archive([entry("f", data=os.urandom(1 << 20))]))[:-1000],
        "unexpected EOF",
    ),
    "gzip with a byte turned": (b"", "gzip"),
    "tar cut off in the data": (archive([entry("f", data=bytes(9000))])[:3000], "unexpected EOF"),
    "tar cut off in a header": (archive([entry("f"), entry("g")])[:700], "unexpected EOF"),
    "a header damaged in the middle": (b"", "archive/tar: invalid tar header"),
    "gzip of nonsense": (b"\x1f\x8b\x08" + bytes(range(100)), "gzip"),
    "zstd of nonsense": (b"\x28\xb5\x2f\xfd" + bytes(range(100)), "zstd"),
}
turned = bytearray(gzipped(archive([entry("f", data=os.urandom(1 << 20))])))
turned[1 << 19] ^= 255
DAMAGED["gzip with a byte turned"] = bytes(turned), "gzip: "
middle = bytearray(archive([entry("f"), entry("g"), entry("h")]))
middle[512 + 5] ^= 255
DAMAGED["a header damaged in the middle"] = bytes(middle), "archive/tar: invalid tar header"


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_layer_is_refused(client: Client, name: str) -> None:
    layer, text = DAMAGED[name]
    with pytest.raises(Unknown, match=text):
        unpacked(client, layer, "+gzip")


def pax(records: bytes) -> bytes:
    """An archive of one entry, behind a pax header with these bytes."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    padding = bytes(-len(records) % 512)
    return header.tobuf(tarfile.USTAR_FORMAT) + records + padding + archive([entry("f", data=b"x")])


def patched(offset: int, field: bytes) -> bytes:
    """An archive of one entry, with a field of its header overwritten and a checksum that fits."""
    block = bytearray(tarfile.TarInfo("f").tobuf(tarfile.GNU_FORMAT))
    block[offset : offset + len(field)] = field
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


HEADERS = {
    "a giant pax header": (pax(bytes(2 << 20)), "archive/tar: header field too long"),
    "a pax header of digits": (pax(b"1" * (1 << 20)), "archive/tar: invalid tar header"),
    "a pax record that is longer than it says": (pax(b"5 a=bcdefg\n"), "archive/tar: invalid tar header"),
    "a pax record without an end": (pax(b"99999 path=x\n"), "archive/tar: invalid tar header"),
    "a pax record of length 0": (pax(b"0 path=x\n"), "archive/tar: invalid tar header"),
    "a NUL in a path": (pax(b"13 path=a\0b\0\n"), "archive/tar: invalid tar header"),
    "a negative size in pax": (pax(b"11 size=-1\n"), "archive/tar: invalid tar header"),
    "a size beyond 63 bits": (pax(b"29 size=99999999999999999999\n"), "archive/tar: invalid tar header"),
    "a negative size": (patched(124, b"\xff" * 12), "archive/tar: invalid tar header"),
    "a negative owner": (patched(108, b"\xff" * 8), "archive/tar: invalid tar header"),
    "a size that is no number": (patched(124, b"0x10_00-+ 1\0"), "archive/tar: invalid tar header"),
    "an unknown kind": (patched(156, b"Z"), "unhandled tar header type 90"),
    "a size that is not there": (patched(124, b"00000777777\0"), "unexpected EOF"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_hostile_header_is_refused(client: Client, name: str) -> None:
    layer, text = HEADERS[name]
    with pytest.raises(Unknown, match=re.escape(text)):
        unpacked(client, layer)


def test_a_chain_of_headers_without_an_entry_is_nothing(client: Client) -> None:
    header = pax(b"9 path=x\n")[:1024]
    tree = unpacked(client, gzipped(header * 20_000), "+gzip")
    assert list(tree.iterdir()) == []


STRANGE = [
    b"new\nline",
    b"tab\t",
    b"not \xff\xfe utf-8",
    b"\xf0\x9f\x90\xb3",
    b" ",
    b"\\",
    b"-rf",
    b"a" * 255,
]


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_strange_names_are_kept(client: Client, format: int) -> None:
    layer = archive((entry(os.fsdecode(name), data=name) for name in STRANGE), format)
    tree = unpacked(client, layer)
    assert sorted(os.listdir(os.fsencode(tree))) == sorted(STRANGE)
    assert (tree / os.fsdecode(STRANGE[2])).read_bytes() == STRANGE[2]


def test_a_refusal_of_a_strange_name_reaches_the_client(client: Client) -> None:
    name = os.fsdecode(b"\xff" * 300)
    with pytest.raises(Unknown, match=r"\\udcff: file name too long"):
        unpacked(client, archive([entry(name)]))


def test_a_path_of_too_many_directories_is_refused(client: Client) -> None:
    with pytest.raises(Unknown, match="file name too long"):
        unpacked(client, archive([entry(f"{'d' * 250}/" * 20)]))


def test_links_in_a_circle_are_refused(client: Client) -> None:
    with pytest.raises(Unknown, match="too many links"):
        unpacked(client, archive([symlink("a", "b"), symlink("b", "a"), entry("a/f")]))


def test_links_that_double_their_paths_are_refused(client: Client) -> None:
    layer = [symlink(f"l{n + 1}", f"l{n}/l{n}") for n in range(60)]
    with pytest.raises((Unknown, Error), match=r"too many links|file name too long|not a directory"):
        unpacked(client, archive([symlink("l0", "."), *layer, entry("l60/f")]))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE], ids=["character", "block"])
def test_device_numbers_beyond_all_devices(client: Client, canary: Path, kind: bytes) -> None:
    header, data = entry("dev", kind, devmajor=0o7777777, devminor=0o7777777)
    try:
        unpacked(client, archive([(header, data)]))
    except Unknown as error:
        assert "dev" in str(error)  # noqa: PT017 - it may be made or refused, as the kernel likes


def test_an_archive_is_never_unpacked_by_halves_in_silence(client: Client) -> None:
    layer = gzip.compress(archive([entry("f", data=b"x" * 10_000)])[:4096])
    with pytest.raises(Unknown, match="unexpected EOF"):
        unpacked(client, layer, "+gzip")


def test_checksums_of_signed_bytes(client: Client) -> None:
    block = bytearray(tarfile.TarInfo("f").tobuf(tarfile.GNU_FORMAT))
    block[0:2] = b"\xc3\xbc"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(struct.unpack("512b", block)) & 0o777777)
    tree = unpacked(client, bytes(block) + bytes(1024))
    assert [path.name for path in tree.iterdir()] == ["ü"]
