"""The checks of chapter 2: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest

from companion.api.services.containers.v1 import containers_pb2 as pb
from companion.api.services.namespaces.v1 import namespace_pb2
from companion.client import Client, namespace
from companion.clients import ContainersClient, Services
from companion.convert import containers as convert
from companion.core.containers import Container
from companion.core.errors import Error, PermissionDenied, StatusError, Unavailable, to_grpc
from companion.core.namespaces import Namespace, Store
from companion.guide.checks import remote_store as check
from companion.guide.playground import fresh_daemon, stop_daemon

Said = Callable[[], str]


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    """What a daemon offers without a wire: a check takes any client interface and any store."""
    yield fresh_daemon().services()
    stop_daemon()


@pytest.fixture
def client(services: Services) -> Iterator[Client]:
    with Client(services=services) as client:
        yield client
        with namespace("exercise"):
            assert client.containers() == [], "a check left something behind"


@pytest.fixture
def containers(client: Client, services: Services) -> ContainersClient:
    assert services.containers is not None
    return services.containers


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


def test_the_labels_that_a_mask_leaves_are_accepted(client: Client, said: Said) -> None:
    check.prediction(client.container_service, {"a": "9"})
    assert said().startswith("the daemon keeps {'a': '9'}")


def test_labels_of_another_mask_are_held_against_the_daemon(client: Client, said: Said) -> None:
    check.prediction(client.container_service, {"a": "9", "b": "2"})
    assert said() == "not yet: you expected {'a': '9', 'b': '2'}, the daemon keeps {'a': '9'}. Why?"


def test_a_prediction_is_a_dictionary(client: Client, said: Said) -> None:
    check.prediction(client.container_service, "a=9")  # type: ignore[arg-type]
    assert said() == "not yet: expected a dictionary of labels, got 'a=9'"


def test_conversions_that_lose_nothing_are_accepted(containers: ContainersClient, said: Said) -> None:
    check.extensions(convert.to_message, convert.from_message, containers)
    assert said() == "both extensions went to the daemon and came back, and nothing else was lost"


def without_extensions(message: pb.Container) -> Container:
    return replace(convert.from_message(message), extensions={})


def without_labels(message: pb.Container) -> Container:
    return replace(convert.from_message(message), labels={})


def with_messages(message: pb.Container) -> Container:
    return replace(convert.from_message(message), extensions=message.extensions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("conversion", "reason"),
    [
        (without_extensions, "extensions that come back: expected"),
        (without_labels, "the extensions came back, but another field of the record was lost"),
        (
            with_messages,
            "the extension 'empty' that comes back: expected companion.core.typeurl.Any, "
            "got google.protobuf.any_pb2.Any",
        ),
    ],
)
def test_a_conversion_that_loses_a_field_is_not_accepted(
    conversion: Callable[[pb.Container], Container], reason: str, containers: ContainersClient, said: Said
) -> None:
    check.extensions(convert.to_message, conversion, containers)
    assert said().startswith(f"not yet: {reason}")


def test_a_conversion_must_make_a_message(containers: ContainersClient, said: Said) -> None:
    check.extensions(lambda record: None, convert.from_message, containers)  # type: ignore[arg-type, return-value]
    assert said().startswith("not yet: what goes to the daemon: expected companion.api.")
    check.extensions(convert.to_message, lambda message: None, containers)  # type: ignore[arg-type, return-value]
    assert said().endswith("expected companion.core.containers.Container, got NoneType")


class Refusing:
    """Refuses what writes with `code`, or, with `after`, only once it is done."""

    code = grpc.StatusCode.PERMISSION_DENIED
    after = False

    def __init__(self, client: ContainersClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def Create(self, request: Any) -> None:
        if self.after:
            self._client.Create(request)
        raise StatusError(self.code, "read only")

    Update = Delete = Create


class RefusingInOtherWords(Refusing):
    code = grpc.StatusCode.FAILED_PRECONDITION


class RefusingAll(Refusing):
    Get = Refusing.Create


class RefusingWithAClass(Refusing):
    def Create(self, request: Any) -> None:
        raise PermissionDenied("read only")

    Update = Delete = Create


class RefusingTooLate(Refusing):
    after = True

    def Update(self, request: Any) -> None:
        raise StatusError(self.code, "read only")

    Delete = Update


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        (Refusing, "get and list answer;"),
        (
            RefusingInOtherWords,
            "not yet: create: expected PermissionDenied, got FailedPrecondition:",
        ),
        (RefusingAll, "not yet: get: expected an answer, got PermissionDenied: read only"),
        (
            RefusingWithAClass,
            "not yet: Delete: expected a status, got the class PermissionDenied: read only",
        ),
        (RefusingTooLate, "not yet: containers in the daemon afterwards, with labels: expected"),
    ],
)
def test_only_a_client_that_refuses_in_time_with_the_right_code_is_accepted(
    reader: Callable[[ContainersClient], Any], reason: str, containers: ContainersClient, said: Said
) -> None:
    check.read_only(reader(containers), containers)
    assert said().startswith(reason)


class Stubborn:
    """A store of namespaces that does what `store` does, but for one method."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class ForgettingLabels(Stubborn):
    def get(self, name: str) -> Namespace:
        return Namespace(name)


class DeletingQuietly(Stubborn):
    def delete(self, name: str) -> None:
        if self._store.get(name).labels:
            self._store.delete(name)


class CreatingNothing(Stubborn):
    def create(self, namespace: Namespace) -> None:
        pass


class DeletingNothing(Stubborn):
    def delete(self, name: str) -> None:
        pass


class GettingMessages(Stubborn):
    def get(self, name: str) -> namespace_pb2.Namespace:
        return namespace_pb2.Namespace(name=name)


class ListingLate(Stubborn):
    def list(self) -> Iterator[Namespace]:
        return iter(self._store.list())


class Classless(Stubborn):
    def create(self, namespace: Namespace) -> None:
        try:
            self._store.create(namespace)
        except Error as error:
            raise to_grpc(error) from error


class Leaking(Stubborn):
    def create(self, namespace: Namespace) -> None:
        raise Unavailable("nobody listens")


@pytest.mark.parametrize(
    ("mine", "reason"),
    [
        (lambda store: store, "create, get, list and delete reach the daemon"),
        (ForgettingLabels, "not yet: get: expected Namespace(name='team', labels={'owner': 'you'}), got"),
        (DeletingQuietly, "not yet: deleting it again: expected NotFound, but nothing was raised"),
        (CreatingNothing, 'not yet: create: expected a namespace "team" in the daemon, but it has none'),
        (DeletingNothing, 'not yet: delete: "team" is still in the daemon'),
        (GettingMessages, "not yet: get: expected companion.core.namespaces.Namespace, got companion.api."),
        (ListingLate, "not yet: list: expected list, got"),
        (
            Classless,
            "not yet: creating it again: expected AlreadyExists, got gRPC's own ALREADY_EXISTS: "
            'namespace "team": already exists',
        ),
        (Leaking, "not yet: your code raised Unavailable: nobody listens: unavailable"),
    ],
)
def test_a_store_of_namespaces_is_held_to_its_promises(
    mine: Callable[[Store], Any], reason: str, client: Client, said: Said
) -> None:
    check.namespace_store(mine(client.namespace_service), client.namespace_service)
    assert said().startswith(reason)
    assert [each for each in client.namespace_service.list() if each.name == "team"] == []
