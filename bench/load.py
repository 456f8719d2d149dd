"""The load: processes of callers, each with a connection of its own, that repeat one operation."""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from bench.servers import Server
from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub

RECORDS = 100
"""How many records a caller owns while it reads, updates and deletes."""

_PROCESSES = 4
_OPTIONS = (("grpc.max_receive_message_length", 64 << 20), ("grpc.use_local_subchannel_pool", 1))
_SPEC = b'{"ociVersion":"1.0.2-dev","process":{"args":["sleep","100"],"cwd":"/"},"root":{"path":"rootfs"}}'

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing to measure: an operation by so many callers, for so many seconds or so many times each."""

    operation: str
    callers: int
    namespace: str
    seconds: float = 0.0
    times: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What a phase gave: operations a second, and for one of them latencies and server time in seconds."""

    rate: float
    p50: float
    p99: float
    cpu: float


def measure(server: Server, phase: Phase) -> Result:
    """Run one phase against a server; the clock starts when every caller is connected."""
    context = multiprocessing.get_context("spawn")
    processes = min(_PROCESSES, phase.callers)
    barrier, results = context.Barrier(processes + 1), context.Queue()
    shares = [range(n, phase.callers, processes) for n in range(processes)]
    workers = [
        context.Process(target=_work, args=(server.address, phase, share, barrier, results))
        for share in shares
    ]
    for worker in workers:
        worker.start()
    barrier.wait()
    cpu = server.cpu()
    latencies, spans = [], []
    for _ in workers:
        of_process, span = results.get()
        latencies += of_process
        spans.append(span)
    cpu = server.cpu() - cpu
    for worker in workers:
        worker.join()
    ranked = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return Result(len(latencies) / max(spans), ranked[49], ranked[98], cpu / len(latencies))


def _work(address: str, phase: Phase, callers: range, barrier: Any, results: Any) -> None:
    """One process of callers: a thread and a connection each."""
    latencies: list[float] = []
    began: list[float] = []
    channels = [grpc.insecure_channel(f"unix:{address}", options=_OPTIONS) for _ in callers]
    for channel in channels:
        grpc.channel_ready_future(channel).result(20)

    def all_ready() -> None:
        barrier.wait()
        began.append(time.perf_counter())

    start = threading.Barrier(len(callers), action=all_ready)
    threads = [
        threading.Thread(target=_call, args=(ContainersStub(channel), phase, f"c{caller}", start, latencies))
        for channel, caller in zip(channels, callers, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((latencies, time.perf_counter() - began[0]))
    for channel in channels:
        channel.close()


def _call(
    stub: ContainersStub, phase: Phase, caller: str, start: threading.Barrier, into: list[float]
) -> None:
    operation = OPERATIONS[phase.operation]
    metadata: Metadata = (("containerd-namespace", phase.namespace),)
    start.wait()
    end, n = time.perf_counter() + phase.seconds, 0
    while n < phase.times if phase.times else time.perf_counter() < end:
        before = time.perf_counter()
        operation(
            stub, f"{caller}-{n}" if phase.times else f"{caller}-t{n}", f"{caller}-{n % RECORDS}", metadata
        )
        into.append(time.perf_counter() - before)
        n += 1


def _record(id: str) -> pb.Container:
    record = pb.Container(id=id, labels={"app": "bench", "n": id}, image="docker.io/library/debian:latest")
    record.runtime.name = "io.containerd.runc.v2"
    record.spec.type_url = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
    record.spec.value = _SPEC
    return record


# An operation is given a new name, the name of a record that is there, and the headers.
def _create(stub: ContainersStub, new: str, old: str, metadata: Metadata) -> None:
    stub.Create(pb.CreateContainerRequest(container=_record(new)), metadata=metadata)


def _get(stub: ContainersStub, new: str, old: str, metadata: Metadata) -> None:
    stub.Get(pb.GetContainerRequest(id=old), metadata=metadata)


def _update(stub: ContainersStub, new: str, old: str, metadata: Metadata) -> None:
    request = pb.UpdateContainerRequest(container=_record(old))
    request.container.labels["n"] = new
    request.update_mask.paths.append("labels")
    stub.Update(request, metadata=metadata)


def _delete(stub: ContainersStub, new: str, old: str, metadata: Metadata) -> None:
    stub.Delete(pb.DeleteContainerRequest(id=new), metadata=metadata)


def _list(stub: ContainersStub, new: str, old: str, metadata: Metadata) -> None:
    stub.List(pb.ListContainersRequest(), metadata=metadata)


def _liststream(stub: ContainersStub, new: str, old: str, metadata: Metadata) -> None:
    for _ in stub.ListStream(pb.ListContainersRequest(), metadata=metadata):
        pass


OPERATIONS: dict[str, Callable[[ContainersStub, str, str, Metadata], None]] = {
    "create": _create,
    "get": _get,
    "update": _update,
    "delete": _delete,
    "list": _list,
    "liststream": _liststream,
}
