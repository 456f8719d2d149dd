"""Archives of images: what our client writes, others read; what others write, our client reads."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from companion.client import Client
from companion.core.image_parts import walk
from tests.daemons import DaemonProcess
from tests.interop.conftest import connect, new_namespace
from tests.interop.scenario import run

pytestmark = pytest.mark.interop

SAMPLES = {
    "one": ["docker.io/library/one:1"],
    "tagged": ["example.com/base:latest", "example.com/base:v2"],
    "many": ["example.com/many:1"],
    "docker": ["docker.io/library/busy:1", "example.com/busy:latest"],
}
"""The images of each archive in the workspace, of which those that are only tags have a base name."""

BASE = "example.com/base"


@pytest.fixture(params=["companion", "containerd"])
def daemon(request: pytest.FixtureRequest) -> DaemonProcess:
    found: DaemonProcess = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(daemon: DaemonProcess) -> Iterator[Client]:
    with connect(daemon, new_namespace()) as client:
        yield client


@pytest.fixture
def other(daemon: DaemonProcess) -> Iterator[Client]:
    """A client of the same daemon in another namespace."""
    with connect(daemon, new_namespace()) as client:
        yield client


def ctr(client: Client, command: str, directory: Path, daemon: DaemonProcess) -> str:
    environment = {"CONTAINERD_ADDRESS": daemon.address, "CONTAINERD_NAMESPACE": client.namespace}
    outcome = run(f"ctr {command}", environment, directory)
    assert outcome.code == 0, outcome.text
    return outcome.stdout


def import_sample(client: Client, directory: Path, sample: str) -> list[str]:
    with (directory / f"{sample}.tar").open("rb") as file:
        return [image.name for image in client.import_image(file, base_name=BASE)]


def export(client: Client, *names: str, all_platforms: bool = False) -> bytes:
    file = io.BytesIO()
    client.export_image(file, *names, all_platforms=all_platforms)
    return file.getvalue()


def members(data: bytes) -> Mapping[str, tuple[object, ...]]:
    """All that an archive says of its members, and their bytes, in their order."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            source = archive.extractfile(member)
            told = (
                member.type,
                member.mode,
                member.uid,
                member.gid,
                member.uname,
                member.gname,
                member.mtime,
            )
            found[member.name] = (*told, source.read() if source else b"")
    return found


def held(client: Client) -> dict[str, Mapping[str, str]]:
    """What the blobs hold that images lead to; what nothing holds may be gone by now."""
    store = client.content_store
    targets = [image.target for image in client.list_images()]
    blobs = {each.digest for target in targets for each in walk(store, target)}
    return {info.digest: info.labels for info in store.list() if info.digest in blobs and info.labels}


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_import_leaves_what_that_of_ctr_leaves(
    sample: str, client: Client, other: Client, daemon: DaemonProcess, workspace: Path
) -> None:
    assert import_sample(client, workspace, sample) == SAMPLES[sample]
    prefix = f"--base-name {BASE}" if sample == "tagged" else ""
    ctr(other, f"images import --no-unpack {prefix} {sample}.tar", workspace, daemon)
    listed = [ctr(each, "images ls", workspace, daemon) for each in (client, other)]
    assert listed[0] == listed[1]
    assert held(client) == held(other)


@pytest.mark.parametrize("sample", SAMPLES)
def test_an_export_has_what_that_of_ctr_has(
    sample: str, client: Client, daemon: DaemonProcess, workspace: Path
) -> None:
    import_sample(client, workspace, sample)
    for name in SAMPLES[sample]:
        ctr(client, f"images export theirs.tar {name}", workspace, daemon)
        theirs, ours = members((workspace / "theirs.tar").read_bytes()), members(export(client, name))
        assert list(ours.items()) == list(theirs.items())


def test_an_export_of_all_platforms_has_what_that_of_ctr_has(
    client: Client, daemon: DaemonProcess, workspace: Path
) -> None:
    with (workspace / "many.tar").open("rb") as file:
        [image] = client.import_image(file, all_platforms=True)
    ctr(client, f"images export --all-platforms theirs.tar {image.name}", workspace, daemon)
    ours = members(export(client, image.name, all_platforms=True))
    assert list(ours.items()) == list(members((workspace / "theirs.tar").read_bytes()).items())


@pytest.mark.parametrize("sample", SAMPLES)
def test_ctr_reads_what_we_export(
    sample: str, client: Client, other: Client, daemon: DaemonProcess, workspace: Path
) -> None:
    import_sample(client, workspace, sample)
    (workspace / "ours.tar").write_bytes(export(client, *SAMPLES[sample]))
    ctr(other, "images import --no-unpack ours.tar", workspace, daemon)
    assert ctr(other, "images ls -q", workspace, daemon).splitlines() == SAMPLES[sample]
    checked = ctr(other, "images check", workspace, daemon)
    assert checked.count("complete (") == len(SAMPLES[sample])


@pytest.mark.parametrize("sample", SAMPLES)
def test_we_read_what_ctr_exports(
    sample: str, client: Client, other: Client, daemon: DaemonProcess, workspace: Path
) -> None:
    import_sample(client, workspace, sample)
    ctr(client, f"images export theirs.tar {' '.join(SAMPLES[sample])}", workspace, daemon)
    assert import_sample(other, workspace, "theirs") == SAMPLES[sample]
    assert held(other) == held(client)


def test_an_image_goes_from_one_daemon_to_the_other(
    companion: DaemonProcess, containerd: DaemonProcess, workspace: Path
) -> None:
    with connect(companion, new_namespace()) as ours, connect(containerd, new_namespace()) as theirs:
        import_sample(ours, workspace, "one")
        data = export(ours, *SAMPLES["one"])
        theirs.import_image(io.BytesIO(data))
        assert export(theirs, *SAMPLES["one"]) == data
        assert held(ours) == held(theirs)


def skopeo(directory: Path, source: str, destination: str) -> None:
    command = ["skopeo", "--insecure-policy", "copy", source, destination]
    subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_we_read_what_skopeo_writes(transport: str, client: Client, workspace: Path) -> None:
    skopeo(workspace, "oci-archive:one.tar", f"{transport}:theirs.tar:example.com/base:latest")
    with (workspace / "theirs.tar").open("rb") as file:
        [image] = client.import_image(file)
    assert image.name == "example.com/base:latest"
    assert client.get_image(image.name).usage() == client.get_image(image.name).size()
    assert len(client.get_image(image.name).rootfs()) == 2


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_skopeo_reads_what_we_export(transport: str, client: Client, workspace: Path) -> None:
    import_sample(client, workspace, "one")
    (workspace / "ours.tar").write_bytes(export(client, *SAMPLES["one"]))
    skopeo(workspace, f"{transport}:ours.tar", "dir:copied")
    assert len(list((workspace / "copied").iterdir())) == 5
