"""Our client does the same with our daemon, with containerd, and with no wire between: containers."""

from collections.abc import Callable
from dataclasses import replace

import grpc
import pytest

from companion.api.services.tasks.v1 import tasks_pb2
from companion.client import (
    Client,
    Container,
    namespace,
    oci,
    with_additional_container_labels,
    with_container_extension,
    with_container_labels,
    with_image_name,
    with_new_spec,
    with_runtime,
    with_snapshotter,
    with_spec,
)
from companion.core import containers
from companion.core.containers import RuntimeInfo
from companion.core.errors import AlreadyExists, Error, FailedPrecondition, InvalidArgument, NotFound
from companion.core.namespaces import Namespace
from companion.core.typeurl import OCI_SPEC, Any

EXTENSION = Any("example.com/Extension", b"\0\1\xff")
IDENTIFIER = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"


def minimal(client: Client, id: str = "debian", **labels: str) -> Container:
    return client.new_container(id, with_new_spec(), with_container_labels(labels))


def ids(client: Client, *filters: str) -> list[str]:
    return [container.id for container in client.containers(*filters)]


def test_a_container_is_what_its_options_say(client: Client) -> None:
    created = client.new_container(
        "debian",
        with_container_labels({"a": "1"}),
        with_additional_container_labels({"b": "2"}),
        with_image_name("docker.io/library/debian:latest"),
        with_snapshotter("native"),
        with_runtime("io.containerd.runsc.v1", Any("example.com/Options", b"\1")),
        with_container_extension("example.com/extension", EXTENSION),
        with_spec({"ociVersion": "1.0.2"}, oci.with_hostname("box")),
    )
    assert created.info() == containers.Container(
        "debian",
        labels={"a": "1", "b": "2"},
        image="docker.io/library/debian:latest",
        runtime=RuntimeInfo("io.containerd.runsc.v1", Any("example.com/Options", b"\1")),
        spec=Any(OCI_SPEC, b'{"ociVersion":"1.0.2","hostname":"box"}'),
        snapshotter="native",
        created_at=created.info(refresh=False).created_at,
        updated_at=created.info(refresh=False).created_at,
        extensions={"example.com/extension": EXTENSION},
    )


def test_a_new_spec_comes_back(client: Client) -> None:
    created = client.new_container("debian", with_new_spec(oci.with_process_args("sleep", "100")))
    spec = created.spec()
    assert spec["process"]["args"] == ["sleep", "100"]
    assert spec["linux"]["cgroupsPath"] == f"/{client.namespace}/debian"


def test_without_an_option_the_runtime_is_that_of_runc(client: Client) -> None:
    assert minimal(client).info().runtime == RuntimeInfo("io.containerd.runc.v2")


def test_the_runtime_may_be_a_default_of_the_namespace(client: Client) -> None:
    labels = {"containerd.io/defaults/runtime": "io.containerd.runsc.v1"}
    client.namespace_service.create(Namespace(client.namespace, labels))
    assert minimal(client).info().runtime == RuntimeInfo("io.containerd.runsc.v1")


def test_a_loaded_container_is_the_one_that_was_made(client: Client) -> None:
    assert minimal(client, a="1").info() == client.load_container("debian").info(refresh=False)


def test_containers_are_listed_by_id(client: Client) -> None:
    for name in ("b2", "B1", "b10"):
        minimal(client, name)
    assert ids(client) == ["B1", "b10", "b2"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["labels.role==web"], ["one"]),
        (["labels.role"], ["one", "two"]),
        (["labels.role==db", "id==three"], ["three", "two"]),
        (["id~=^t,labels.role"], ["two"]),
        (["runtime.name==io.containerd.runc.v2,id!=one"], ["three", "two"]),
        (["nosuch"], []),
        ([""], ["one", "three", "two"]),
    ],
    ids=" ".join,
)
def test_containers_are_filtered(client: Client, filters: list[str], expected: list[str]) -> None:
    minimal(client, "one", role="web")
    minimal(client, "two", role="db")
    minimal(client, "three")
    assert ids(client, *filters) == expected


