"""The local plugin of snapshots: how its List is cut into messages."""

from pathlib import Path

import pytest

from companion.api.services.snapshots.v1 import snapshots_pb2 as pb
from companion.backend.content.store import BlobStore
from companion.backend.exchange import Exchange
from companion.backend.snapshots.native import NativeSnapshotter
from companion.core.namespaces import namespace
from companion.local.snapshots import LocalSnapshotsClient
from companion.store.metadata import Metadata


@pytest.mark.parametrize(("snapshots", "messages"), [(0, []), (1, [1]), (100, [100]), (201, [100, 100, 1])])
def test_a_message_has_up_to_100_records(snapshots: int, messages: list[int], tmp_path: Path) -> None:
    backend = NativeSnapshotter(tmp_path / "native")
    with Metadata(tmp_path / "db", BlobStore(tmp_path / "content"), {"native": backend}) as metadata:
        client = LocalSnapshotsClient(metadata, Exchange())
        with namespace("test"):
            for number in range(snapshots):
                client.View(pb.ViewSnapshotRequest(snapshotter="native", key=str(number)))
            stream = client.List(pb.ListSnapshotsRequest(snapshotter="native"))
            assert [len(message.info) for message in stream] == messages
    backend.close()
