"""What the daemon tells of itself, through the same remote service that a client uses."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from google.protobuf.empty_pb2 import Empty
from grpc import RpcError, StatusCode

from companion.api.services.introspection.v1 import introspection_pb2 as pb
from companion.core.errors import FailedPrecondition, InvalidArgument, Unknown
from companion.core.introspection import InitError, PluginInfo
from companion.local.introspection import LocalIntrospectionClient, init
from companion.plugin import InitContext, Meta, Plugin, PluginSet, Registration
from companion.remote.introspection import RemoteIntrospectionService

META = Meta(platforms=["linux/amd64", "linux/arm/v7"], exports={"root": "/r"}, capabilities=["fast"])


def plugin(
    type: str,
    id: str,
    *,
    requires: tuple[str, ...] = (),
    meta: Meta | None = None,
    error: Exception | None = None,
) -> Plugin:
    """A plugin that had its turn."""
    return Plugin(Registration(type, id, lambda _: None, requires), {}, meta or Meta(), None, error)


@pytest.fixture
def plugins() -> PluginSet:
    plugins = PluginSet()
    plugins.add(plugin("t.snapshotter", "overlayfs", meta=META))
    plugins.add(plugin("t.snapshotter", "devmapper", error=Exception("devmapper not configured")))
    plugins.add(plugin("t.metadata", "bolt", requires=("t.content", "t.snapshotter")))
    return plugins


@pytest.fixture
def local(plugins: PluginSet, tmp_path: Path) -> LocalIntrospectionClient:
    """The plugin as the daemon starts it."""
    service = tmp_path / "io.containerd.service.v1.introspection-service"
    return init(InitContext(service, tmp_path / "state", "", {}, plugins))


@pytest.fixture
def uuid_file(tmp_path: Path) -> Path:
    return tmp_path / "io.containerd.grpc.v1.introspection" / "uuid"


def test_plugins_are_told_in_order_with_all_that_is_known_of_them(local: LocalIntrospectionClient) -> None:
    assert RemoteIntrospectionService(local).plugins() == [
        PluginInfo(
            "t.snapshotter",
            "overlayfs",
            platforms=("linux/amd64", "linux/arm/v7"),
            exports={"root": "/r"},
            capabilities=("fast",),
        ),
        PluginInfo("t.snapshotter", "devmapper", init_error=InitError(2, "devmapper not configured")),
        PluginInfo("t.metadata", "bolt", requires=("t.content", "t.snapshotter")),
    ]


def test_an_init_error_with_a_class_has_its_code(plugins: PluginSet, local: LocalIntrospectionClient) -> None:
    plugins.add(plugin("t.gc", "scheduler", error=FailedPrecondition("no database")))
    *_, last = RemoteIntrospectionService(local).plugins()
    assert last.init_error == InitError(9, "no database: failed precondition")


def test_plugins_that_start_later_are_told_too(plugins: PluginSet, local: LocalIntrospectionClient) -> None:
    plugins.add(plugin("t.grpc", "late"))
    assert [info.id for info in RemoteIntrospectionService(local).plugins()][-1] == "late"


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["type==t.metadata"], ["bolt"]),
        (["id==overlayfs"], ["overlayfs"]),
        (["type==t.snapshotter,id==devmapper"], ["devmapper"]),
        (["id==bolt", "id==overlayfs"], ["overlayfs", "bolt"]),
        (["requires"], []),
        (["platforms"], []),
    ],
)
def test_filters_see_type_and_id(local: LocalIntrospectionClient, filters: list[str], ids: list[str]) -> None:
    assert [info.id for info in RemoteIntrospectionService(local).plugins(*filters)] == ids


def test_a_filter_that_cannot_be_parsed_is_refused(local: LocalIntrospectionClient) -> None:
    with pytest.raises(InvalidArgument) as caught:
        RemoteIntrospectionService(local).plugins("type=x")
    assert str(caught.value) == (
        'filters: parse error: [type >|=|< x]: unsupported operator "=": invalid argument: invalid argument'
    )


def test_the_server_is_this_process(local: LocalIntrospectionClient) -> None:
    server = RemoteIntrospectionService(local).server()
    assert server.pid == os.getpid()
    assert UUID(server.uuid).version == 4


def test_the_uuid_outlives_the_daemon(local: LocalIntrospectionClient, uuid_file: Path) -> None:
    first = local.Server(Empty()).uuid
    assert LocalIntrospectionClient(PluginSet(), uuid_file).Server(Empty()).uuid == first


def test_only_the_owner_may_read_the_uuid(local: LocalIntrospectionClient, uuid_file: Path) -> None:
    local.Server(Empty())
    assert uuid_file.stat().st_mode & 0o777 == 0o600
    assert os.listdir(uuid_file.parent) == ["uuid"]


def test_everybody_who_asks_first_is_told_the_same_uuid(local: LocalIntrospectionClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(local.Server, [Empty()] * 8))
    assert len({answer.uuid for answer in answers}) == 1


@pytest.mark.parametrize("content", [b"", b"not a uuid", b"\xff\xfe"])
def test_a_garbled_uuid_is_named_and_kept(
    local: LocalIntrospectionClient, uuid_file: Path, content: bytes
) -> None:
    uuid_file.parent.mkdir()
    uuid_file.write_bytes(content)
    with pytest.raises(Unknown) as caught:
        RemoteIntrospectionService(local).server()
    assert str(caught.value) == f"server UUID: {uuid_file}: does not hold a UUID: unknown"
    assert uuid_file.read_bytes() == content


def test_an_unreadable_uuid_is_named(local: LocalIntrospectionClient, uuid_file: Path) -> None:
    uuid_file.mkdir(parents=True)
    with pytest.raises(Unknown) as caught:
        RemoteIntrospectionService(local).server()
    assert str(caught.value) == f"server UUID: {uuid_file}: Is a directory: unknown"


def test_plugin_info_is_unknown_as_in_containerd_1_6(local: LocalIntrospectionClient) -> None:
    with pytest.raises(RpcError) as caught:
        local.PluginInfo(pb.PluginInfoRequest())
    assert (caught.value.code(), caught.value.details()) == (
        StatusCode.UNIMPLEMENTED,
        "unknown method PluginInfo for service containerd.services.introspection.v1.Introspection",
    )
