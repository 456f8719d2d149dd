"""As test_client_on_containerd.py: namespaces, leases, and what a daemon tells of itself."""

import re
from collections.abc import Callable
from importlib.metadata import version

import pytest

from companion.client import Client, namespace, with_container_labels, with_new_spec
from companion.clients import Services
from companion.core import leases
from companion.core.errors import (
    AlreadyExists,
    Cancelled,
    Error,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
    Unimplemented,
)
from companion.core.introspection import PluginInfo
from companion.core.leases import Lease, Resource
from companion.core.namespaces import Namespace
from tests.daemons import DaemonProcess

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DIGEST = f"sha256:{'0' * 64}"


def test_a_namespace_comes_back(client: Client) -> None:
    created = Namespace(client.namespace, {"a": "1"})
    client.namespace_service.create(created)
    assert client.namespace_service.get(client.namespace) == created
    assert created in client.namespace_service.list()


def test_a_namespace_that_is_not_there_has_no_labels(client: Client) -> None:
    assert client.namespace_service.get(client.namespace) == Namespace(client.namespace)
    assert Namespace(client.namespace) not in client.namespace_service.list()


def test_labels_of_a_namespace_change_by_name_or_all(client: Client) -> None:
    store = client.namespace_service
    store.create(Namespace(client.namespace, {"a": "1", "b": "2"}))
    store.update(Namespace(client.namespace, {"a": "", "b": "9", "c": "3"}), "labels.a", "labels.c")
    assert store.get(client.namespace).labels == {"b": "2", "c": "3"}
    store.update(Namespace(client.namespace, {"d": "4"}))
    assert store.get(client.namespace).labels == {"d": "4"}


def test_a_namespace_is_made_by_what_is_in_it(client: Client) -> None:
    container = client.new_container("debian", with_new_spec())
    assert Namespace(client.namespace) in client.namespace_service.list()
    container.delete()
    client.namespace_service.delete(client.namespace)
    assert Namespace(client.namespace) not in client.namespace_service.list()


def test_a_lease_comes_back(client: Client) -> None:
    created = client.leases_service.create(Lease("one", labels={"a": "1"}))
    assert created.created_at is not None
    assert (created.id, created.labels) == ("one", {"a": "1"})
    assert list(client.leases_service.list()) == [created]


def test_leases_are_filtered(client: Client) -> None:
    client.leases_service.create(Lease("one", labels={"a": "1"}))
    client.leases_service.create(Lease("two", labels={"a": "2"}))
    assert [lease.id for lease in client.leases_service.list("labels.a==2", "id==nosuch")] == ["two"]


def test_a_deleted_lease_is_gone(client: Client) -> None:
    lease = client.leases_service.create(Lease("one"))
    client.leases_service.delete(lease, sync=True)
    assert list(client.leases_service.list()) == []


def test_a_lease_holds_resources(client: Client) -> None:
    lease = client.leases_service.create(Lease("one"))
    held = [Resource(DIGEST, "content"), Resource("upload", "ingests"), Resource("root", "snapshots/native")]
    for resource in held:
        client.leases_service.add_resource(lease, resource)
    assert list(client.leases_service.list_resources(lease)) == held
    client.leases_service.delete_resource(lease, held[1])
    assert list(client.leases_service.list_resources(lease)) == [held[0], held[2]]


def test_a_new_container_leaves_no_lease(client: Client) -> None:
    client.new_container("debian", with_new_spec())
    assert list(client.leases_service.list()) == []


def test_a_block_under_a_lease_ends_it(client: Client) -> None:
    with client.with_lease():
        [held] = client.leases_service.list()
        assert held.id == leases.current.get()
        assert set(held.labels) == {"containerd.io/gc.expire"}
        with client.with_lease():
            assert list(client.leases_service.list()) == [held]
    assert list(client.leases_service.list()) == []


def test_the_identity_of_a_daemon_lasts(client: Client) -> None:
    told = client.server()
    assert UUID.fullmatch(told.uuid)
    assert client.server() == told


def test_plugins_tell_what_they_require(client: Client) -> None:
    assert list(client.introspection_service.plugins("type==io.containerd.grpc.v1,id==containers")) == [
        PluginInfo("io.containerd.grpc.v1", "containers", requires=("io.containerd.service.v1",))
    ]


def test_a_daemon_serves(remote_client: Client) -> None:
    assert remote_client.is_serving()


