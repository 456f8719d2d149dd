"""A load that remembers what it was answered: the other side of a crash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count

from companion.client import Client
from companion.core.containers import Container
from companion.core.errors import Cancelled, Unavailable
from tests.robustness.place import NAMESPACE, record

THREADS = 4


@dataclass
class Answers:
    """What may be in the store, by id: the revision that was answered last, and one that was not any more."""

    answered: dict[str, int] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)

    def add(self, other: Answers) -> None:
        self.answered |= other.answered
        self.open |= other.open


def revision(id: str, number: int) -> Container:
    """A container whose content tells, over several pages of the database, which one it is."""
    return record(id, f"{id} {number};".encode() * 300, revision=str(number))


def write_until_gone(address: str, name: str) -> Answers:
    """Create and update containers from several threads until the daemon is gone."""
    with ThreadPoolExecutor(THREADS) as pool:
        total = Answers()
        for answers in pool.map(lambda n: _write(address, f"{name}-{n}"), range(THREADS)):
            total.add(answers)
        return total


def _write(address: str, name: str) -> Answers:
    answers = Answers()
    with Client(address, default_namespace=NAMESPACE) as client:
        for n in count():
            for number, key in ((1, f"{name}-{n}"), (2, f"{name}-{n // 2}")):
                try:
                    store = client.container_service
                    (store.create if number == 1 else store.update)(revision(key, number))
                except (Unavailable, Cancelled):
                    answers.open[key] = number
                    return answers
                answers.answered[key] = number
    raise AssertionError
