"""The checks of chapter 3: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.client import Client, namespace, with_new_spec
from companion.daemon import Daemon
from companion.guide.checks import grpc_service as check
from companion.guide.playground import fresh_daemon, stop_daemon
from companion.service.containers import ContainersServer
from companion.service.status import answering

RIGHT = {
    "no header": "FAILED_PRECONDITION",
    "an empty header": "FAILED_PRECONDITION",
    "first builder, then moby": 1,
    "a b": "INVALID_ARGUMENT",
}


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    daemon = fresh_daemon()
    with Client(daemon.address) as client, namespace("builder"):
        client.new_container("one", with_new_spec())
    yield daemon
    stop_daemon()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out.removesuffix("\n")


Said = Callable[[], str]


def test_a_prediction_is_held_against_the_daemon(daemon: Daemon, said: Said) -> None:
    check.prediction(RIGHT, daemon)
    assert said() == f"the daemon answers {RIGHT!r}"


def test_a_wrong_prediction_is_named_and_not_corrected(daemon: Daemon, said: Said) -> None:
    check.prediction(RIGHT | {"a b": 7}, daemon)
    assert said() == "not yet: 3 of 4 right; for 'a b' the daemon does not answer 7"


def test_a_missing_prediction_is_named(daemon: Daemon, said: Said) -> None:
    check.prediction(RIGHT | {"no header": None}, daemon)
    assert said() == "not yet: 3 of 4 right; for 'no header' nothing is predicted"


def frame(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def unframe(data: bytes) -> list[bytes]:
    messages = []
    while data:
        end = 5 + int.from_bytes(data[1:5], "big")
        messages.append(data[5:end])
        data = data[end:]
    return messages


UNFRAME = "unframe(frame(b'one') + frame(b'two'))"


def only_the_first(data: bytes) -> list[bytes]:
    return unframe(data)[:1]


def test_frames_like_those_on_the_socket_pass(daemon: Daemon, said: Said) -> None:
    check.framing(frame, unframe, daemon)
    assert said().startswith("your frame is the client's, byte for byte")


@pytest.mark.parametrize(
    ("frame", "unframe", "reason"),
    [
        (lambda message: message, unframe, r"frame(b'\n\nid!=nobody'): expected"),
        (frame, lambda data: None, f"{UNFRAME}: expected [b'one', b'two'], got None"),
        (frame, only_the_first, f"{UNFRAME}: expected [b'one', b'two'], got [b'one']"),
    ],
)
def test_other_frames_do_not(
    frame: Callable[[bytes], bytes],
    unframe: Callable[[bytes], Sequence[bytes]],
    reason: str,
    daemon: Daemon,
    said: Said,
) -> None:
    check.framing(frame, unframe, daemon)
    assert said().startswith(f"not yet: {reason}")


class Only(grpc.ServerInterceptor):
    """Lets these methods pass."""

    def __init__(self, *methods: str) -> None:
        self._methods = methods

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        if handler_call_details.method.rpartition("/")[2] in self._methods:
            return continuation(handler_call_details)

        def refuse(request: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "read only")

        return grpc.unary_unary_rpc_method_handler(refuse)


READS = ("Get", "List", "ListStream")


@pytest.mark.parametrize(
    ("passing", "judgement"),
    [
        (READS, "Get, List and ListStream are answered;"),
        (("List", "ListStream"), "not yet: Get: expected 'OK', got 'PERMISSION_DENIED: read only'"),
        (("Get", "ListStream"), "not yet: List: expected 'OK', got 'PERMISSION_DENIED: read only'"),
        (("Get", "List"), "not yet: ListStream: expected 'OK', got 'PERMISSION_DENIED: read only'"),
        ((*READS, "Create"), "not yet: Create: expected 'PERMISSION_DENIED: read only', got 'OK'"),
        ((*READS, "Update"), "not yet: Update: expected 'PERMISSION_DENIED: read only', got 'OK'"),
        ((*READS, "Delete"), "not yet: Delete: expected 'PERMISSION_DENIED: read only', got 'OK'"),
    ],
)
def test_an_interceptor_lets_reads_pass_and_nothing_else(
    passing: Sequence[str], judgement: str, daemon: Daemon, said: Said
) -> None:
    check.read_only(Only(*passing), daemon)
    assert said().startswith(judgement)


def test_the_finished_service_passes(daemon: Daemon, said: Said) -> None:
    check.whole_service(ContainersServer, daemon)
    assert said() == "19 of 19 hold through your service, and a stream is cut when its caller has gone"


class Uncut(ContainersServer):
    def ListStream(self, request: Any, context: grpc.ServicerContext) -> Any:
        with answering(context):
            return self._local.ListStream(request)


def test_a_stream_that_is_never_cut_is_told(
    daemon: Daemon, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_PATIENCE", 0.2)
    check.whole_service(Uncut, daemon)
    assert said() == "not yet: a stream whose caller has gone: expected 'cut', got 'still open'"


class Leaking(ContainersServer):
    def Get(self, request: pb.GetContainerRequest, context: grpc.ServicerContext) -> pb.GetContainerResponse:
        return self._local.Get(request)


def test_a_case_that_does_not_hold_is_told(daemon: Daemon, said: Said) -> None:
    check.whole_service(Leaking, daemon)
    assert said().startswith(
        "not yet: 18 of 19 hold; the first that does not: a missing record is not found: "
    )


class Keeping(ContainersServer):
    def Delete(self, request: pb.DeleteContainerRequest, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not yet written")


def test_what_a_service_cannot_delete_spoils_neither_the_next_case_nor_the_next_try(
    daemon: Daemon, said: Said
) -> None:
    check.whole_service(Keeping, daemon)
    assert said().startswith("not yet: 18 of 19 hold; the first that does not: a deleted record is gone: ")
    check.whole_service(ContainersServer, daemon)
    assert said().startswith("19 of 19 hold")


class Listless(ContainersServer):
    def List(self, request: Any, context: grpc.ServicerContext) -> Any:
        return pb.ListContainersResponse()


def test_a_list_that_the_suite_does_not_need_is_told(daemon: Daemon, said: Said) -> None:
    check.whole_service(Listless, daemon)
    assert said() == (
        "not yet: List, where no interceptor sets the namespace: "
        "expected 'FAILED_PRECONDITION: namespace is required: failed precondition', got 'OK'"
    )


class Streamless(ContainersServer):
    def ListStream(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not yet written")


def test_a_service_without_the_stream_is_told(daemon: Daemon, said: Said) -> None:
    check.whole_service(Streamless, daemon)
    assert said() == (
        "not yet: a stream whose caller has gone: expected 'cut', got 'UNIMPLEMENTED: not yet written'"
    )


@pytest.mark.parametrize("spoilt", [check.framing, check.read_only])
def test_nothing_is_left_behind(spoilt: Any, daemon: Daemon, said: Said) -> None:
    arguments = {check.framing: (frame, unframe), check.read_only: (Only(*READS, "Create"),)}
    spoilt(*arguments[spoilt], daemon)
    with Client(daemon.address) as client, namespace("exercise"):
        assert client.containers() == []
