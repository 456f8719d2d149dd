"""Rules of the house: style, types, who may import whom, sizes, nothing of one machine."""

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))
MACHINE = re.compile(r"(?<![\w.])/(work|root|home|Users)/[\w.]+")
REGISTRY = re.compile(r"\b(pypi|pythonhosted|anaconda|npmjs|proxy\.golang|deb\.debian)\.(org|com)\b")
NOT_OURS = {".git", ".venv", "__pycache__", "build", ".ipynb_checkpoints", ".hypothesis"}


def tree() -> Iterator[Path]:
    """The files of the project, without what is installed, built or cached."""
    for directory, names, files in os.walk(ROOT):
        names[:] = [n for n in names if n not in NOT_OURS and not n.endswith(("_cache", ".egg-info"))]
        yield from (Path(directory, name) for name in files if name not in NOT_OURS)


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy", "lint-imports"])
def test_passes(command: str) -> None:
    program, *arguments = command.split()
    result = subprocess.run(
        [SCRIPTS / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        pytest.fail(result.stdout + result.stderr, pytrace=False)


def test_no_file_of_the_companion_is_over_400_lines() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in (ROOT / "companion").rglob("*.py")
        if ROOT / "companion/api" not in path.parents
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


@pytest.mark.parametrize(
    ("package", "mark"),
    [("grpcio", r"GRPC_GENERATED_VERSION = '(.+)'"), ("protobuf", r"# Protobuf Python Version: (.+)")],
)
def test_the_oldest_version_asked_for_is_the_one_that_the_generated_code_needs(
    package: str, mark: str
) -> None:
    generated = "".join(path.read_text() for path in (ROOT / "companion/api").rglob("*.py"))
    (needed,) = set(re.findall(mark, generated))
    assert f'"{package}>={needed},<' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("pattern", [MACHINE, REGISTRY], ids=["path of a machine", "registry's host"])
def test_the_tree_names_no(pattern: re.Pattern[str]) -> None:
    named = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tree()
        for match in pattern.finditer(path.read_text(errors="replace"))
    ]
    assert named == []
