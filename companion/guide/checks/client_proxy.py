"""Checks of the exercises of the chapter on the client proxy. They work in a namespace of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from companion.client import Client, Container, namespace, with_container_labels, with_new_spec
from companion.client.container_opts import NewContainerOpt
from companion.core import containers, leases
from companion.core.errors import AlreadyExists, Error, InvalidArgument
from companion.guide.checks.judging import NotYet, expect, judged

Ensure = Callable[..., Container]
InThreads = Callable[[Callable[[str], Container], Sequence[str]], Sequence[Container]]


@contextmanager
def _exercise(client: Client) -> Iterator[None]:
    """Remove what the block makes: its containers, and leases that nobody deleted."""
    with namespace("exercise"):
        try:
            yield
        finally:
            for container in client.containers():
                container.delete()
            for lease in client.leases_service.list():
                client.leases_service.delete(lease)


@judged
def prediction(client: Client, opts: Sequence[NewContainerOpt], predicted: Mapping[str, str] | None) -> str:
    """Hold the labels that a reader predicts against those that a container gets from `opts`."""
    if not isinstance(predicted, Mapping):
        raise NotYet(f"expected a dictionary of labels, got {predicted!r}")
    with _exercise(client):
        labels = _sorted(_create(client, "predicted", *opts).labels)
    if _sorted(predicted) != labels:
        raise NotYet(f"you expected {_sorted(predicted)!r}, the daemon has {labels!r}. Why?")
    return f"the daemon has {labels!r}: the option that replaces ran last, and asked for nothing"


@judged
def number(client: Client, with_number: Callable[[], NewContainerOpt]) -> str:
    """Create containers of one name with the reader's option, and again when an id in between is free."""

    def create() -> str:
        try:
            return _create(client, "worker", _option("with_number()", with_number())).id
        except AlreadyExists as error:
            raise NotYet(f"the option chose an id that is taken: {error}") from None

    with _exercise(client):
        for index in (1, 2, 3):
            expect(f"id of container {index}", f"worker-{index}", create())
        client.load_container("worker-2").delete()
        expect("id when worker-2 is free again", "worker-2", create())
    return "three containers got the numbers 1 to 3; when 2 was free again, the next one got it"


@judged
def ensured(client: Client, ensure: Ensure) -> str:
    """Ask for a new container, for two that another program makes, and for one without a spec."""
    by_you, by_another = (with_container_labels({"by": name}) for name in ("you", "another program"))

    def overtaken(client: Client, record: containers.Container) -> containers.Container:
        client.new_container(record.id, with_new_spec(), by_another)
        return record

    def made(case: str, id: str, maker: str, *opts: NewContainerOpt) -> None:
        try:
            handle = ensure(client, id, with_new_spec(), by_you, *opts)
        except AlreadyExists as error:
            raise NotYet(f"{case}: expected its handle, got AlreadyExists: {error}") from None
        if not isinstance(handle, Container):
            raise NotYet(f"{case}: expected its handle, got {handle!r}")
        expect(f"{case}: made by", maker, handle.labels()["by"])

    with _exercise(client):
        made("a new container", "new", "you")
        client.new_container("old", with_new_spec(), by_another)
        made("a container that is there already", "old", "another program")
        made("a container that another program creates meanwhile", "raced", "another program", overtaken)
        _refused(lambda: ensure(client, "without_spec"))
    return "created when new, loaded when there or when another was faster; other errors come through"


@judged
def threads(client: Client, in_threads: InThreads) -> str:
    """Create containers in the threads of a pool, under one lease, with the reader's function."""
    names = [f"worker-{index}" for index in range(8)]
    used: set[str] = set()
    ran_in: set[threading.Thread] = set()

    def create(name: str) -> Container:
        ran_in.add(threading.current_thread())
        return client.new_container(name, with_new_spec(), _noting(used))

    with _exercise(client):
        with client.with_lease():
            made = in_threads(create, names)
        if threading.current_thread() in ran_in:
            raise NotYet("the calls ran in your own thread, not in those of a pool")
        expect("ids of the results", names, made and [container.id for container in made])
        expect("leases that the eight calls worked under", 1, len(used))
    return "eight containers were made in threads: in your namespace, under your lease, in order"


def _sorted(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels come off the wire in an order that differs from run to run."""
    return dict(sorted(labels.items()))


def _create(client: Client, id: str, *opts: NewContainerOpt) -> containers.Container:
    return client.new_container(id, with_new_spec(), *opts).info(refresh=False)


def _refused(create: Callable[[], Container]) -> None:
    """Raise `NotYet` unless `create` raises the daemon's error for a container without a spec."""
    try:
        came = repr(create())
    except InvalidArgument:
        return
    except Error as error:
        came = f"{type(error).__name__}: {error}"
    raise NotYet(f"a container without a spec: expected InvalidArgument, got {came}")


def _option(call: str, made: NewContainerOpt | None) -> NewContainerOpt:
    """Return an option whose mistakes are told in the words of the chapter."""
    if made is None:
        raise NotYet(f"{call}: expected an option, which is a function, got None")

    def opt(client: Client, record: containers.Container) -> containers.Container:
        changed = made(client, record)
        if not isinstance(changed, containers.Container):
            raise NotYet(f"what the option of {call} returns: expected a record, got {changed!r}")
        return changed

    return opt


def _noting(used: set[str]) -> NewContainerOpt:
    """Return an option that notes under which lease it runs."""

    def opt(client: Client, record: containers.Container) -> containers.Container:
        used.add(leases.current.get())
        return record

    return opt
