"""containerd's own Go client against ours and against containerd: it cannot tell them apart."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.daemons import DaemonProcess

pytestmark = pytest.mark.interop

SOURCE = Path(__file__).with_name("goclient")
LIBRARY = Path("/usr/share/gocode")
INSTALL = "apt-get install --yes golang-go golang-github-containerd-containerd-dev"

BUILD_GUARD = 600.0
"""Seconds until a build counts as hung; the first one compiles the library too."""

RUN_GUARD = 120.0
"""Seconds until the program counts as hung."""


@pytest.fixture(scope="module")
def goclient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built. What the compiler has made before, it finds in the user's cache."""
    if shutil.which("go") is None or not (LIBRARY / "src/github.com/containerd/containerd").exists():
        pytest.skip(f"containerd's Go client cannot be built; as root: {INSTALL}")
    program = tmp_path_factory.mktemp("goclient") / "goclient"
    # Without cgo no C compiler is needed: golang-go does not depend on one.
    settings = {"GO111MODULE": "off", "GOPATH": str(LIBRARY), "GOFLAGS": "", "CGO_ENABLED": "0"}
    command = ["go", "build", "-o", str(program), "."]
    subprocess.run(command, cwd=SOURCE, env={**os.environ, **settings}, timeout=BUILD_GUARD, check=True)
    return program


def transcript(goclient: Path, daemon: DaemonProcess, *arguments: str) -> list[str]:
    command = [str(goclient), daemon.address, "goclient", *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=RUN_GUARD, check=True)
    return result.stdout.splitlines()


def test_the_same_program_gets_the_same(
    goclient: Path, new_companion: DaemonProcess, new_containerd: DaemonProcess
) -> None:
    assert transcript(goclient, new_companion) == transcript(goclient, new_containerd)


@pytest.mark.overlayfs
@pytest.mark.parametrize("snapshotter", ["overlayfs", "native"])
def test_the_same_program_gets_the_same_of_images(
    goclient: Path,
    snapshotter: str,
    registry: str,
    new_companion: DaemonProcess,
    new_containerd: DaemonProcess,
) -> None:
    arguments = (registry, snapshotter)
    assert transcript(goclient, new_companion, *arguments) == transcript(goclient, new_containerd, *arguments)
