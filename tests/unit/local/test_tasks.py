"""The tasks of containers: so far there are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import RpcError, StatusCode

from companion.api.services.tasks.v1 import tasks_pb2 as pb
from companion.core.containers import Container, RuntimeInfo
from companion.core.namespaces import namespace
from companion.core.typeurl import Any
from companion.local.tasks import LocalTasksClient
from companion.store.containers import ContainerStore
from companion.store.database import Database

METHODS = pb.DESCRIPTOR.services_by_name["Tasks"].methods


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[LocalTasksClient]:
    with Database(tmp_path / "meta.db") as db, namespace("test"):
        store = ContainerStore(db)
        store.create(Container("c1", runtime=RuntimeInfo("runc"), spec=Any("spec", b"{}")))
        yield LocalTasksClient(store)


@pytest.mark.parametrize(
    ("id", "details"),
    [("c1", "task c1 not found"), ("nosuch", 'container "nosuch" in namespace "test": not found')],
)
def test_get_looks_for_the_container_and_then_for_its_task(
    tasks: LocalTasksClient, id: str, details: str
) -> None:
    with pytest.raises(RpcError) as caught:
        tasks.Get(pb.GetRequest(container_id=id))
    assert (caught.value.code(), caught.value.details()) == (StatusCode.NOT_FOUND, details)


def test_a_namespace_has_no_tasks(tasks: LocalTasksClient) -> None:
    assert tasks.List(pb.ListTasksRequest()) == pb.ListTasksResponse()


def test_list_needs_a_namespace(tasks: LocalTasksClient) -> None:
    with namespace(""), pytest.raises(RpcError) as caught:
        tasks.List(pb.ListTasksRequest())
    assert caught.value.code() is StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("method", [method for method in METHODS if method.name not in ("Get", "List")])
def test_nothing_else_is_implemented(tasks: LocalTasksClient, method: MethodDescriptor) -> None:
    request = GetMessageClass(method.input_type)()
    with pytest.raises(RpcError) as caught:
        getattr(tasks, method.name)(request)
    assert caught.value.code() is StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "this daemon cannot run tasks yet: not implemented"
