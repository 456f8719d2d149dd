"""The checks of chapter 1: what they say of the usual mistakes. The solutions show what they accept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace

import pytest

from companion.client import Client, Container, namespace, with_container_labels
from companion.client.container_opts import NewContainerOpt
from companion.core import containers
from companion.core.errors import Error, NotFound
from companion.daemon import Daemon
from companion.guide.checks import client_proxy as check
from companion.guide.playground import fresh_daemon, stop_daemon

OPTS = (with_container_labels({"b": "2", "a": "1"}),)

Said = Callable[[], str]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    yield fresh_daemon()
    stop_daemon()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with Client(daemon.address) as client:
        yield client


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


def test_a_wrong_prediction_is_held_against_the_daemon(client: Client, said: Said) -> None:
    check.prediction(client, OPTS, {"a": "1"})
    assert said() == "not yet: you expected {'a': '1'}, the daemon has {'a': '1', 'b': '2'}. Why?"


def test_a_prediction_is_a_dictionary(client: Client, said: Said) -> None:
    check.prediction(client, OPTS, "a=1")  # type: ignore[arg-type]
    assert said() == "not yet: expected a dictionary of labels, got 'a=1'"


def test_the_order_of_predicted_labels_does_not_count(client: Client, said: Said) -> None:
    for predicted in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}):
        check.prediction(client, OPTS, predicted)
        assert said().startswith("the daemon has {'a': '1', 'b': '2'}")


def numbered(choose: Callable[[set[str]], int]) -> Callable[[], NewContainerOpt]:
    """An option that takes the number that `choose` makes of the ids that are taken."""

    def opt(client: Client, record: containers.Container) -> containers.Container:
        taken = {other.id for other in client.container_service.list()}
        return replace(record, id=f"{record.id}-{choose(taken)}")

    return lambda: opt


def test_the_first_free_number_is_not_the_number_of_containers(client: Client, said: Said) -> None:
    check.number(client, numbered(lambda taken: len(taken) + 1))
    assert said() == ('not yet: the option chose an id that is taken: container "worker-3": already exists')


def test_the_first_free_number_is_not_behind_the_last(client: Client, said: Said) -> None:
    check.number(client, numbered(lambda taken: 1 + max([int(name[-1]) for name in taken], default=0)))
    assert said() == "not yet: id when worker-2 is free again: expected 'worker-2', got 'worker-4'"


def test_an_option_must_return_a_record(client: Client, said: Said) -> None:
    check.number(client, lambda: lambda client, record: None)  # type: ignore[arg-type, return-value]
    assert said() == "not yet: what the option of with_number() returns: expected a record, got None"


def looking_first(client: Client, id: str, *opts: NewContainerOpt) -> Container:
    try:
        return client.load_container(id)
    except NotFound:
        return client.new_container(id, *opts)


def starting_afresh(client: Client, id: str, *opts: NewContainerOpt) -> Container:
    with suppress(NotFound):
        client.load_container(id).delete()
    return client.new_container(id, *opts)


def loading_after_any_error(client: Client, id: str, *opts: NewContainerOpt) -> Container:
    try:
        return client.new_container(id, *opts)
    except Error:
        return client.load_container(id)


def returning_a_record(client: Client, id: str, *opts: NewContainerOpt) -> containers.Container:
    return client.new_container(id, *opts).info()


@pytest.mark.parametrize(
    ("ensure", "reason"),
    [
        (
            looking_first,
            "a container that another program creates meanwhile: expected its handle, got AlreadyExists: "
            'container "raced": already exists',
        ),
        (
            starting_afresh,
            "a container that is there already: made by: expected 'another program', got 'you'",
        ),
        (
            loading_after_any_error,
            "a container without a spec: expected InvalidArgument, got NotFound: "
            'container "without_spec" in namespace "exercise": not found',
        ),
        (
            returning_a_record,
            "a new container: expected its handle, got Container(id='new', labels={'by': 'you'}",
        ),
        (lambda *args: None, "a new container: expected its handle, got None"),
    ],
)
def test_create_or_load_has_its_pitfalls(
    ensure: Callable[..., Container], reason: str, client: Client, said: Said
) -> None:
    check.ensured(client, ensure)
    assert said().startswith(f"not yet: {reason}")


def with_the_namespace_alone(
    function: Callable[[str], Container], items: Sequence[str]
) -> Sequence[Container]:
    def call(item: str) -> Container:
        with namespace("exercise"):
            return function(item)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(call, items))


def test_threads_that_know_the_namespace_alone_lack_the_lease(client: Client, said: Said) -> None:
    check.threads(client, with_the_namespace_alone)
    assert said() == "not yet: leases that the eight calls worked under: expected 1, got 8"


def backwards(function: Callable[[str], Container], items: Sequence[str]) -> Sequence[Container]:
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(copy_context().run, function, item) for item in reversed(items)]
        return [call.result() for call in calls]


def test_threads_are_not_the_callers_own(client: Client, said: Said) -> None:
    check.threads(client, lambda function, items: [function(item) for item in items])
    assert said() == "not yet: the calls ran in your own thread, not in those of a pool"


def test_results_are_wanted_in_order(client: Client, said: Said) -> None:
    check.threads(client, backwards)
    assert said().startswith("not yet: ids of the results: expected ['worker-0', 'worker-1',")


def test_a_check_leaves_nothing_in_the_daemon(client: Client, said: Said) -> None:
    check.prediction(client, OPTS, {})
    check.ensured(client, looking_first)
    with namespace("exercise"):
        assert (client.containers(), client.leases_service.list()) == ([], [])