def test_labels_are_set_changed_and_removed(client: Client) -> None:
    container = minimal(client, a="1", b="2")
    assert container.set_labels({"a": "9", "b": "", "c": "3"}) == {"a": "9", "c": "3"}
    assert container.labels() == {"a": "9", "c": "3"}


def test_an_update_writes_the_record_back(client: Client) -> None:
    container = minimal(client, a="1")
    before = container.info()
    container.update(
        lambda client, record: replace(
            record, image="new", labels={"b": "2"}, extensions={"example.com/extension": EXTENSION}
        )
    )
    after = container.info()
    assert (after.image, after.labels) == ("new", {"b": "2"})
    assert container.extensions() == {"example.com/extension": EXTENSION}
    assert after.created_at == before.created_at
    assert after.updated_at != before.updated_at


def test_a_deleted_container_is_gone(client: Client) -> None:
    container = minimal(client)
    container.delete()
    assert ids(client) == []


def test_a_container_has_no_task(client: Client) -> None:
    minimal(client)
    with pytest.raises(grpc.RpcError) as caught:
        client.task_service.Get(tasks_pb2.GetRequest(container_id="debian"))
    assert (caught.value.code(), caught.value.details()) == (
        grpc.StatusCode.NOT_FOUND,
        "task debian not found",
    )


def test_a_block_may_name_another_namespace(client: Client) -> None:
    other = f"{client.namespace}-other"
    with namespace(other):
        minimal(client, "elsewhere")
        assert ids(client) == ["elsewhere"]
    assert ids(client) == []


# {namespace} stands for that of the client, in which there is the container `debian`.
REFUSED: dict[str, tuple[Callable[[Client], object], type[Error], str]] = {
    "an id that is taken": (minimal, AlreadyExists, 'container "debian": already exists'),
    "an id that is none": (
        lambda client: minimal(client, "a b"),
        InvalidArgument,
        f'create container failed validation: container.ID: identifier "a b" must match {IDENTIFIER}:'
        " invalid argument",
    ),
    "no spec": (
        lambda client: client.new_container("new"),
        InvalidArgument,
        "create container failed validation: container.Spec must be set: invalid argument",
    ),
    "a label that is too long": (
        lambda client: minimal(client, "new", key="x" * 4094),
        InvalidArgument,
        "create container failed validation: containers.Labels: label key and value greater than maximum"
        " size (4096 bytes), key: key: invalid argument",
    ),
    "nothing to load": (
        lambda client: client.load_container("nosuch"),
        NotFound,
        'container "nosuch" in namespace "{namespace}": not found',
    ),
    "a filter that does not parse": (
        lambda client: client.containers("id=debian"),
        InvalidArgument,
        'filters: parse error: [id >|=|< debian]: unsupported operator "=": invalid argument:'
        " invalid argument",
    ),
    "a snapshotter that changes": (
        lambda client: client.load_container("debian").update(
            lambda client, record: replace(record, snapshotter="native")
        ),
        InvalidArgument,
        "container.Snapshotter field is immutable: invalid argument",
    ),
    "a field that cannot be updated": (
        lambda client: client.container_service.update(containers.Container("debian"), "snapshotter"),
        InvalidArgument,
        'cannot update "snapshotter" field on "debian": invalid argument',
    ),
    "labels of nothing": (
        lambda client: client.container_service.update(containers.Container("nosuch"), "labels.a"),
        NotFound,
        'container "nosuch": not found',
    ),
    "nothing to delete": (
        lambda client: client.container_service.delete("nosuch"),
        NotFound,
        "container nosuch: not found",
    ),
}


@pytest.mark.parametrize(("call", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(call: Callable[[Client], object], error: type[Error], text: str, client: Client) -> None:
    minimal(client)
    with pytest.raises(error) as caught:
        call(client)
    assert str(caught.value) == text.format(namespace=client.namespace)


def test_without_a_namespace_nothing_goes(homeless_client: Client) -> None:
    with pytest.raises(FailedPrecondition) as caught:
        homeless_client.containers()
    assert str(caught.value) == "namespace is required: failed precondition"
