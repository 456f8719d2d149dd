"""Chapter 9, garbage: what its exercises are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from functools import partial
from itertools import pairwise

from companion.client import Client, namespace
from companion.core.content import Info
from companion.core.garbage import Node
from companion.core.labels import GC_REF_CONTENT, GC_ROOT
from companion.core.leases import Lease, lease
from companion.guide.by_hand import TEXTS, name_image, put
from companion.guide.checks.judging import NotYet, expect, judged
from companion.guide.references import IMAGES, References, read

Put = Callable[..., str]
Name = Callable[[str, str], None]
_PLACE = "exercise"


class _Broken(Exception):
    """What goes wrong in the middle of an upload."""


@judged
def prediction(client: Client, script: Callable[[Client], object], left: Set[str] | None) -> str:
    """Run `script`, collect, and hold the blobs that are left against the prediction."""
    if not isinstance(left, Set):
        raise NotYet(f"prediction is {left!r}, expected a set of texts")
    with _place(client):
        script(client)
        _collect(client)
        found = _texts(client)
    if left != found:
        raise NotYet(_difference(found - left, left - found))
    return f"right: {', '.join(sorted(found))} are left"


@judged
def upload(client: Client, uploading: Callable[[Client, Put, Name], object]) -> str:
    """Let the reader's `upload` work among collections, and then fail in the middle."""
    with _place(client):
        uploading(client, partial(_put, client), partial(_name, client))
        _expect_no_lease(client, "when upload is over")
        _collect(client)
        names = [image.name for image in client.image_service.list()]
        if len(names) != 1:
            raise NotYet(f"expected one image, got {names}")
        lost = read(client).missing()
        if lost:
            raise NotYet(f"the image has a name, and these blobs of it were collected: {_called(lost)}")
        expect("blobs of the image", 3, len(_texts(client)))
    with _place(client):
        _fail(client, uploading)
        _expect_no_lease(client, "when a call in upload has failed")
    return "right: complete after a collection at every step, and no lease is left, not even by an error"


@judged
def why(client: Client, finding: Callable[[References, Node], Sequence[Node] | None]) -> str:
    """Hold the ways that the reader finds against the references, for everything that there is."""
    with _place(client):
        _fill(client)
        graph = read(client)
    garbage = graph.garbage()
    for node in graph.nodes:
        way = finding(graph, node)
        if node in garbage:
            expect(f"the way to {_called([node])}, which is garbage", None, way)
        else:
            _expect_way(graph, node, way)
    return f"right: a way to {len(graph.nodes) - len(garbage)} things, and none to {len(garbage)}"


@judged
def frees(client: Client, counting: Callable[[Client, str], int]) -> str:
    """Hold what the reader's `frees` says against what a deletion frees, image by image."""
    told = []
    with _place(client):
        _fill(client)
        for name in ("shared", "alone", "signed"):
            answer = counting(client, name)
            if (left := [image.name for image in client.image_service.list()]).count(name) == 0:
                raise NotYet(f"the image {name!r} is gone, it was only to be looked at: left are {left}")
            freed = _freed(client, name)
            expect(f"bytes that go with the image {name!r}", freed, answer)
            told.append(f"{name} {freed}")
    return f"right: the deletions freed what you said: {', '.join(told)} bytes"


@contextmanager
def _place(client: Client) -> Iterator[None]:
    """An empty namespace for the block, left empty after it."""
    with namespace(_PLACE):
        _empty(client)
        try:
            yield
        finally:
            _empty(client)


def _empty(client: Client) -> None:
    for image in client.image_service.list():
        client.image_service.delete(image.name)
    for each in client.leases_service.list():
        client.leases_service.delete(each)
    for info in client.content_store.list():
        client.content_store.delete(info.digest)


def _collect(client: Client) -> None:
    held = client.leases_service.create(Lease())
    client.leases_service.delete(held, sync=True)


def _put(client: Client, text: str, *needs: str) -> str:
    digest = put(client, text, *needs)
    _collect(client)
    return digest


def _name(client: Client, name: str, digest: str) -> None:
    _collect(client)
    name_image(client, name, digest)


def _fail(client: Client, uploading: Callable[[Client, Put, Name], object]) -> None:
    def refuse(name: str, digest: str) -> None:
        raise _Broken

    try:
        uploading(client, partial(_put, client), refuse)
    except _Broken:
        return
    raise NotYet("naming the image failed, and upload did not pass the error on")


def _fill(client: Client) -> None:
    """Make images that share, a circle with a name, a circle without, and a lease."""
    base, old = put(client, "base"), put(client, "old layer")
    name_image(client, "shared", put(client, "manifest of shared", base))
    name_image(client, "alone", put(client, "manifest of alone", base, put(client, "layer of alone")))
    for text, is_named in {"signed": True, "forgotten": False}.items():
        digest = put(client, text)
        signature = put(client, f"signature of {text}", digest)
        client.content_store.update(Info(digest, labels={f"{GC_REF_CONTENT}.signature": signature}))
        if is_named:
            name_image(client, text, digest)
    client.content_store.update(Info(put(client, "root", old), labels={GC_ROOT: "yes"}), f"labels.{GC_ROOT}")
    client.leases_service.create(Lease("held"))
    with lease("held"):
        put(client, "held manifest", put(client, "held layer", base))


def _expect_no_lease(client: Client, when: str) -> None:
    left = [each.id for each in client.leases_service.list()]
    if left:
        raise NotYet(f"{when}, a lease is left, and holds what it holds until it ends")


def _expect_way(graph: References, node: Node, way: Sequence[Node] | None) -> None:
    what = f"the way to {_called([node])}"
    if not way:
        raise NotYet(f"{what}: expected a list of nodes, got {way!r}")
    if way[0] not in graph.roots:
        raise NotYet(f"{what} begins with {_called(way[:1])}, which is no root")
    if way[-1] != node:
        raise NotYet(f"{what} ends with {_called(way[-1:])}")
    steps = {(each.source, each.target) for each in graph.references}
    for step in pairwise(way):
        if step not in steps:
            raise NotYet(f"{what}: {_called(step[:1])} does not refer to {_called(step[1:])}")


def _freed(client: Client, name: str) -> int:
    _collect(client)
    before = sum(info.size for info in client.content_store.list())
    client.image_service.delete(name, sync=True)
    return before - sum(info.size for info in client.content_store.list())


def _texts(client: Client) -> set[str]:
    return {TEXTS[info.digest] for info in client.content_store.list()}


def _called(nodes: Sequence[Node]) -> str:
    """Name things in a few words."""
    return ", ".join(f"{_kind(node)} {TEXTS.get(node.key, node.key)!r}" for node in nodes)


def _kind(node: Node) -> str:
    return {"content": "blob", IMAGES: "image", "leases": "lease"}.get(node.type, "snapshot")


def _difference(unexpected: Set[str], gone: Set[str]) -> str:
    reasons = []
    if unexpected:
        reasons.append(f"{', '.join(sorted(unexpected))} survived: something leads there from a root")
    if gone:
        reasons.append(
            f"{', '.join(sorted(gone))} went: no root leads there, and a flat lease leads no further"
        )
    return "; ".join(reasons)
