"""The notebooks as on Binder: an ordinary user, a checkout of his own, a home directory elsewhere."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.notebooks.series import IDS, NOTEBOOKS, ROOT

UID = GID = 1000
CAP_DAC_READ_SEARCH = 2
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "*.egg-info", "build")


def as_ordinary_user() -> list[str]:
    """The start of a command line that gives up root; empty for whoever is no root.

    The one thing kept, where root here has it, is the right to read: the interpreter may well lie below
    a directory that is closed to others, such as root's own home.
    """
    if os.geteuid() != 0:
        return []
    drop = ["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", "--no-new-privs"]
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], base=16)
    if effective >> CAP_DAC_READ_SEARCH & 1:
        drop += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return drop


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """`home` and `checkout`, a copy of this one, belonging to the user who will run the notebooks."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "home").mkdir()
        shutil.copytree(ROOT, directory / "checkout", ignore=NOT_COPIED)
        if os.geteuid() == 0:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, UID, GID, follow_symlinks=False)
        yield directory


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_an_unprivileged_user_gets_the_stored_outputs(path: Path, directory: Path) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "CI") if name in os.environ}
    checkout, home = directory / "checkout", directory / "home"
    result = subprocess.run(
        [*as_ordinary_user(), sys.executable, "-m", "pytest", path],
        cwd=checkout,
        env={**kept, "HOME": str(home), "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if result.returncode != 0:
        pytest.fail(result.stdout + result.stderr, pytrace=False)
