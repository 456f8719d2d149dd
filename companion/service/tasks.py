"""The plugin `tasks`: the gRPC service Tasks.

containerd: plugins/services/tasks/service.go.
"""

from __future__ import annotations

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.tasks.v1 import tasks_pb2 as pb
from companion.api.services.tasks.v1 import tasks_pb2_grpc as rpc
from companion.clients import TasksClient
from companion.core.trace import traced
from companion.plugin import GRPC, SERVICE, InitContext, register
from companion.service.status import answering


@traced("service")
class TasksServer(rpc.TasksServicer):
    """Passes every call to the local plugin and turns its error into the call's status."""

    def __init__(self, local: TasksClient) -> None:
        self._local = local

    def Create(self, request: pb.CreateTaskRequest, context: grpc.ServicerContext) -> pb.CreateTaskResponse:
        with answering(context):
            return self._local.Create(request)

    def Start(self, request: pb.StartRequest, context: grpc.ServicerContext) -> pb.StartResponse:
        with answering(context):
            return self._local.Start(request)

    def Delete(self, request: pb.DeleteTaskRequest, context: grpc.ServicerContext) -> pb.DeleteResponse:
        with answering(context):
            return self._local.Delete(request)

    def DeleteProcess(
        self, request: pb.DeleteProcessRequest, context: grpc.ServicerContext
    ) -> pb.DeleteResponse:
        with answering(context):
            return self._local.DeleteProcess(request)

    def Get(self, request: pb.GetRequest, context: grpc.ServicerContext) -> pb.GetResponse:
        with answering(context):
            return self._local.Get(request)

    def List(self, request: pb.ListTasksRequest, context: grpc.ServicerContext) -> pb.ListTasksResponse:
        with answering(context):
            return self._local.List(request)

    def Kill(self, request: pb.KillRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Kill(request)

    def Exec(self, request: pb.ExecProcessRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Exec(request)

    def ResizePty(self, request: pb.ResizePtyRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.ResizePty(request)

    def CloseIO(self, request: pb.CloseIORequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.CloseIO(request)

    def Pause(self, request: pb.PauseTaskRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Pause(request)

    def Resume(self, request: pb.ResumeTaskRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Resume(request)

    def ListPids(self, request: pb.ListPidsRequest, context: grpc.ServicerContext) -> pb.ListPidsResponse:
        with answering(context):
            return self._local.ListPids(request)

    def Checkpoint(
        self, request: pb.CheckpointTaskRequest, context: grpc.ServicerContext
    ) -> pb.CheckpointTaskResponse:
        with answering(context):
            return self._local.Checkpoint(request)

    def Update(self, request: pb.UpdateTaskRequest, context: grpc.ServicerContext) -> Empty:
        with answering(context):
            return self._local.Update(request)

    def Metrics(self, request: pb.MetricsRequest, context: grpc.ServicerContext) -> pb.MetricsResponse:
        with answering(context):
            return self._local.Metrics(request)

    def Wait(self, request: pb.WaitRequest, context: grpc.ServicerContext) -> pb.WaitResponse:
        with answering(context):
            return self._local.Wait(request)

    def register(self, server: grpc.Server) -> None:
        """Tie the service to a server."""
        rpc.add_TasksServicer_to_server(self, server)


@register(type=GRPC, id="tasks", requires=(SERVICE,))
def init(context: InitContext) -> TasksServer:
    """The plugin `io.containerd.grpc.v1.tasks`."""
    return TasksServer(context.service("tasks"))
