"""The checks of the chapter on the whole trip tell each mistake apart."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from companion.client import Client
from companion.guide.checks import whole_trip as check
from companion.guide.playground import fresh_daemon, stop_daemon
from companion.guide.trace import Hop

Said = Callable[[], str]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(fresh_daemon().address) as client:
        yield client
    stop_daemon()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


def test_predicted_lanes_are_held_against_the_call(client: Client, said: Said) -> None:
    check.prediction(client, ["Client"])
    assert said().startswith("not yet: you expected ['Client'], the call took ['RemoteContainerStore', ")


def test_a_line_without_the_error_is_told(client: Client, said: Said) -> None:
    check.words(client, lambda hop: f"{hop.lane} {hop.call}")
    assert said().startswith("not yet: the line for RemoteContainerStore should hold 'NotFound: ")


@pytest.mark.parametrize(
    ("where", "mistake"),
    [
        (lambda hops: hops[0], "the lane of the hop in a refused call"),
        (lambda hops: hops[-1], "the hop in a call that succeeds"),
        (lambda hops: [hop for hop in hops if hop.error or hop.parent == -1][-1:][0], "your code raised"),
    ],
)
def test_a_hop_that_is_not_the_origin_is_told(
    where: Callable[[Sequence[Hop]], Hop | None], mistake: str, client: Client, said: Said
) -> None:
    check.origin(client, where)
    assert said().startswith(f"not yet: {mistake}")


class Counting:
    """A recorder that counts by `key`, and returns what it should unless it is `deaf`."""

    def __init__(self, counted: dict[str, int], key: int = 1, deaf: bool = False) -> None:
        self.counted, self.key, self.deaf = counted, key, deaf

    def record(self, *told: Any) -> Any:
        *_, run = told
        self.counted[told[self.key]] = self.counted.get(told[self.key], 0) + 1
        answer = run()
        return None if self.deaf else answer

    def headers(self) -> list[tuple[str, str]]:
        return []

    def join(self, headers: object) -> None:
        pass


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, "three calls, counted on every floor"),
        ({"key": 0}, "not yet: calls counted on three lanes: expected {'Client': 3, "),
        ({"deaf": True}, "not yet: what record returns when run() returns 'an answer'"),
    ],
)
def test_a_recorder_is_tried_on_three_calls(
    options: dict[str, Any], answer: str, client: Client, said: Said
) -> None:
    counted: dict[str, int] = {}
    check.recorder(client, lambda: Counting(counted, **options), lambda: counted)
    assert said().startswith(answer)
