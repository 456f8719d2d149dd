"""The image of the notebooks, built by its command: containerd takes it for an image like any other."""

import subprocess
import sys
from pathlib import Path

import pytest

from companion.guide import image
from tests.daemons import PROJECT, DaemonProcess
from tests.interop.conftest import connect, new_namespace

GUARD = 60.0


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "debian.tar"
    command = [sys.executable, "tools/image.py", str(file)]
    subprocess.run(command, cwd=PROJECT, check=True, timeout=GUARD)
    return file


@pytest.mark.interop
@pytest.mark.parametrize("daemon", ["companion", "containerd"])
@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_ctr_imports_and_unpacks_it(
    daemon: str, platform: str, archive: Path, request: pytest.FixtureRequest
) -> None:
    process: DaemonProcess = request.getfixturevalue(daemon)
    with connect(process, new_namespace()) as client:
        command = ["ctr", "--address", process.address, "--namespace", client.namespace, "images", "import"]
        flags = ["--snapshotter", "native", "--platform", platform, str(archive)]
        subprocess.run([*command, *flags], check=True, capture_output=True, timeout=GUARD)
        assert client.get_image(image.NAME).target.digest == image.build().target
        assert len(client.snapshot_service("native").list()) == 3
