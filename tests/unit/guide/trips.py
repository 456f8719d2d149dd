"""Trips of one call, as a recorder hands them to the figures."""

from __future__ import annotations

from companion.guide.trace import Hop

REQUEST = 'CreateContainerRequest(id="debian_container")'
RECORD = 'Container(id="debian_container", image="docker.io/library/debian:12")'
TAKEN = 'container "debian_container": already exists'

_WAY = [
    ("Client", "client", "new_container", '"debian_container"'),
    ("RemoteContainerStore", "remote", "create", RECORD),
    ("ContainersClient (stub)", "wire", "Create", REQUEST),
    ("ContainersServer (plugin containers)", "service", "Create", REQUEST),
    ("ContainersClient (local, plugin containers-service)", "local", "Create", REQUEST),
    ("ContainerStore", "store", "create", RECORD),
]
WIRE = ("wire", "service")


def trip(error: str | None = None, without: tuple[str, ...] = ()) -> list[Hop]:
    """One call through all floors but those `without`; it ends well, or on every floor in `error`."""
    way = [stop for stop in _WAY if stop[1] not in without]
    hops = []
    for depth, (lane, floor, call, request) in enumerate(way):
        reply, parent = "" if error else f"reply to {call}", depth - 1 if depth else None
        hops.append(Hop(lane, floor, call, request, reply, error, parent, depth, 100 - depth))
    return hops


def hop(lane: str, parent: int | None = None, start: int = 0, request: str = "", reply: str = "") -> Hop:
    """A hop that matters for its place alone."""
    return Hop(lane, "store", "get", request, reply, None, parent, start, start + 1)
