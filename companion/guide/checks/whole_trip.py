"""Checks of the exercises of the chapter on the whole trip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from companion.client import Client
from companion.core import trace
from companion.core.errors import Error
from companion.core.namespaces import namespace
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.recording import recording
from companion.guide.trace import Hop


@judged
def prediction(client: Client, lanes: Sequence[str] | None) -> str:
    """Hold the lanes that a reader predicts for a deletion against those of a recorded one."""
    if lanes is None:
        raise NotYet("expected a list of lanes, got None")
    found = [hop.lane for hop in _refused_deletion(client)]
    if list(lanes) != found:
        raise NotYet(f"you expected {list(lanes)}, the call took {found}")
    return f"a call that is refused goes all the way down: {len(found)} lanes"


@judged
def words(client: Client, told: Callable[[Hop], str]) -> str:
    """Let the reader tell each hop of a refused call in words of their own."""
    hops = _refused_deletion(client)
    for hop in hops:
        line = told(hop)
        if not isinstance(line, str):
            raise NotYet(f"expected a text for the hop {hop.lane}, got {line!r}")
        for part in (hop.lane, hop.call, hop.error or ""):
            if part not in line:
                raise NotYet(f"the line for {hop.lane} should hold {part!r}, it is {line!r}")
    return "\n".join(map(told, hops))


@judged
def origin(client: Client, where: Callable[[Sequence[Hop]], Hop | None]) -> str:
    """Let the reader find the hop that an error began with, in recordings with and without one."""
    failed, fine = _refused_deletion(client), _listing(client)
    expect("the lane of the hop in a refused call", failed[-1].lane, getattr(where(failed), "lane", None))
    expect("the hop in a call that succeeds", None, where(fine))
    shuffled = [failed[1], failed[0], *failed[2:]]
    if where(shuffled) is not failed[-1]:
        raise NotYet("the order of the list changed the answer: follow `parent`, or look for the last start")
    return f"the error began in {failed[-1].lane}, five floors below the program"


@judged
def recorder(
    client: Client, make: Callable[[], trace.Recorder], counts: Callable[[], Mapping[str, int]]
) -> str:
    """Put the reader's own recorder behind the seam, make three calls, and compare what it counted."""
    came = make().record("client", "a lane of the check", "call", (), lambda: "an answer")
    expect("what record returns when run() returns 'an answer'", "an answer", came)
    already = dict(counts())
    before, trace.recorder = trace.recorder, make()
    try:
        with namespace("exercise"):
            for _ in range(3):
                client.containers()
    finally:
        trace.recorder = before
    lanes = ("Client", "RemoteContainerStore", "ContainerStore")
    counted = {lane: counts().get(lane, 0) - already.get(lane, 0) for lane in lanes}
    expect("calls counted on three lanes", dict.fromkeys(counted, 3), counted)
    return f"three calls, counted on every floor: {counted}"


def _refused_deletion(client: Client) -> list[Hop]:
    """Ask for the removal of a container that is not there."""
    with namespace("exercise"), recording() as call, suppress(Error):
        client.container_service.delete("nothing")
    return call.hops("Container")


def _listing(client: Client) -> list[Hop]:
    with namespace("exercise"), recording() as call:
        client.containers()
    return call.hops("Container")
