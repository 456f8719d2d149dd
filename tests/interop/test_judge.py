"""Samples of identifiers and of field masks, on which the real containerd is the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.containers.v1.containers_pb2_grpc import ContainersStub
from companion.core.namespaces import HEADER
from tests.daemons import DaemonProcess

pytestmark = pytest.mark.interop

NAMESPACE = ((HEADER, "judge"),)
SAMPLES = settings(max_examples=200, deadline=None, derandomize=True, database=None)

Response = pb.CreateContainerResponse | pb.UpdateContainerResponse | pb.GetContainerResponse
NUMBERS = count()

Stubs = tuple[ContainersStub, ContainersStub]
Answer = tuple[grpc.StatusCode, str, pb.Container]


@pytest.fixture(scope="module")
def stubs(companion: DaemonProcess, containerd: DaemonProcess) -> Iterator[Stubs]:
    """The service of our daemon, and that of the real one."""
    with (
        grpc.insecure_channel(f"unix:{companion.address}") as ours,
        grpc.insecure_channel(f"unix:{containerd.address}") as theirs,
    ):
        yield ContainersStub(ours), ContainersStub(theirs)


def answer(call: Callable[[], Response]) -> Answer:
    """How a call ends, and the container of its reply without its times."""
    try:
        container = call().container
    except grpc.RpcError as error:
        return error.code(), error.details() or "", pb.Container()
    container.ClearField("created_at")
    container.ClearField("updated_at")
    return grpc.StatusCode.OK, "", container


def create(stub: ContainersStub, container: pb.Container) -> Answer:
    return answer(lambda: stub.Create(pb.CreateContainerRequest(container=container), metadata=NAMESPACE))


def update(stub: ContainersStub, container: pb.Container, paths: list[str]) -> Answer:
    request = pb.UpdateContainerRequest(container=container)
    request.update_mask.paths.extend(paths)
    return answer(lambda: stub.Update(request, metadata=NAMESPACE))


def stored(stub: ContainersStub, name: str) -> Answer:
    """What the daemon keeps, without extensions: containerd 1.6 never deletes one."""
    code, text, container = answer(lambda: stub.Get(pb.GetContainerRequest(id=name), metadata=NAMESPACE))
    container.ClearField("extensions")
    return code, text, container


# A percent sign is left out, because containerd uses its finished text once more as a format; and so are
# scripts to which Unicode still adds, because what prints depends on the version of its tables.
IDENTIFIERS = (
    st.text(st.sampled_from("aZ09._-"), max_size=12)
    | st.text(st.sampled_from("aZ09._-"), min_size=74, max_size=79)
    | st.text(st.characters(max_codepoint=0x4FF, exclude_characters="%"), max_size=12)
    | st.text(st.sampled_from("a語😀\u00ad\u200b\u2028\u3000\ue000\ufeff\ufffd"), max_size=12)
    | st.text(st.sampled_from("éßΩ语😀"), min_size=15, max_size=40)
)


@given(IDENTIFIERS)
@example("a\n")
@example("\ufeffa")
@example("\u2028\u00ad\u0378")
@SAMPLES
def test_an_identifier_is_taken_or_refused_as_by_containerd(stubs: Stubs, name: str) -> None:
    container = pb.Container(id=name, runtime=pb.Container.Runtime(name="r"), spec=Any(type_url="t"))
    ours, theirs = (create(stub, container) for stub in stubs)
    assert ours == theirs


NAMES = ["", "a", "b", "a.b", "é"]
FIELDS = [
    "id",
    "image",
    "labels",
    "runtime",
    "spec",
    "snapshotter",
    "snapshot_key",
    "extensions",
    "created_at",
]
PATHS = (
    st.sampled_from(FIELDS)
    | st.builds("{}.{}".format, st.sampled_from(FIELDS), st.sampled_from([*NAMES, "name", "options"]))
    | st.sampled_from(["", ".", "Labels", "label", " image", "labels..a", "created_at", "nosuch", "é\n"])
)


@st.composite
def containers(draw: DrawFn) -> pb.Container:
    """Any container that could be meant."""
    texts = st.sampled_from(["", "1", "2"])
    container = pb.Container(image=draw(texts), snapshotter=draw(texts), snapshot_key=draw(texts))
    container.labels.update(draw(st.dictionaries(st.sampled_from(NAMES), texts)))
    for name in draw(st.sets(st.sampled_from(NAMES))):
        container.extensions[name].value = draw(texts).encode()
    if draw(st.booleans()):
        container.runtime.name = draw(texts)
    if draw(st.booleans()):
        container.runtime.options.type_url = draw(texts)
    if draw(st.booleans()):
        container.spec.type_url = draw(texts)
    return container


@given(containers(), containers(), st.lists(PATHS, max_size=4))
@SAMPLES
def test_a_container_is_created_and_updated_as_by_containerd(
    stubs: Stubs, before: pb.Container, after: pb.Container, paths: list[str]
) -> None:
    name = before.id = after.id = f"c{next(NUMBERS)}"
    created = [create(stub, before) for stub in stubs]
    assert created[0] == created[1]
    updated = [update(stub, after, paths) for stub in stubs]
    assert updated[0] == updated[1]
    kept = [stored(stub, name) for stub in stubs]
    assert kept[0] == kept[1]
