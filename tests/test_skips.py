"""The hooks of conftest.py, on a small suite of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = """
import pytest

@pytest.mark.interop
def test_real(): pass

def test_skipped(): pytest.skip("no reason")
"""


def run_suite(directory: Path, **environment: str) -> str:
    """What pytest prints where no containerd is on the PATH."""
    shutil.copy(Path(__file__).with_name("conftest.py"), directory)
    (directory / "test_suite.py").write_text(SUITE)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = interop")
    return subprocess.run(
        [sys.executable, "-m", "pytest"],
        cwd=directory,
        env={**os.environ, "PATH": str(directory), **environment},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_without_containerd_its_tests_are_skipped_and_the_end_tells_how_to_install_it(tmp_path: Path) -> None:
    printed = run_suite(tmp_path, CI="")
    assert (
        "1 tests skipped, interop: no containerd, ctr, runc on the PATH; as root: apt-get install" in printed
    )
    assert "= 2 skipped in" in printed


def test_in_ci_a_skip_is_a_failure(tmp_path: Path) -> None:
    printed = run_suite(tmp_path, CI="true")
    assert "CI=true allows no skip, but: Skipped: no reason" in printed
    assert "= 1 failed, 1 error in" in printed
