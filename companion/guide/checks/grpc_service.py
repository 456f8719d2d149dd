"""Checks of the exercises of the chapter on the gRPC service. What they write, they remove."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.client import Client, namespace
from companion.clients import ContainersClient
from companion.convert import containers as convert
from companion.core import namespaces
from companion.core.containers import Store
from companion.daemon import Daemon
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.describe import describe_error
from companion.guide.served import Registering, served, serving
from companion.guide.store_suite import CASES, run, sample
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
_NAMESPACE = "exercise"
_READING = ("Get", "List", "ListStream")
_REQUESTS: dict[str, Message] = {
    "Get": pb.GetContainerRequest(id="kept"),
    "List": pb.ListContainersRequest(),
    "ListStream": pb.ListContainersRequest(),
    "Create": pb.CreateContainerRequest(container=convert.to_message(sample("other"))),
    "Update": pb.UpdateContainerRequest(container=convert.to_message(sample("kept", image="new"))),
    "Delete": pb.DeleteContainerRequest(id="kept"),
}
_PATIENCE = 10.0


@judged
def prediction(predicted: Mapping[str, object], daemon: Daemon) -> str:
    """Hold what a reader predicts of four calls against what the daemon answers."""
    with grpc.insecure_channel(f"unix:{daemon.address}") as channel:
        came = {name: _listed(ContainersStub(channel), headers) for name, headers in _HEADERS.items()}
    wrong = [name for name in came if predicted.get(name) != came[name]]
    if wrong:
        said = predicted.get(wrong[0])
        why = "nothing is predicted" if said is None else f"the daemon does not answer {said!r}"
        raise NotYet(f"{len(came) - len(wrong)} of {len(came)} right; for {wrong[0]!r} {why}")
    return f"the daemon answers {came!r}"


@judged
def framing(
    frame: Callable[[bytes], bytes], unframe: Callable[[bytes], Iterable[bytes] | None], daemon: Daemon
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
    came = unframe(frame(b"one") + frame(b"two"))
    came = came if came is None else list(came)
    expect("unframe(frame(b'one') + frame(b'two'))", [b"one", b"two"], came)
    ids = [pb.ListContainerMessage.FromString(each).container.id for each in unframe(data["server"]) or ()]
    expect("ids of the records in a stream", ["one", "two"], ids)
    return "your frame is the client's, byte for byte, and out of the daemon's stream came both records"


@judged
def read_only(interceptor: grpc.ServerInterceptor, daemon: Daemon) -> str:
    """Serve the finished service behind the reader's interceptor; read and write through it."""
    with _records(daemon, "kept") as local, _behind(interceptor, ContainersServer(local)) as stub:
        for name, request in _REQUESTS.items():
            wanted = "OK" if name in _READING else "PERMISSION_DENIED: read only"
            expect(name, wanted, _ending(getattr(stub, name), request))
        left = [record.container.image for record in local.ListStream(pb.ListContainersRequest())]
        expect("images of the records afterwards", [""], left)
    return "Get, List and ListStream are answered; the others are refused, and nothing was written"


@judged
def whole_service(make: Callable[[Any], Registering], daemon: Daemon) -> str:
    """Run the suite of a store through the reader's service, then leave one of its streams."""
    local = daemon.services().containers
    assert local is not None
    with served(make(local)) as client:
        unmet = _unmet(client.container_service, daemon)
    count = f"{len(CASES) - len(unmet)} of {len(CASES)} hold"
    if unmet:
        raise NotYet(f"{count}; the first that does not: {unmet[0]}")
    refused = "FAILED_PRECONDITION: namespace is required: failed precondition"
    expect("List, where no interceptor sets the namespace", refused, _listing(make(local)))
    expect("a stream whose caller has gone", "cut", _fate_of_a_stream(make))
    return f"{count} through your service, and a stream is cut when its caller has gone"


def _unmet(store: Store, daemon: Daemon) -> list[str]:
    """Return the cases of the suite that do not hold, each in records that the ones before did not touch."""
    unmet = []
    for case in CASES:
        with _records(daemon, place="suite"):
            try:
                run(case, store)
            except Exception as error:
                unmet.append(f"{case.__name__.replace('_', ' ')}: {describe_error(error)}")
    return unmet


def _listing(service: Registering) -> str:
    """Call `List`, which the suite of a store does not need."""
    with serving(service) as address, grpc.insecure_channel(f"unix:{address}") as channel:
        return _ending(ContainersStub(channel).List, pb.ListContainersRequest())


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
        try:
            next(stream)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
        stream.cancel()
        fate = "cut" if endless.cut.wait(_PATIENCE) else "still open"
        endless.cut.set()
    return fate


def _listed(stub: ContainersStub, headers: tuple[Header, ...]) -> int | str:
    try:
        return len(stub.List(pb.ListContainersRequest(), metadata=headers).containers)
    except grpc.RpcError as error:
        return str(error.code().name)


def _ending(method: Callable[..., Any], request: Message) -> str:
    """Call a method of a stub to its end, and say how that was."""
    try:
        answer = method(request, metadata=((_KEY, _NAMESPACE),))
        if isinstance(answer, Iterator):
            list(answer)
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"
    return "OK"


@contextmanager
def _records(daemon: Daemon, *ids: str, place: str = _NAMESPACE) -> Iterator[ContainersClient]:
    """Keep records of these ids in a namespace of the check, and none afterwards; give the local plugin."""
    services = daemon.services()
    assert services.containers is not None
    with Client(services=services) as inside, namespace(place):
        store = inside.container_service
        for name in ids:
            store.create(sample(name))
        try:
            yield services.containers
        finally:
            for record in store.list():
                store.delete(record.id)


@contextmanager
def _behind(interceptor: grpc.ServerInterceptor, service: Registering) -> Iterator[ContainersStub]:
    """Serve a service as the daemon does, with an interceptor of the reader's behind the daemon's."""
    with (
        StreamPool(1) as streams,
        serving(service, interceptors=[CallContext(streams), interceptor]) as address,
        grpc.insecure_channel(f"unix:{address}") as channel,
    ):
        yield ContainersStub(channel)
