"""Checks of the exercises of the chapter on the client proxy. They work in a namespace of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from companion.client import Client, Container, namespace, with_new_spec
from companion.client.container_opts import NewContainerOpt
from companion.core import containers, leases
from companion.guide.checks.judging import NotYet, expect, judged

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
    if predicted is None:
        raise NotYet("expected a mapping of labels, got None")
    with _exercise(client):
        labels = _sorted(_create(client, "predicted", *opts).labels)
    if _sorted(predicted) != labels:
        raise NotYet(f"you expected {_sorted(predicted)!r}, the daemon has {labels!r}. Why?")
    return f"the daemon has {labels!r}: the option that replaces ran last, and asked for nothing"


@judged
def number(client: Client, with_number: Callable[[], NewContainerOpt]) -> str:
    """Create containers of one name with the reader's option, and again when an id in between is free."""

    def create() -> str:
        return _create(client, "worker", _option("with_number()", with_number())).id

    with _exercise(client):
        for index in (1, 2, 3):
            expect(f"id of container {index}", f"worker-{index}", create())
        client.load_container("worker-2").delete()
        expect("id when worker-2 is free again", "worker-2", create())
    return "three containers got the numbers 1 to 3; when 2 was free again, the next one got it"


@judged
def joined(client: Client) -> str:
    """Create containers in a block under a lease and outside of it, and note the leases that are used."""
    used: set[str] = set()
    with _exercise(client):
        with client.with_lease():
            used.add(leases.current.get())
            _create(client, "first", _noting(used))
            _create(client, "second", _noting(used))
        expect("leases of a block with two creations inside", 1, len(used))
        _create(client, "alone", _noting(used))
        expect("leases when a creation outside has followed", 2, len(used))
        expect("leases left", 0, len(client.leases_service.list()))
    return "two creations worked under the lease of their block, one outside under its own; none is left"


@judged
def threads(client: Client, in_threads: InThreads) -> str:
    """Create containers in the threads of a pool, under one lease, with the reader's function."""
    names = [f"worker-{index}" for index in range(8)]
    used: set[str] = set()

    def create(name: str) -> Container:
        return client.new_container(name, with_new_spec(), _noting(used))

    with _exercise(client):
        with client.with_lease():
            made = in_threads(create, names)
        expect("containers", names, made and [container.id for container in made])
        expect("leases", 1, len(used))
    return "eight containers were made in threads: in your namespace, under your lease, in order"


def _sorted(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels come off the wire in an order that differs from run to run."""
    return dict(sorted(labels.items()))


def _create(client: Client, id: str, *opts: NewContainerOpt) -> containers.Container:
    return client.new_container(id, with_new_spec(), *opts).info(refresh=False)


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
