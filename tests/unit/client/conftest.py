"""What tests of images need, unless they make their own: registries that can be told what to do, a client to
fetch with, and stores to bring images to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.backend.content.store import BlobStore
from companion.client import Client
from companion.config import Config
from companion.core.content import Store
from companion.core.namespaces import namespace
from companion.daemon import Daemon
from companion.store.metadata import Metadata
from tests.daemons import short_directory
from tests.registries import Scripted


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[Metadata]:
    with Metadata(tmp_path / "meta.db", BlobStore(tmp_path / "content")) as metadata, namespace("builder"):
        yield metadata


@pytest.fixture
def store(metadata: Metadata) -> Store:
    return metadata.content_store


@pytest.fixture
def registry() -> Iterator[Scripted]:
    with Scripted() as registry:
        yield registry


@pytest.fixture
def other() -> Iterator[Scripted]:
    with Scripted() as registry:
        yield registry


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon of one test: a blob is shared by all namespaces."""
    with short_directory() as base, Daemon(Config(base / "root", base / "state")) as daemon:
        yield daemon


@pytest.fixture(params=["over the wire", "in process"])
def client(request: pytest.FixtureRequest, daemon: Daemon) -> Iterator[Client]:
    services = None if request.param == "over the wire" else daemon.services()
    with Client(daemon.address, default_namespace="test", services=services) as client:
        yield client
