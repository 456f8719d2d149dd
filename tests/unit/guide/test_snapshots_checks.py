"""The checks of chapter 8: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from companion.client import Client, namespace
from companion.core.image_config import chain_id
from companion.guide.checks import snapshots as check
from companion.guide.playground import ON_REQUEST, fresh_daemon, stop_daemon

Said = Callable[[], str]
Images = Sequence[Sequence[str]]

LAYERS = ({"kept": "1", "gone": "1"}, {".wh.gone": "", "new": "2"})


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(fresh_daemon(ON_REQUEST).address, default_namespace="builder") as client:
        yield client
    stop_daemon()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


@pytest.mark.parametrize(
    ("prediction", "answer"),
    [
        (None, "not yet: prediction is None, expected a set of paths"),
        ("kept", "not yet: prediction is 'kept', expected a set of paths"),
        ({"kept", "new", "gone"}, "not yet: gone is not there: does a layer above take it away, or "),
        ({"kept"}, "not yet: new is there too: a whiteout takes away what is below its layer, and "),
        ({"kept", "new"}, "right: kept, new"),
    ],
)
def test_a_prediction_is_held_against_what_the_daemon_unpacks(
    client: Client, prediction: object, answer: str, said: Said
) -> None:
    check.prediction(client, LAYERS, prediction)  # type: ignore[arg-type]
    assert said().startswith(answer)


def names(images: Images) -> set[str]:
    return {chain_id(image[: level + 1]) for image in images for level in range(len(image))}


def diff_ids(images: Images) -> set[str]:
    return {diff_id for image in images for diff_id in image}


def only_the_topmost(images: Images) -> set[str]:
    return {chain_id(image) for image in images}


def each_as_often_as_it_is_needed(images: Images) -> list[str]:
    return [chain_id(image[: level + 1]) for image in images for level in range(len(image))]


def hashed_from_the_first(images: Images) -> set[str]:
    return {f"sha256:{sha256(image[0].encode()).hexdigest()}" for image in images}


def test_the_names_of_all_chains_are_right(client: Client, said: Said) -> None:
    check.names(client, names)
    assert said() == "right: four images of 11 layers need 6 snapshots, by these names"


@pytest.mark.parametrize(
    ("naming", "reason"),
    [
        (lambda images: None, "expected a set of names, got None"),
        (diff_ids, ": that is the diff id of a layer, which says nothing of those below"),
        (only_the_topmost, "snapshots that four images need: expected 6, got 3"),
        (each_as_often_as_it_is_needed, "snapshots that four images need: expected 6, got 11"),
        (hashed_from_the_first, "no snapshot has the name sha256:"),
        (lambda images: images[9], "your code raised IndexError"),
    ],
)
def test_other_names_are_told_why_not(client: Client, naming: check.Names, reason: str, said: Said) -> None:
    check.names(client, naming)
    answer = said()
    assert answer.startswith("not yet: ")
    assert reason in answer


def whiteout(path: Path) -> str:
    return str(path.with_name(f".wh.{path.name}"))


def whiteouts(before: Path, after: Path) -> Iterator[str]:
    for path in sorted(before.rglob("*")):
        place = path.relative_to(before)
        if not (after / place).exists() and (after / place).parent.exists():
            yield whiteout(place)


def one_for_each_file(before: Path, after: Path) -> Iterator[str]:
    for path in before.rglob("*"):
        if not (after / path.relative_to(before)).exists():
            yield whiteout(path.relative_to(before))


def names_without_prefix(before: Path, after: Path) -> list[str]:
    return [name.replace(".wh.", ".x.") for name in whiteouts(before, after)]


def nothing(before: Path, after: Path) -> list[str]:
    return []


def everything(before: Path, after: Path) -> list[str]:
    return [whiteout(path.relative_to(before)) for path in before.iterdir()]


def test_the_fewest_whiteouts_are_right(client: Client, said: Said) -> None:
    check.whiteouts(client, whiteouts)
    assert said().startswith("right: 4 layers of whiteouts leave what they should")


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (lambda before, after: None, "etc/motd is gone from the tree, and your whiteouts [] leave it there"),
        (nothing, "etc/motd is gone from the tree, and your whiteouts [] leave it there"),
        (everything, "doc/README is still in the tree, and your whiteouts ['.wh.doc', '.wh.etc'] take it"),
        (one_for_each_file, "whiteouts that are enough: 1, as a directory's own takes all with it; yours"),
        (names_without_prefix, "etc/motd is gone from the tree, and your whiteouts ['etc/.x.motd'] leave"),
        (lambda before, after: ["new"], "new is no whiteout: the name of one begins with .wh."),
    ],
)
def test_other_whiteouts_are_told_why_not(
    client: Client, finding: Callable[[Path, Path], Sequence[str]], reason: str, said: Said
) -> None:
    check.whiteouts(client, finding)
    assert said().startswith(f"not yet: {reason}")


def measured(paths: Sequence[Path]) -> tuple[int, int]:
    blocks = {path.lstat().st_ino: path.lstat().st_blocks for path in paths}
    return sum(blocks.values()) * 512, len(blocks)


def usage(tree: Path) -> tuple[int, int]:
    return measured([tree, *tree.rglob("*")])


def without_the_tree(tree: Path) -> tuple[int, int]:
    return measured(list(tree.rglob("*")))


def each_name(tree: Path) -> tuple[int, int]:
    paths = [tree, *tree.rglob("*")]
    return sum(path.lstat().st_blocks * 512 for path in paths), len(paths)


def without_links(tree: Path) -> tuple[int, int]:
    return measured([tree, *(path for path in tree.rglob("*") if not path.is_symlink())])


def test_the_usage_of_every_inode_is_right(client: Client, said: Said) -> None:
    check.usage(client, usage)
    assert said() == "right: 7 inodes, and as many bytes as the daemon says"


@pytest.mark.parametrize(
    ("measuring", "reason"),
    [
        (lambda tree: None, "expected two numbers, bytes and inodes, got None"),
        (without_the_tree, "an empty tree: bytes and inodes: expected "),
        (each_name, "a file of two names: bytes and inodes: expected "),
        (without_links, "symbolic links: bytes and inodes: expected "),
        (lambda tree: (0, len(list(tree.rglob("*"))), 1), "an empty tree: bytes and inodes: expected "),
    ],
)
def test_other_usages_are_told_why_not(
    client: Client, measuring: Callable[[Path], tuple[int, int]], reason: str, said: Said
) -> None:
    check.usage(client, measuring)
    assert said().startswith(f"not yet: {reason}")


def options(own: str, parents: Sequence[str]) -> list[str]:
    lower = ":".join(f"{parent}/fs" for parent in parents)
    return [f"lowerdir={lower}", f"upperdir={own}/fs", f"workdir={own}/work"]


def from_the_base(own: str, parents: Sequence[str]) -> list[str]:
    return options(own, parents[::-1])


def without_fs(own: str, parents: Sequence[str]) -> list[str]:
    return [option.replace("/fs", "") for option in options(own, parents)]


def test_the_options_of_an_overlay_are_right_in_any_order(said: Said) -> None:
    check.overlay(options)
    assert said() == "right: the options of overlays on one, two and three layers"


@pytest.mark.parametrize(
    ("making", "reason"),
    [
        (lambda own, parents: None, "expected a list of options, got None"),
        (lambda own, parents: "lowerdir=x", "expected a list of options, got 'lowerdir=x'"),
        (from_the_base, "options, layers below: 2: expected ['lowerdir=2/fs:1/fs', "),
        (without_fs, "options, layers below: 1: expected ['lowerdir=1/fs', "),
    ],
)
def test_other_options_are_told_why_not(making: check.Options, reason: str, said: Said) -> None:
    check.overlay(making)
    assert said().startswith(f"not yet: {reason}")


def test_a_check_leaves_nothing_behind_and_what_is_of_the_reader_stays(client: Client, said: Said) -> None:
    client.snapshot_service("native").prepare("mine", labels={"containerd.io/gc.root": "yes"})
    check.names(client, names)
    check.usage(client, usage)
    with namespace("exercise"):
        assert client.snapshot_service("native").list() == []
        assert client.content_store.list() == []
    assert [info.name for info in client.snapshot_service("native").list()] == ["mine"]
