"""Plugins that are required, left out or brought by a package, and what happens when they fail."""

from __future__ import annotations

import subprocess
import sys

import pytest
from grpc import StatusCode

from companion.core.errors import Unimplemented
from companion.core.introspection import InitError
from tests.daemons import PROJECT
from tests.robustness.packages import EXAMPLE, install, seeing
from tests.robustness.place import GUARD, Place

CONTAINERS = "containerd.services.containers.v1.Containers"

FAILING = """
    from companion.plugin import register

    @register(type="io.containerd.internal.v1", id="failing")
    def init(context):
        raise RuntimeError("on purpose")
"""


def test_a_required_plugin_must_be_included(place: Place) -> None:
    missing = ["io.containerd.x.v1.b", "io.containerd.x.v1.a"]
    flags = place.configured(f"required_plugins = {missing}")
    assert place.refusal(*flags) == "required plugin [io.containerd.x.v1.a io.containerd.x.v1.b] not included"


def test_a_required_plugin_must_not_fail(place: Place) -> None:
    install(place.directory, "failing", FAILING)
    flags = place.configured('required_plugins = ["io.containerd.internal.v1.failing"]')
    assert (
        place.refusal(*flags, env=seeing(place.directory))
        == "load required plugin io.containerd.internal.v1.failing: on purpose"
    )


def test_without_a_plugin_its_service_is_unknown_and_all_others_are_served(place: Place) -> None:
    flags = place.configured('disabled_plugins = ["io.containerd.service.v1.containers-service"]')
    with place.daemon(*flags), place.client() as client:
        with pytest.raises(Unimplemented, match=f"^unknown service {CONTAINERS}: not implemented$"):
            client.container_service.list()
        assert client.namespace_service.list() == []
        [broken] = [info for info in client.introspection_service.plugins() if info.init_error is not None]
        assert (broken.id, broken.init_error) == (
            "containers",
            InitError(StatusCode.UNKNOWN.value[0], "containers service not found"),
        )


def test_a_plugin_from_a_package_shows_in_introspection_with_what_it_was_told(place: Place) -> None:
    flags = place.configured('[plugins."io.containerd.internal.v1.example"]\ngreeting = "hello"')
    with place.daemon(*flags, env=seeing(EXAMPLE)), place.client() as client:
        [info] = client.introspection_service.plugins("id==example")
        assert (info.type, info.requires, info.exports, info.init_error) == (
            "io.containerd.internal.v1",
            ("io.containerd.event.v1",),
            {"greeting": "hello"},
            None,
        )


FAULTS = {
    "cannot be imported": ("import nosuch", "plugin package faulty: No module named 'nosuch'"),
    "is no Python": ("def", "plugin package faulty: invalid syntax"),
    "fails": (FAILING, "plugin io.containerd.internal.v1.failing: on purpose"),
    "has the name of another": (
        """
        from companion.plugin import register
        register(type="io.containerd.event.v1", id="exchange")(print)
        """,
        "plugin package faulty: io.containerd.event.v1.exchange: plugin: id already registered",
    ),
    "is no service": (
        """
        from companion.plugin import register
        register(type="io.containerd.grpc.v1", id="nothing")(lambda context: object())
        """,
        "plugin io.containerd.grpc.v1.nothing: 'object' object has no attribute 'register'",
    ),
}


@pytest.mark.parametrize(("source", "warning"), FAULTS.values(), ids=FAULTS)
def test_the_daemon_serves_and_warns_when_a_package(place: Place, source: str, warning: str) -> None:
    install(place.directory, "faulty", source)
    with place.daemon(env=seeing(place.directory)), place.client() as client:
        assert client.container_service.list() == []
        assert warning in place.log.read_text()
        assert "Traceback" not in place.log.read_text()


def test_a_service_from_a_package_leaves_the_clients_inside_the_daemon_alone(place: Place) -> None:
    source = """
        from companion.plugin import SERVICE, register
        register(type=SERVICE, id="greeting-service")(lambda context: object())
    """
    install(place.directory, "greeting", source)
    program = (
        "import sys; from pathlib import Path; from companion.client import Client;"
        "from companion.config import Config; from companion.daemon import Daemon\n"
        "with Daemon(Config(Path('root'), Path('state'), 'socket')) as daemon:\n"
        "    print(Client(services=daemon.services()).introspection_service.plugins('id==greeting-service'))"
    )
    environment = {**seeing(place.directory), "PYTHONPATH": f"{place.directory}:{PROJECT}"}
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place.directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=GUARD,
    )
    assert "greeting-service" in printed.stdout
