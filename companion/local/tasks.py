"""The plugin `tasks-service`: the running side of containers, of which there is none yet.

containerd: plugins/services/tasks/local.go.
"""

from __future__ import annotations

from typing import NoReturn

from google.protobuf.message import Message
from grpc import StatusCode

from companion.api.services.tasks.v1 import tasks_pb2 as pb
from companion.clients import TasksClient
from companion.core import containers, namespaces
from companion.core.errors import StatusError, Unimplemented, raising_grpc, to_grpc
from companion.core.trace import traced
from companion.plugin import EVENT, METADATA, MONITOR, RUNTIME, RUNTIME_V2, SERVICE, InitContext, register
from companion.store.containers import ContainerStore


def _not_yet(_client: object, _request: Message, /) -> NoReturn:
    raise to_grpc(Unimplemented("this daemon cannot run tasks yet"))


@traced("local")
class LocalTasksClient(TasksClient):
    """The body of the tasks service, behind the interface that its stub has too.

    It knows which containers there are, and that none of them has a task.
    """

    def __init__(self, store: containers.Store) -> None:
        self._store = store

    def Get(self, request: pb.GetRequest, /) -> pb.GetResponse:
        with raising_grpc():
            container = self._store.get(request.container_id)
            raise StatusError(StatusCode.NOT_FOUND, f"task {container.id} not found")

    def List(self, request: pb.ListTasksRequest, /) -> pb.ListTasksResponse:
        with raising_grpc():
            namespaces.required()
        return pb.ListTasksResponse()

    Create = Start = Delete = DeleteProcess = Kill = Exec = ResizePty = CloseIO = _not_yet
    Pause = Resume = ListPids = Checkpoint = Update = Metrics = Wait = _not_yet


@register(type=SERVICE, id="tasks-service", requires=(EVENT, RUNTIME, RUNTIME_V2, METADATA, MONITOR))
def init(context: InitContext) -> LocalTasksClient:
    """The plugin `io.containerd.service.v1.tasks-service`."""
    return LocalTasksClient(ContainerStore(context.get(METADATA)))