def test_our_version_is_marked_as_ours(companion: DaemonProcess) -> None:
    with Client(companion.address) as client:
        assert client.version().version == f"{version('companion')}+companion"


@pytest.mark.interop
def test_the_version_of_containerd_is_its_own(containerd: DaemonProcess) -> None:
    with Client(containerd.address) as client:
        assert re.match(r"\d+\.\d+\.\d+", client.version().version)


# {namespace} stands for that of the client, in which there are the container `debian` and the lease `one`.
REFUSED: dict[str, tuple[Callable[[Client], object], type[Error], str]] = {
    "a namespace that is there": (
        lambda client: client.namespace_service.create(Namespace(client.namespace)),
        AlreadyExists,
        'namespace "{namespace}": already exists',
    ),
    "a namespace that is none": (
        lambda client: client.namespace_service.create(Namespace("a/b")),
        InvalidArgument,
        'identifier "a/b" must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$: invalid argument',
    ),
    "a call in a namespace that is none": (
        lambda client: in_namespace("a b", client.containers),
        InvalidArgument,
        'namespace validation: identifier "a b" must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$:'
        " invalid argument",
    ),
    "a namespace that is not empty": (
        lambda client: client.namespace_service.delete(client.namespace),
        FailedPrecondition,
        'namespace "{namespace}" must be empty, but it still has containers: failed precondition',
    ),
    "no namespace to delete": (
        lambda client: client.namespace_service.delete("nosuch"),
        NotFound,
        'namespace "nosuch": not found',
    ),
    "a field of a namespace": (
        lambda client: client.namespace_service.update(Namespace(client.namespace), "name"),
        InvalidArgument,
        'cannot update "name" field: invalid argument',
    ),
    "a lease that is there": (
        lambda client: client.leases_service.create(Lease("one")),
        AlreadyExists,
        'lease "one": already exists',
    ),
    "no lease to delete": (
        lambda client: client.leases_service.delete(Lease("nosuch")),
        NotFound,
        'lease "nosuch": not found',
    ),
    "no lease to hold a resource": (
        lambda client: client.leases_service.add_resource(Lease("nosuch"), Resource(DIGEST, "content")),
        NotFound,
        'lease "nosuch": not found',
    ),
    "a digest that is none": (
        lambda client: client.leases_service.add_resource(Lease("one"), Resource("x", "content")),
        InvalidArgument,
        "invalid content resource id x: invalid checksum digest format: invalid argument",
    ),
    "a type of resource that is none": (
        lambda client: client.leases_service.add_resource(Lease("one"), Resource("x", "images")),
        Unimplemented,
        "resource type images not supported yet: not implemented",
    ),
    "a filter of leases": (
        lambda client: client.leases_service.list("id=one"),
        InvalidArgument,
        'filters: parse error: [id >|=|< one]: unsupported operator "=": invalid argument: invalid argument',
    ),
    "a filter of plugins": (
        lambda client: client.introspection_service.plugins("id=one"),
        InvalidArgument,
        'filters: parse error: [id >|=|< one]: unsupported operator "=": invalid argument: invalid argument',
    ),
}


def in_namespace(name: str, call: Callable[[], object]) -> object:
    with namespace(name):
        return call()


@pytest.mark.parametrize(("call", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(call: Callable[[Client], object], error: type[Error], text: str, client: Client) -> None:
    client.new_container("debian", with_new_spec(), with_container_labels({}))
    client.leases_service.create(Lease("one"))
    with pytest.raises(error) as caught:
        call(client)
    assert str(caught.value) == text.format(namespace=client.namespace)


def test_a_client_connects_again(remote_client: Client) -> None:
    remote_client.new_container("debian", with_new_spec())
    remote_client.reconnect()
    assert remote_client.load_container("debian").id == "debian"


def test_a_closed_client_makes_no_calls(remote_client: Client) -> None:
    remote_client.close()
    with pytest.raises(Cancelled, match=r"^grpc: the client connection is closing: context canceled$"):
        remote_client.containers()


@pytest.mark.parametrize("call", [Client.version, Client.is_serving])
def test_in_process_there_is_no(call: Callable[[Client], object], in_process: Services) -> None:
    with (
        Client(services=in_process) as client,
        pytest.raises(Unavailable, match=r"^no grpc connection or services is available: unavailable$"),
    ):
        call(client)
