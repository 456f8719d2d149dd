"""What `ctr events` prints while our daemon works is what it prints while containerd does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from companion.api.events import container_pb2, content_pb2, image_pb2, snapshot_pb2, task_pb2
from companion.client import Client
from companion.core.typeurl import Any
from tests.daemons import DaemonProcess
from tests.interop.listener import listening
from tests.interop.scenario import HUNG, Scenario, load, play

pytestmark = pytest.mark.interop

SCENARIO = Scenario(
    "events by filter",
    (
        "ctr containers create --config spec.json --label a=1 one",
        "ctr containers create --config spec.json two",
        "ctr containers label one a=2",
        "ctr containers rm one two",
        "ctr --namespace other containers create --config spec.json one",
        "ctr --namespace other namespaces label labelled a=1",
        "ctr --namespace other containers rm one",
    ),
)

FILTERS = {
    ('topic=="/containers/create"',): 3,
    ("topic~=^/containers/",): 7,
    ("namespace==other",): 3,
    ("namespace!=other,topic~=^/containers/",): 5,
    ("event.id==two",): 2,
    ("event.labels.a==2",): 1,
    ("event.name",): 1,
    ("event.runtime.name==io.containerd.runc.v2",): 3,
    ('topic=="/containers/update"', 'topic=="/namespaces/update"'): 2,
    ("nosuch==1",): 0,
}
"""Filters, and how many events of the scenario pass."""

MESSAGES = {
    "/containers/create": container_pb2.ContainerCreate(
        id="debian", image="img", runtime=container_pb2.ContainerCreate.Runtime(name="runc")
    ),
    "/images/create": image_pb2.ImageCreate(name="docker.io/library/debian", labels={"a": "1", "b": "2"}),
    "/snapshot/commit": snapshot_pb2.SnapshotCommit(key="a", name="b", snapshotter="native"),
    "/content/delete": content_pb2.ContentDelete(digest="sha256:0"),
    "/tasks/start": task_pb2.TaskStart(container_id="debian", pid=42),
    "/tasks/oom": task_pb2.TaskOOM(container_id="debian"),
    "/tasks/exit": task_pb2.TaskExit(container_id="debian", id="shell", pid=42, exit_status=137),
}


def heard(daemon: DaemonProcess, directory: Path, act: Callable[[], object], *filters: str) -> str:
    """What `ctr events` prints while something happens."""
    with listening(daemon.address, directory, *filters) as listener:
        act()
        listener.catch_up()
        return listener.printed()


def played(scenario: Scenario, daemon: DaemonProcess, directory: Path, *filters: str) -> str:
    return heard(daemon, directory, lambda: list(play(scenario, daemon.address, directory)), *filters)


def published(topic: str, event: Any, daemon: DaemonProcess, directory: Path) -> str:
    with Client(daemon.address, default_namespace="published") as client:
        return heard(daemon, directory, lambda: client.event_service.publish(topic, event))


@pytest.mark.parametrize("scenario", load("events"), ids=lambda scenario: scenario.title)
def test_the_same_commands_make(
    scenario: Scenario, companion: DaemonProcess, containerd: DaemonProcess, workspace: Path
) -> None:
    assert played(scenario, companion, workspace) == played(scenario, containerd, workspace)


@pytest.mark.parametrize(("filters", "count"), FILTERS.items(), ids=map(" ".join, FILTERS))
def test_the_same_events_pass(
    filters: tuple[str, ...],
    count: int,
    companion: DaemonProcess,
    containerd: DaemonProcess,
    workspace: Path,
) -> None:
    expected = played(SCENARIO, containerd, workspace, *filters)
    assert expected.count("\n") == count
    assert played(SCENARIO, companion, workspace, *filters) == expected


@pytest.mark.parametrize("topic", MESSAGES)
def test_what_a_program_publishes_is_passed_on(
    topic: str, companion: DaemonProcess, containerd: DaemonProcess, tmp_path: Path
) -> None:
    message = MESSAGES[topic]
    event = Any(message.DESCRIPTOR.full_name, message.SerializeToString(deterministic=True))
    expected = published(topic, event, containerd, tmp_path)
    assert f" published {topic} " in expected
    assert published(topic, event, companion, tmp_path) == expected


def test_an_event_that_ctr_does_not_know_is_passed_on(
    companion: DaemonProcess, containerd: DaemonProcess, tmp_path: Path
) -> None:
    event = Any("example.com/Unknown", b"\1\2")
    expected = published("/custom/topic", event, containerd, tmp_path)
    assert "cannot unmarshal an event from Any" in expected
    assert published("/custom/topic", event, companion, tmp_path) == expected


def test_two_subscribers_hear_the_same(companion: DaemonProcess, workspace: Path) -> None:
    with listening(companion.address, workspace) as first:
        second = played(SCENARIO, companion, workspace)
        first.catch_up()
    assert [line for line in first.printed().splitlines() if "listener-" not in line] == second.splitlines()


def farewell(daemon: DaemonProcess, directory: Path) -> str:
    """What a subscriber prints when the daemon goes away, without the words of its transport."""
    with listening(daemon.address, directory) as listener:
        daemon.stop()
        listener.process.wait(HUNG)
    return listener.printed().partition(" desc = ")[0]


def test_a_subscriber_learns_that_the_daemon_is_gone(
    new_companion: DaemonProcess, new_containerd: DaemonProcess, tmp_path: Path
) -> None:
    expected = farewell(new_containerd, tmp_path)
    assert expected == "ctr: rpc error: code = Unavailable"
    assert farewell(new_companion, tmp_path) == expected
