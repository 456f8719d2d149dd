"""A daemon that is killed loses nothing that it answered, and writes nothing by halves."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from companion.core.namespaces import namespace
from companion.store.containers import ContainerStore
from companion.store.database import Database
from tests.robustness.flushes import flushes, needs_strace
from tests.robustness.load import Answers, revision, write_until_gone
from tests.robustness.place import NAMESPACE, Place, eventually, record

ROUNDS = 20
PROCESSES = 2
CREATES = 20
CALLERS = 64


def test_twenty_kills_under_load_lose_no_answered_write_and_tear_no_record(place: Place) -> None:
    known = Answers()
    moments = random.Random(1)
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        for n in range(ROUNDS):
            with place.daemon() as daemon:
                loads = [
                    pool.submit(write_until_gone, place.address, f"{n}-{process}")
                    for process in range(PROCESSES)
                ]
                wait_for_containers(place, f"id~=^{n}-", moments.randint(1, 100))
                daemon.process.kill()
                for load in loads:
                    known.add(load.result())
            check(known, stored(place))
    assert len(known.answered) > ROUNDS * PROCESSES


def wait_for_containers(place: Place, wanted: str, number: int) -> None:
    """Return once there are so many containers that the filter matches."""
    with place.client() as client:
        eventually(lambda: len(client.containers(wanted)) >= number)


def stored(place: Place) -> Mapping[str, int]:
    """The revision of every container in the database, each of them decoded and whole."""
    with Database(place.database) as db, namespace(NAMESPACE):
        found = {container.id: container for container in ContainerStore(db).list()}
    revisions = {key: int(container.labels["revision"]) for key, container in found.items()}
    for key, number in revisions.items():
        written = revision(key, number)
        assert (found[key].spec, found[key].labels) == (written.spec, written.labels)
    return revisions


def check(known: Answers, found: Mapping[str, int]) -> None:
    """Hold the store to the answers: a write that was not answered may be there or not."""
    lost = {
        key: number
        for key, number in known.answered.items()
        if found.get(key) not in (number, known.open.get(key))
    }
    assert lost == {}
    assert found.keys() <= known.answered.keys() | known.open.keys()


@needs_strace
def test_every_answered_write_is_flushed(place: Place) -> None:
    with place.daemon() as daemon, place.client() as client:
        client.is_serving()
        with flushes(daemon.pid, place.directory / "flushes") as seen:
            for n in range(CREATES):
                client.container_service.create(record(f"c{n}"))
                assert seen.count() > n


@needs_strace
def test_callers_that_come_together_share_flushes(place: Place) -> None:
    with (
        place.daemon() as daemon,
        place.client() as client,
        # So slow that the others are waiting when the first is done.
        flushes(daemon.pid, place.directory / "flushes", delay=0.1) as seen,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        list(pool.map(client.container_service.create, [record(f"c{n}") for n in range(CALLERS)]))
        assert 1 <= seen.count() < CALLERS
        assert len(client.containers()) == CALLERS
