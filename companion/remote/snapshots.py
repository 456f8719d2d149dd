"""The remote snapshotter: a snapshotter that owns nothing. containerd: core/snapshots/proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from companion.api.services.snapshots.v1 import snapshots_pb2 as pb
from companion.clients import SnapshotsClient
from companion.convert import mounts as convert_mounts
from companion.convert import snapshots as convert
from companion.core import snapshots
from companion.core.errors import raising_classes
from companion.core.mounts import Mount
from companion.core.snapshots import Info, Usage
from companion.core.trace import traced


@traced("remote")
class RemoteSnapshotter(snapshots.Snapshotter):
    """A shell around a client interface, for the snapshotter that the daemon knows as `name`.

    containerd: proxy.NewSnapshotter.
    """

    def __init__(self, name: str, client: SnapshotsClient) -> None:
        self._name, self._client = name, client

    def stat(self, key: str) -> Info:
        with raising_classes():
            response = self._client.Stat(pb.StatSnapshotRequest(snapshotter=self._name, key=key))
        return convert.from_message(response.info)

    def update(self, info: Info, *fieldpaths: str) -> Info:
        request = pb.UpdateSnapshotRequest(snapshotter=self._name, info=convert.to_message(info))
        if fieldpaths:
            request.update_mask.CopyFrom(FieldMask(paths=fieldpaths))
        with raising_classes():
            response = self._client.Update(request)
        return convert.from_message(response.info)

    def usage(self, key: str) -> Usage:
        with raising_classes():
            response = self._client.Usage(pb.UsageRequest(snapshotter=self._name, key=key))
        return Usage(response.size, response.inodes)

    def mounts(self, key: str) -> Sequence[Mount]:
        with raising_classes():
            response = self._client.Mounts(pb.MountsRequest(snapshotter=self._name, key=key))
        return [convert_mounts.from_message(mount) for mount in response.mounts]

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        request = pb.PrepareSnapshotRequest(snapshotter=self._name, key=key, parent=parent, labels=labels)
        with raising_classes():
            response = self._client.Prepare(request)
        return [convert_mounts.from_message(mount) for mount in response.mounts]

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> Sequence[Mount]:
        request = pb.ViewSnapshotRequest(snapshotter=self._name, key=key, parent=parent, labels=labels)
        with raising_classes():
            response = self._client.View(request)
        return [convert_mounts.from_message(mount) for mount in response.mounts]

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None) -> None:
        request = pb.CommitSnapshotRequest(snapshotter=self._name, name=name, key=key, labels=labels)
        with raising_classes():
            self._client.Commit(request)

    def remove(self, key: str) -> None:
        with raising_classes():
            self._client.Remove(pb.RemoveSnapshotRequest(snapshotter=self._name, key=key))

    def list(self, *filters: str) -> Sequence[Info]:
        with raising_classes():
            stream = self._client.List(pb.ListSnapshotsRequest(snapshotter=self._name, filters=filters))
            return [convert.from_message(message) for response in stream for message in response.info]

    def cleanup(self) -> None:
        with raising_classes():
            self._client.Cleanup(pb.CleanupRequest(snapshotter=self._name))
