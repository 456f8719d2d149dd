"""The figure of references: what it reads from a daemon, what it draws, and what it calls garbage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count

import pytest

from companion.client import Client, namespace
from companion.core.content import Info
from companion.core.labels import GC_EXPIRE, GC_FLAT, GC_REF_CONTENT, GC_REF_SNAPSHOT, GC_ROOT
from companion.core.leases import Lease, lease
from companion.daemon import Daemon
from companion.guide.by_hand import name_image, put
from companion.guide.figures.references import references
from companion.guide.figures.style import FAULT
from companion.guide.image import NAME
from companion.guide.playground import ON_REQUEST, fresh_daemon, stop_daemon
from companion.guide.references import read
from companion.guide.registry import Registry
from companion.guide.store_suite import sample
from companion.plugin import METADATA
from companion.store import garbage
from tests.unit.guide.svgs import drawn, inches_wide, words

EVER, OVER = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
_numbers = count()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    yield fresh_daemon(ON_REQUEST)
    stop_daemon()


@pytest.fixture
def place() -> str:
    """A namespace of the test's own."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def client(daemon: Daemon, place: str) -> Iterator[Client]:
    with Client(daemon.address) as client, namespace(place):
        yield client


def digest(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def put_snapshots(client: Client, *keys: str) -> None:
    """Make each on top of the one before; only the last can be written to."""
    snapshotter, parent = client.snapshot_service("native"), ""
    for key in keys[:-1]:
        snapshotter.prepare("active", parent)
        snapshotter.commit(key, "active")
        parent = key
    snapshotter.prepare(keys[-1], parent)


def told(client: Client, *texts: str) -> set[str]:
    """The lines of the description, with blobs called by their texts."""
    return set(references(client, names={digest(text): text for text in texts}).desc.splitlines())


def test_an_empty_namespace_says_so(client: Client) -> None:
    assert references(client).desc == "Nothing at all."
    assert drawn(references(client))


def test_an_image_leads_to_its_target_and_on_by_labels(client: Client) -> None:
    name_image(client, "app", put(client, "manifest", put(client, "layer")))
    assert told(client, "manifest", "layer") == {
        "root image app: target → blob manifest",
        "blob manifest: gc.ref.content.0 → blob layer",
        "blob layer",
    }


def test_a_container_leads_to_its_snapshot_and_that_to_its_parents(client: Client) -> None:
    put_snapshots(client, "base", "web")
    client.container_service.create(sample("web", snapshotter="native", snapshot_key="web"))
    assert told(client) == {
        "root container web: snapshot key → snapshot web",
        "snapshot web: parent → snapshot base",
        "snapshot base",
    }


def test_a_blob_leads_to_a_snapshot_by_a_label(client: Client) -> None:
    put_snapshots(client, "top")
    config = put(client, "config")
    client.content_store.update(Info(config, labels={f"{GC_REF_SNAPSHOT}native": "top"}))
    assert told(client, "config") == {
        "blob config (garbage): gc.ref.snapshot.native → snapshot top",
        "snapshot top (garbage)",
    }


def test_a_lease_holds_blobs_and_ingests(client: Client) -> None:
    client.leases_service.create(Lease("upload", labels={GC_EXPIRE: EVER}))
    with lease("upload"):
        put(client, "blob")
        client.content_store.writer("half", expected=digest("half")).close()
    assert told(client, "blob", "half") == {
        "root lease upload: holds → blob blob; holds → ingest half",
        "blob blob",
        "ingest half",
    }


def test_a_lease_that_is_over_holds_nothing(client: Client) -> None:
    client.leases_service.create(Lease("old", labels={GC_EXPIRE: OVER}))
    with lease("old"):
        put(client, "blob")
    assert told(client, "blob") == {
        "lease old (expired): holds → blob blob",
        "blob blob (garbage)",
    }


def test_a_flat_lease_holds_no_children(client: Client) -> None:
    client.leases_service.create(Lease("upload", labels={GC_FLAT: "yes"}))
    layer = put(client, "layer")
    with lease("upload"):
        put(client, "manifest", layer)
    assert told(client, "manifest", "layer") == {
        "root lease upload: holds, flat → blob manifest",
        "blob manifest: gc.ref.content.0 → blob layer",
        "blob layer (garbage)",
    }


def test_a_label_makes_a_root(client: Client) -> None:
    client.content_store.update(Info(put(client, "kept"), labels={GC_ROOT: "yes"}))
    assert told(client, "kept") == {"root blob kept (gc.root)"}


def test_what_is_not_there_is_no_garbage(client: Client) -> None:
    name_image(client, "app", digest("never written"))
    assert told(client, "never written") == {
        "root image app: target → blob never written",
        "blob never written (not there)",
    }
    assert read(client).garbage() == ()


def test_garbage_alone_wears_the_colour_of_a_fault(client: Client) -> None:
    name_image(client, "app", put(client, "used"))
    assert FAULT.line not in references(client).dot
    put(client, "unused")
    assert references(client).dot.count(FAULT.line) == 1


def test_the_garbage_is_what_the_collector_finds(client: Client, daemon: Daemon, place: str) -> None:
    put_snapshots(client, "base", "middle", "lost")
    client.leases_service.create(Lease("flat", labels={GC_FLAT: "yes"}))
    client.leases_service.create(Lease("old", labels={GC_EXPIRE: OVER}))
    with lease("flat"):
        client.snapshot_service("native").prepare(
            "kept", "middle", {f"{GC_REF_CONTENT}.x": put(client, "lost")}
        )
    name_image(client, "app", put(client, "manifest", put(client, "layer")))
    db = daemon.plugins.by_id(METADATA, "bolt")
    found = db.view(lambda root: garbage.find(root, datetime.now(UTC)))[place]
    assert set(read(client).garbage()) == set(found)
    assert {node.key for node in found} == {"old", "lost"}


def test_a_digest_is_short_and_a_thing_may_have_another_name(client: Client) -> None:
    name_image(client, "app", put(client, "layer"))
    assert digest("layer")[:15] in words(references(client))
    assert "the layer" in words(references(client, names={digest("layer"): "the layer"}))


def test_names_with_marks_of_html_and_dot_are_written_as_they_are(client: Client) -> None:
    name_image(client, 'a<b>&"c:1\\n', put(client, "layer"))
    assert 'a<b>&"c:1\\n' in words(references(client))


def test_a_pulled_image_fits_a_page_of_a_notebook(client: Client) -> None:
    with Registry() as registry:
        client.pull(NAME, unpack=False, resolver=registry.resolver())
    assert inches_wide(references(client)) <= 7.5


def test_two_figures_are_the_same_but_for_their_titles(client: Client) -> None:
    name_image(client, "app", put(client, "layer"))
    before, after = references(client, title="Before"), references(client, title="After")
    assert drawn(before) == drawn(references(client, title="Before"))
    assert 'id="before"' in drawn(before)
    assert 'id="before"' not in drawn(after)
