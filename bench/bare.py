"""A gRPC server that answers Get from a dict: the most that the Python library allows."""

from __future__ import annotations

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1 import containers_pb2_grpc as rpc


class Bare(rpc.ContainersServicer):
    """Creates into a dict, without namespaces, and reads from it."""

    def __init__(self) -> None:
        self._records: dict[str, pb.Container] = {}

    def Create(
        self, request: pb.CreateContainerRequest, context: grpc.ServicerContext
    ) -> pb.CreateContainerResponse:
        self._records[request.container.id] = request.container
        return pb.CreateContainerResponse(container=request.container)

    def Get(self, request: pb.GetContainerRequest, context: grpc.ServicerContext) -> pb.GetContainerResponse:
        return pb.GetContainerResponse(container=self._records[request.id])

    def Delete(self, request: pb.DeleteContainerRequest, context: grpc.ServicerContext) -> Empty:
        self._records.pop(request.id, None)
        return Empty()


def main(address: str) -> None:
    """Serve on a unix socket until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    server = grpc.server(ThreadPoolExecutor(16))
    rpc.add_ContainersServicer_to_server(Bare(), server)  # type: ignore[abstract]
    server.add_insecure_port(f"unix:{address}")
    server.start()
    stop.wait()
    server.stop(0).wait()


if __name__ == "__main__":
    main(sys.argv[1])
