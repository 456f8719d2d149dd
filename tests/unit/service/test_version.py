"""The version that the daemon tells."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from companion.api.services.version.v1.version_pb2_grpc import VersionStub
from companion.core.version import Version
from companion.plugin import InitContext, PluginSet
from companion.remote.version import remote_version
from companion.service.version import init
from tests.unit.service.conftest import Serve


def test_the_version_is_marked_as_ours(serve: Serve, tmp_path: Path) -> None:
    plugin = init(InitContext(tmp_path, tmp_path, "", {}, PluginSet()))
    ours = f"{version('companion')}+companion"
    assert remote_version(VersionStub(serve(plugin))) == Version(version=ours, revision=ours)
