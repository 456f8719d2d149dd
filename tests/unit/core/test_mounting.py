"""Mounting for the length of a block."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from companion.core.mounting import mounted, unmount_all
from companion.core.mounts import Mount

pytestmark = pytest.mark.overlayfs


def mount_points() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def test_a_directory_is_mounted_within_the_block_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with mounted([Mount("bind", str(tmp_path), ("rbind", "rw"))]) as place:
        assert (place / "file").read_text() == "text"
        assert str(place) in mount_points()
    assert not place.exists()
    assert str(place) not in mount_points()
    assert (tmp_path / "file").exists()


def test_a_directory_is_mounted_read_only(tmp_path: Path) -> None:
    with mounted([Mount("bind", str(tmp_path), ("ro", "rbind"))]) as place:
        with pytest.raises(OSError, match="Read-only file system"):
            (place / "file").touch()
        (tmp_path / "file").touch()
        assert (place / "file").exists()


def test_flags_and_what_the_file_system_is_told(tmp_path: Path) -> None:
    options = ("nosuid", "nodev", "noexec", "size=65536", "mode=711")
    with mounted([Mount("tmpfs", "tmpfs", options)]) as place:
        flags = os.statvfs(place).f_flag
        assert flags & os.ST_NOSUID
        assert flags & os.ST_NODEV
        assert flags & os.ST_NOEXEC
        assert place.stat().st_mode & 0o777 == 0o711


def test_mounts_stand_on_one_another(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    mounts = [Mount("bind", str(tmp_path), ("bind",)), Mount("tmpfs", "tmpfs", target="inner")]
    with mounted(mounts) as place:
        (place / "inner/file").touch()
    assert list((tmp_path / "inner").iterdir()) == []


def test_what_cannot_be_mounted_leaves_nothing(tmp_path: Path) -> None:
    before = mount_points()
    mounts = [Mount("tmpfs", "tmpfs"), Mount("bind", str(tmp_path / "nothing"), ("rbind",))]
    with pytest.raises(FileNotFoundError), mounted(mounts):
        pass
    assert mount_points() == before


def test_an_error_in_the_block_unmounts_too() -> None:
    before = mount_points()
    with pytest.raises(ZeroDivisionError), mounted([Mount("tmpfs", "tmpfs")]):
        raise ZeroDivisionError
    assert mount_points() == before


def test_what_a_killed_process_has_left_is_unmounted_and_nothing_in_it_is_removed(tmp_path: Path) -> None:
    source, under = tmp_path / "source of it", tmp_path / "under it"
    source.mkdir()
    under.mkdir()
    (source / "file").touch()
    left = mounted([Mount("bind", str(source), ("rbind",)), Mount("tmpfs", "tmpfs")], under)
    left.__enter__()
    unmount_all(under)
    assert list(under.iterdir()) == []
    with suppress(FileNotFoundError):
        left.__exit__(None, None, None)
    assert (source / "file").exists()
    assert not any("under it" in point or "under\\040it" in point for point in mount_points())


def test_without_mounts_what_is_written_is_lost(tmp_path: Path) -> None:
    with mounted([], tmp_path) as place:
        (place / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_files_that_a_killed_process_has_left_without_mounts_go_too(tmp_path: Path) -> None:
    (tmp_path / "containerd-mount" / "etc").mkdir(parents=True)
    unmount_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_unmounted_is_not_emptied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").touch()
    under = tmp_path / "under"
    under.mkdir()
    with (
        pytest.raises(OSError, match="busy"),
        mounted([Mount("bind", str(source), ("rbind",))], under) as place,
    ):
        held = os.open(place, os.O_RDONLY)
    os.close(held)
    assert (source / "file").exists()
    unmount_all(under)
