"""Checks of the exercises of the chapter on the gRPC service. What they write, they remove."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.client import Client, namespace
from companion.clients import ContainersClient
from companion.core import namespaces
from companion.core.errors import PermissionDenied
from companion.daemon import Daemon
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.serving import Registering, serving
from companion.guide.store_suite import check_store, sample
from companion.guide.wire import tapped
from companion.service.containers import ContainersServer
from companion.service.interceptor import CallContext
from companion.service.stream_pool import StreamPool

Header = tuple[str, str]

_KEY = namespaces.HEADER
_HEADERS: dict[str, tuple[Header, ...]] = {
    "no header": (),
    "an empty header": ((_KEY, ""),),
    "first builder, then moby": ((_KEY, "builder"), (_KEY, "moby")),
    "a b": ((_KEY, "a b"),),
}
_PATIENCE = 10.0


@judged
def prediction(predicted: Mapping[str, object], daemon: Daemon) -> str:
    """Hold what a reader predicts of four calls against what the daemon answers."""
    with grpc.insecure_channel(f"unix:{daemon.address}") as channel:
        came = {name: _listed(ContainersStub(channel), headers) for name, headers in _HEADERS.items()}
    wrong = [name for name in came if predicted.get(name) != came[name]]
    if wrong:
        right, said = len(came) - len(wrong), predicted.get(wrong[0])
        raise NotYet(f"{right} of {len(came)} right; for {wrong[0]!r} the daemon does not answer {said!r}")
    return f"the daemon answers {came!r}"


@judged
def framing(
    frame: Callable[[bytes], bytes], unframe: Callable[[bytes], Sequence[bytes] | None], daemon: Daemon
) -> str:
    """Compare the reader's frames with those that pass between a client and the daemon."""
    with _records(daemon, "one", "two"), tapped(daemon.address) as wire, Client(wire.address) as client:
        client.container_service.list("id!=nobody")
    [call] = wire.calls()
    data = {
        sender: b"".join(part.data for part in call if (part.sender, part.kind) == (sender, "DATA"))
        for sender in ("client", "server")
    }
    message = pb.ListContainersRequest(filters=["id!=nobody"]).SerializeToString()
    expect(f"frame({message!r})", data["client"], frame(message))
    expect("unframe(b'')", [], unframe(b""))
    ids = [pb.ListContainerMessage.FromString(each).container.id for each in unframe(data["server"]) or ()]
    expect("ids of the records in a stream", ["one", "two"], ids)
    return "your frame is the client's, byte for byte, and out of the daemon's stream came both records"


@judged
def read_only(interceptor: grpc.ServerInterceptor, daemon: Daemon) -> str:
    """Serve the finished service behind the reader's interceptor; read and write through it."""
    with _records(daemon, "kept") as local, _visiting(ContainersServer(local), interceptor) as client:
        store = client.container_service
        expect("Get", "kept", store.get("kept").id)
        expect("ListStream", ["kept"], [record.id for record in store.list()])
        for name, write in {
            "Create": lambda: store.create(sample("other")),
            "Update": lambda: store.update(sample("kept", image="new"), "image"),
            "Delete": lambda: store.delete("kept"),
        }.items():
            expect(name, "PermissionDenied: read only: permission denied", _refusal(write))
        left = [record.container.image for record in local.ListStream(pb.ListContainersRequest())]
        expect("images of the records afterwards", [""], left)
    return "Get and ListStream are answered; Create, Update and Delete are refused, and nothing was written"


@judged
def whole_service(make: Callable[[Any], Registering], daemon: Daemon) -> str:
    """Run the suite of a store through the reader's service, then leave one of its streams."""
    local = daemon.services().containers
    assert local is not None
    with _visiting(make(local)) as client:
        *cases, count = check_store(client.container_service).splitlines()
    for case in cases:
        if case.startswith("not yet: "):
            raise NotYet(f"{count}; the first that does not: {case.removeprefix('not yet: ')}")
    expect("a stream whose caller has gone", "cut", _fate_of_a_stream(make))
    return f"{count} through your service, and a stream is cut when its caller has gone"


class _Endless:
    """A local plugin whose list never ends: after one message its stream waits to be cut."""

    def __init__(self) -> None:
        self._told = False
        self.cut = threading.Event()

    def ListStream(self, request: pb.ListContainersRequest, /) -> _Endless:
        return self

    def __iter__(self) -> Iterator[pb.ListContainerMessage]:
        return self

    def __next__(self) -> pb.ListContainerMessage:
        if self._told:
            self.cut.wait()
            raise StopIteration
        self._told = True
        return pb.ListContainerMessage()

    def cancel(self) -> None:
        self.cut.set()


def _fate_of_a_stream(make: Callable[[Any], Registering]) -> str:
    endless = _Endless()
    with serving(make(endless)) as address, grpc.insecure_channel(f"unix:{address}") as channel:
        stream = ContainersStub(channel).ListStream(pb.ListContainersRequest())
        next(stream)
        stream.cancel()
        fate = "cut" if endless.cut.wait(_PATIENCE) else "still open"
        endless.cut.set()
    return fate


def _listed(stub: ContainersStub, headers: tuple[Header, ...]) -> int | str:
    try:
        return len(stub.List(pb.ListContainersRequest(), metadata=headers).containers)
    except grpc.RpcError as error:
        return str(error.code().name)


def _refusal(write: Callable[[], object]) -> str | None:
    try:
        write()
    except PermissionDenied as error:
        return f"PermissionDenied: {error}"
    return None


@contextmanager
def _records(daemon: Daemon, *ids: str) -> Iterator[ContainersClient]:
    """Keep records of these ids in a namespace of the check's own; gives the local plugin."""
    services = daemon.services()
    assert services.containers is not None
    with Client(services=services) as inside, namespace("exercise"):
        store = inside.container_service
        for name in ids:
            store.create(sample(name))
        try:
            yield services.containers
        finally:
            for record in store.list():
                store.delete(record.id)


@contextmanager
def _visiting(service: Registering, *interceptors: grpc.ServerInterceptor) -> Iterator[Client]:
    """Serve a service as the daemon does, with interceptors of the reader's behind the daemon's."""
    with (
        StreamPool(4) as streams,
        serving(service, interceptors=[CallContext(streams), *interceptors]) as address,
        Client(address) as client,
    ):
        yield client
