"""The checks of chapter 9: what they accept, and what they say of the usual mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from companion.client import Client, namespace
from companion.core.garbage import Node
from companion.core.leases import Lease, lease
from companion.guide.by_hand import name_image, put
from companion.guide.checks import garbage as check
from companion.guide.checks.garbage import Name, Put
from companion.guide.playground import ON_REQUEST, fresh_daemon, stop_daemon
from companion.guide.references import References, read

Said = Callable[[], str]
Way = Sequence[Node] | None


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(fresh_daemon(ON_REQUEST).address, default_namespace="builder") as client:
        yield client
    stop_daemon()


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.removesuffix("\n")


def script(client: Client) -> None:
    name_image(client, "image", put(client, "named", put(client, "needed")))
    put(client, "unnamed")


@pytest.mark.parametrize(
    ("prediction", "answer"),
    [
        (None, "not yet: prediction is None, expected a set of texts"),
        ("named", "not yet: prediction is 'named', expected a set of texts"),
        (set(), "not yet: named, needed survived: something leads there from a root"),
        (
            {"named", "needed", "unnamed"},
            "not yet: unnamed went: no root leads there, and a flat lease leads no further",
        ),
        (
            {"named", "unnamed"},
            "not yet: needed survived: something leads there from a root; "
            "unnamed went: no root leads there, and a flat lease leads no further",
        ),
        ({"named", "needed"}, "right: named, needed are left"),
    ],
)
def test_a_prediction_is_held_against_a_collection(
    client: Client, prediction: object, answer: str, said: Said
) -> None:
    check.prediction(client, script, prediction)  # type: ignore[arg-type]
    assert said() == answer


def write(put: Put) -> str:
    return put("manifest", put("layer 1"), put("layer 2"))


def upload(client: Client, put: Put, name: Name) -> None:
    with client.with_lease():
        name("image", write(put))


def without_lease(client: Client, put: Put, name: Name) -> None:
    name("image", write(put))


def name_outside(client: Client, put: Put, name: Name) -> None:
    with client.with_lease():
        manifest = write(put)
    name("image", manifest)


def leave_the_lease(client: Client, put: Put, name: Name) -> None:
    with lease(client.leases_service.create(Lease()).id):
        name("image", write(put))


def leave_it_on_errors(client: Client, put: Put, name: Name) -> None:
    held = client.leases_service.create(Lease())
    with lease(held.id):
        name("image", write(put))
    client.leases_service.delete(held)


def hide_errors(client: Client, put: Put, name: Name) -> None:
    with suppress(Exception):
        upload(client, put, name)


def one_layer(client: Client, put: Put, name: Name) -> None:
    with client.with_lease():
        name("image", put("manifest", put("layer 1")))


def no_image(client: Client, put: Put, name: Name) -> None:
    with client.with_lease():
        write(put)


def test_an_upload_under_a_lease_is_right(client: Client, said: Said) -> None:
    check.upload(client, upload)
    assert said().startswith("right: complete after a collection at every step")


@pytest.mark.parametrize(
    ("uploading", "reason"),
    [
        (without_lease, "the image has a name, and these blobs of it were collected: blob 'manifest'"),
        (name_outside, "the image has a name, and these blobs of it were collected: blob 'manifest'"),
        (leave_the_lease, "when upload is over, a lease is left"),
        (leave_it_on_errors, "when a call in upload has failed, a lease is left"),
        (hide_errors, "naming the image failed, and upload did not pass the error on"),
        (one_layer, "blobs of the image: expected 3, got 2"),
        (no_image, "expected one image, got []"),
        (lambda client, put, name: client.nothing(), "your code raised AttributeError"),
    ],
)
def test_other_uploads_are_told_why_not(
    client: Client, uploading: Callable[[Client, Put, Name], object], reason: str, said: Said
) -> None:
    check.upload(client, uploading)
    assert said().startswith(f"not yet: {reason}")


def why(graph: References, node: Node) -> Way:
    ways, waiting = {root: [root] for root in graph.roots}, list(graph.roots)
    while waiting:
        here = waiting.pop()
        for each in graph.references:
            if each.source == here and each.target not in ways:
                ways[each.target] = [*ways[here], each.target]
                waiting.append(each.target)
    return ways.get(node)


def why_backwards(graph: References, node: Node) -> Way:
    way = why(graph, node)
    return way and way[::-1]


def why_garbage_too(graph: References, node: Node) -> Way:
    return why(graph, node) or [node]


def only_the_root(graph: References, node: Node) -> Way:
    way = why(graph, node)
    return way and way[:1]


def from_root_to_node(graph: References, node: Node) -> Way:
    way = why(graph, node)
    return way and list(dict.fromkeys([way[0], way[-1]]))


def test_a_way_for_everything_that_is_reached_is_right(client: Client, said: Said) -> None:
    check.why(client, why)
    assert said().startswith("right: a way to ")


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (lambda graph, node: None, "expected a list of nodes, got None"),
        (why_backwards, ", which is no root"),
        (why_garbage_too, ", which is garbage: expected None, got [Node("),
        (only_the_root, "ends with "),
        (from_root_to_node, "does not refer to"),
    ],
)
def test_other_ways_are_told_why_not(
    client: Client, finding: Callable[[References, Node], Way], reason: str, said: Said
) -> None:
    check.why(client, finding)
    answer = said()
    assert answer.startswith("not yet: ")
    assert reason in answer


def frees(client: Client, name: str) -> int:
    graph = read(client)
    without = replace(graph, roots=graph.roots - {Node("images", name)})
    freed = set(without.garbage()) - set(graph.garbage())
    return sum(client.content_store.info(node.key).size for node in freed if node.type == "content")


def frees_garbage_too(client: Client, name: str) -> int:
    graph = read(client)
    without = replace(graph, roots=graph.roots - {Node("images", name)})
    return sum(
        client.content_store.info(node.key).size for node in without.garbage() if node.type == "content"
    )


def frees_all_it_leads_to(client: Client, name: str) -> int:
    graph = replace(read(client), roots=frozenset({Node("images", name)}))
    kept = set(graph.nodes) - set(graph.garbage())
    return sum(client.content_store.info(node.key).size for node in kept if node.type == "content")


def frees_really(client: Client, name: str) -> int:
    before = sum(info.size for info in client.content_store.list())
    client.image_service.delete(name, sync=True)
    return before - sum(info.size for info in client.content_store.list())


def test_what_a_deletion_frees_is_right(client: Client, said: Said) -> None:
    check.frees(client, frees)
    assert said().startswith("right: the deletions freed what you said: shared ")


@pytest.mark.parametrize(
    ("counting", "reason"),
    [
        (lambda client, name: None, "bytes that go with the image 'shared': expected 18, got None"),
        (frees_garbage_too, "bytes that go with the image 'shared': expected 18, got "),
        (frees_all_it_leads_to, "bytes that go with the image 'shared': expected 18, got 22"),
        (frees_really, "the image 'shared' is gone, it was only to be looked at"),
    ],
)
def test_other_counts_are_told_why_not(
    client: Client, counting: Callable[[Client, str], int], reason: str, said: Said
) -> None:
    check.frees(client, counting)
    assert said().startswith(f"not yet: {reason}")


def test_a_check_leaves_nothing_behind(client: Client, said: Said) -> None:
    check.why(client, why)
    with namespace("exercise"):
        assert read(client).nodes == ()


def test_what_has_a_name_in_the_namespace_of_the_reader_stays(client: Client, said: Said) -> None:
    name_image(client, "mine", put(client, "of the reader"))
    before = read(client)
    check.upload(client, upload)
    assert read(client) == before
