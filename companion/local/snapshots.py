"""The plugin `snapshots-service`: where snapshots are made, committed and removed, and their events sent.

containerd: plugins/services/snapshots, where the snapshotters themselves are the local plugin and the work
on messages stands on the floor above.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from grpc import StatusCode

from companion.api.events import snapshot_pb2 as event
from companion.api.services.snapshots.v1 import snapshots_pb2 as pb
from companion.clients import SnapshotsClient, Stream
from companion.convert import mounts as convert_mounts
from companion.convert import snapshots as convert
from companion.convert import typeurl
from companion.core.errors import Error, InvalidArgument, StatusError, raising_grpc
from companion.core.events import Publisher
from companion.core.snapshots import Info, Snapshotter
from companion.core.trace import traced
from companion.local.stream import LocalStream
from companion.plugin import EVENT, METADATA, SERVICE, InitContext, register
from companion.store.metadata import Metadata

_BATCH = 100
"""How many records a message of List holds at most."""


@traced("local")
class LocalSnapshotsClient(SnapshotsClient):
    """The body of the snapshots service, behind the interface that its stub has too.

    Every request names the snapshotter that it is for.
    """

    def __init__(self, metadata: Metadata, events: Publisher) -> None:
        self._metadata, self._events = metadata, events

    def Prepare(self, request: pb.PrepareSnapshotRequest, /) -> pb.PrepareSnapshotResponse:
        with raising_grpc():
            snapshotter = self._named(request.snapshotter)
            mounts = snapshotter.prepare(request.key, request.parent, dict(request.labels))
            self._publish("prepare", event.SnapshotPrepare(key=request.key, parent=request.parent))
        return pb.PrepareSnapshotResponse(mounts=map(convert_mounts.to_message, mounts))

    def View(self, request: pb.ViewSnapshotRequest, /) -> pb.ViewSnapshotResponse:
        with raising_grpc():
            snapshotter = self._named(request.snapshotter)
            mounts = snapshotter.view(request.key, request.parent, dict(request.labels))
        return pb.ViewSnapshotResponse(mounts=map(convert_mounts.to_message, mounts))

    def Mounts(self, request: pb.MountsRequest, /) -> pb.MountsResponse:
        with raising_grpc():
            mounts = self._named(request.snapshotter).mounts(request.key)
        return pb.MountsResponse(mounts=map(convert_mounts.to_message, mounts))

    def Commit(self, request: pb.CommitSnapshotRequest, /) -> Empty:
        with raising_grpc():
            self._named(request.snapshotter).commit(request.name, request.key, dict(request.labels))
            self._publish("commit", event.SnapshotCommit(key=request.key, name=request.name))
        return Empty()

    def Remove(self, request: pb.RemoveSnapshotRequest, /) -> Empty:
        with raising_grpc():
            self._named(request.snapshotter).remove(request.key)
            self._publish("remove", event.SnapshotRemove(key=request.key))
        return Empty()

    def Stat(self, request: pb.StatSnapshotRequest, /) -> pb.StatSnapshotResponse:
        with raising_grpc():
            info = self._named(request.snapshotter).stat(request.key)
        return pb.StatSnapshotResponse(info=convert.to_message(info))

    def Update(self, request: pb.UpdateSnapshotRequest, /) -> pb.UpdateSnapshotResponse:
        given, paths = convert.from_message(request.info), list(request.update_mask.paths)
        with raising_grpc():
            info = self._named(request.snapshotter).update(given, *paths)
        return pb.UpdateSnapshotResponse(info=convert.to_message(info))

    def List(self, request: pb.ListSnapshotsRequest, /) -> Stream[pb.ListSnapshotsResponse]:
        with raising_grpc():
            snapshotter = self._named(request.snapshotter)
            with _without_class():
                found = snapshotter.list(*request.filters)
        return LocalStream(_batches(found))

    def Usage(self, request: pb.UsageRequest, /) -> pb.UsageResponse:
        with raising_grpc():
            usage = self._named(request.snapshotter).usage(request.key)
        return pb.UsageResponse(size=usage.size, inodes=usage.inodes)

    def Cleanup(self, request: pb.CleanupRequest, /) -> Empty:
        with raising_grpc():
            self._named(request.snapshotter).cleanup()
        return Empty()

    def _named(self, name: str) -> Snapshotter:
        if not name:
            raise InvalidArgument("snapshotter argument missing")
        return self._metadata.snapshotter(name)

    def _publish(self, what: str, message: Message) -> None:
        self._events.publish(f"/snapshot/{what}", typeurl.pack(message))


def _batches(infos: Sequence[Info]) -> Generator[pb.ListSnapshotsResponse]:
    for start in range(0, len(infos), _BATCH):
        yield pb.ListSnapshotsResponse(info=map(convert.to_message, infos[start : start + _BATCH]))


@contextmanager
def _without_class() -> Generator[None]:
    """Let errors leave the block as UNKNOWN: containerd gives no status to those of List."""
    try:
        yield
    except Error as error:
        raise StatusError(StatusCode.UNKNOWN, str(error)) from error


@register(type=SERVICE, id="snapshots-service", requires=(EVENT, METADATA))
def init(context: InitContext) -> LocalSnapshotsClient:
    """The plugin `io.containerd.service.v1.snapshots-service`."""
    return LocalSnapshotsClient(context.get(METADATA), context.get(EVENT))
