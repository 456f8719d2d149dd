"""The plugin `snapshots`: the gRPC service Snapshots. containerd: plugins/services/snapshots/service.go."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.snapshots.v1 import snapshots_pb2 as pb
from companion.api.services.snapshots.v1 import snapshots_pb2_grpc as rpc
from companion.clients import SnapshotsClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering, passing_on


@traced("service")
class SnapshotsServer(rpc.SnapshotsServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: SnapshotsClient) -> None:
        self._local = local

    def Prepare(
        self, request: pb.PrepareSnapshotRequest, context: grpc.ServicerContext
    ) -> pb.PrepareSnapshotResponse:
        with answering(context):
            return self._local.Prepare(request)

    def View(self, request: pb.ViewSnapshotRequest, context: grpc.ServicerContext) -> pb.ViewSnapshotResponse:
        with answering(context):
            return self._local.View(request)

    def Mounts(self, request: pb.MountsRequest, context: grpc.ServicerContext) -> pb.MountsResponse:
        with answering(context):
            return self._local.Mounts(request)

    def Commit(self, request: pb.CommitSnapshotRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Commit(request)

    def Remove(self, request: pb.RemoveSnapshotRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Remove(request)

    def Stat(self, request: pb.StatSnapshotRequest, context: grpc.ServicerContext) -> pb.StatSnapshotResponse:
        with answering(context):
            return self._local.Stat(request)

    def Update(
        self, request: pb.UpdateSnapshotRequest, context: grpc.ServicerContext
    ) -> pb.UpdateSnapshotResponse:
        with answering(context):
            return self._local.Update(request)

    def List(
        self, request: pb.ListSnapshotsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ListSnapshotsResponse]:
        with answering(context):
            return passing_on(context, self._local.List(request))

    def Usage(self, request: pb.UsageRequest, context: grpc.ServicerContext) -> pb.UsageResponse:
        with answering(context):
            return self._local.Usage(request)

    def Cleanup(self, request: pb.CleanupRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Cleanup(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_SnapshotsServicer_to_server(self, server)


@register(type=GRPC, id="snapshots", requires=(SERVICE,))
def init(context: InitContext) -> SnapshotsServer:
    """The plugin `io.containerd.grpc.v1.snapshots`."""
    return SnapshotsServer(context.service("snapshots"))
