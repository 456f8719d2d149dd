"""Garbage in random worlds: what is taken is what a slow and simple look finds unreachable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from companion.convert import content as convert
from companion.core import labels
from companion.core.containers import Container, RuntimeInfo
from companion.core.content import Descriptor, Info
from companion.core.garbage import Node
from companion.core.images import Image
from companion.core.leases import Lease, Resource
from companion.core.namespaces import namespace
from companion.core.snapshots import Info as SnapshotInfo
from companion.core.snapshots import Kind
from companion.core.typeurl import Any
from companion.store import garbage
from companion.store.bucket import Bucket, entries
from companion.store.containers import ContainerStore
from companion.store.database import Database
from companion.store.images import ImageStore
from companion.store.leases import LeaseManager
from companion.store.snapshot_bucket import SnapshotBucket

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRIES = {
    "": False,
    "x": False,
    "2025-12-31T23:59:59Z": True,
    "2026-01-01T01:00:00+02:00": True,
    "2999-01-01T00:00:00+01:00": False,
}
"""The expiries of leases, and whether they are past."""

SMALL = st.integers(0, 4)
SNAPSHOTTERS = ("native", "overlayfs")


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@dataclass(frozen=True)
class Refs:
    """What the labels of an object refer to, and whether they make it a root."""

    content: list[int]
    snapshots: list[tuple[str, int]]
    root: bool = False

    @property
    def labels(self) -> dict[str, str]:
        found = {f"{labels.GC_REF_CONTENT}.{n}": digest(number) for n, number in enumerate(self.content)}
        for n, (snapshotter, number) in enumerate(self.snapshots):
            found[f"{labels.GC_REF_SNAPSHOT}{snapshotter}/{n}"] = f"k{number}"
        return {**found, **({labels.GC_ROOT: "1"} if self.root else {})}

    def nodes(self) -> set[Node]:
        return {
            *(Node("content", digest(number)) for number in self.content),
            *(Node(f"snapshots/{snapshotter}", f"k{number}") for snapshotter, number in self.snapshots),
        }


refs = st.builds(
    Refs,
    st.lists(SMALL, max_size=2),
    st.lists(st.tuples(st.sampled_from(SNAPSHOTTERS), SMALL), max_size=2),
    st.sampled_from([False, False, False, True]),
)
resources = st.one_of(
    st.builds(lambda number: Node("content", digest(number)), SMALL),
    st.builds(
        lambda name, number: Node(f"snapshots/{name}", f"k{number}"), st.sampled_from(SNAPSHOTTERS), SMALL
    ),
    st.builds(lambda number: Node("ingests", f"r{number}"), SMALL),
)


@dataclass(frozen=True)
class ALease:
    expiry: str
    flat: bool
    holds: list[Node]

    @property
    def labels(self) -> dict[str, str]:
        flat = {labels.GC_FLAT: "1"} if self.flat else {}
        return {**flat, **({labels.GC_EXPIRE: self.expiry} if self.expiry else {})}


@dataclass(frozen=True)
class AnIngest:
    expires: int | None
    """Hours from now; None under a lease."""
    expects: int | None


@dataclass(frozen=True)
class World:
    """What a namespace has."""

    blobs: Mapping[int, Refs]
    snapshots: Mapping[tuple[str, int], tuple[Refs, bool]]
    """With the next lower one of the same snapshotter as parent, if it is there and the second is true."""
    images: list[tuple[int, Refs]]
    containers: list[tuple[str, int, Refs]]
    leases: list[ALease]
    ingests: Mapping[int, AnIngest] = field(default_factory=dict)

    def parent(self, name: str, number: int) -> Node | None:
        has = self.snapshots[name, number][1] and (name, number - 1) in self.snapshots
        return Node(f"snapshots/{name}", f"k{number - 1}") if has else None

    def there(self) -> set[Node]:
        return {
            *(Node("content", digest(number)) for number in self.blobs),
            *(Node(f"snapshots/{name}", f"k{number}") for name, number in self.snapshots),
            *(Node("ingests", f"r{number}") for number in self.ingests),
            *(Node("leases", f"l{number}") for number in range(len(self.leases))),
        }


worlds = st.builds(
    World,
    st.dictionaries(SMALL, refs, max_size=5),
    st.dictionaries(
        st.tuples(st.sampled_from(SNAPSHOTTERS), SMALL), st.tuples(refs, st.booleans()), max_size=6
    ),
    st.lists(st.tuples(SMALL, refs), max_size=2),
    st.lists(st.tuples(st.sampled_from(["", *SNAPSHOTTERS]), SMALL, refs), max_size=2),
    st.lists(
        st.builds(ALease, st.sampled_from(list(EXPIRIES)), st.booleans(), st.lists(resources, max_size=3)),
        max_size=3,
    ),
    st.dictionaries(
        SMALL, st.builds(AnIngest, st.sampled_from([None, -1, 1]), st.none() | SMALL), max_size=3
    ),
)


def kept(world: World) -> set[Node]:
    """Return what must be left: grow what is kept, and what is kept flat, until nothing more comes."""
    whole: set[Node] = set()
    flat: set[Node] = set()
    for number, lease in enumerate(world.leases):
        if not EXPIRIES[lease.expiry]:
            whole.add(Node("leases", f"l{number}"))
            for held in lease.holds:
                (flat if lease.flat and held.type != "ingests" else whole).add(held)
    for target, given in world.images:
        whole |= {Node("content", digest(target)), *given.nodes()}
    for snapshotter, number, given in world.containers:
        whole |= given.nodes() | ({Node(f"snapshots/{snapshotter}", f"k{number}")} if snapshotter else set())
    whole |= {
        Node("ingests", f"r{number}") for number, ingest in world.ingests.items() if ingest.expires == 1
    }
    whole |= {Node("content", digest(number)) for number, given in world.blobs.items() if given.root}
    whole |= {
        Node(f"snapshots/{name}", f"k{n}") for (name, n), (given, _) in world.snapshots.items() if given.root
    }
    for _ in range(30):  # more than there are things
        for number, given in world.blobs.items():
            if Node("content", digest(number)) in whole:
                whole |= given.nodes()
        for (name, number), (given, _) in world.snapshots.items():
            node, parent = Node(f"snapshots/{name}", f"k{number}"), world.parent(name, number)
            whole |= given.nodes() if node in whole else set()
            whole |= {parent} if parent and node in whole else set()
            flat |= {parent} if parent and node in flat else set()
        for number, ingest in world.ingests.items():
            if ingest.expects is not None and Node("ingests", f"r{number}") in whole:
                whole.add(Node("content", digest(ingest.expects)))
    return (whole | flat) & world.there()


def write(db: Database, world: World, name: str) -> None:
    """Put a world into a namespace."""

    def put(root: Bucket) -> None:
        blobs = root.create_bucket("v1", name, "content", "blob")
        for number, given in world.blobs.items():
            blobs.put(digest(number), convert.encode(Info(digest(number), 1, given.labels)))
        for snapshotter, number in sorted(world.snapshots):
            parent = world.parent(snapshotter, number)
            info = SnapshotInfo(
                f"k{number}",
                parent.key if parent else "",
                Kind.COMMITTED,
                world.snapshots[snapshotter, number][0].labels,
            )
            SnapshotBucket(root, name, snapshotter).add(info, f"{name}/{number}")
        for number, ingest in world.ingests.items():
            bucket = root.create_bucket("v1", name, "content", "ingests", f"r{number}")
            bucket.put("ref", b"backend")
            if ingest.expires is not None:
                bucket.put("expireat", (NOW + timedelta(hours=ingest.expires)).isoformat().encode())
            if ingest.expects is not None:
                bucket.put("expected", digest(ingest.expects).encode())
        for number, (target, given) in enumerate(world.images):
            ImageStore(db).create(Image(f"i{number}", Descriptor("m", digest(target), 1), given.labels))
        for number, (snapshotter, key, given) in enumerate(world.containers):
            runtime, spec = RuntimeInfo("r"), Any("s", b"{}")
            ContainerStore(db).create(
                Container(
                    f"c{number}",
                    labels=given.labels,
                    runtime=runtime,
                    spec=spec,
                    snapshotter=snapshotter,
                    snapshot_key=f"k{key}" if snapshotter else "",
                )
            )
        for number, lease in enumerate(world.leases):
            LeaseManager(db).create(Lease(f"l{number}", labels=lease.labels))
            for held in lease.holds:
                LeaseManager(db).add_resource(Lease(f"l{number}"), Resource(held.key, held.type))

    with namespace(name):
        db.update(put)


def left(db: Database, name: str) -> set[Node]:
    """Read what a namespace has."""

    def read(root: Bucket) -> set[Node]:
        found = {Node("content", key) for key, _ in entries(root.bucket("v1", name, "content", "blob"))}
        found |= {Node("leases", key) for key, _ in entries(root.bucket("v1", name, "leases"))}
        ingests = root.bucket("v1", name, "content", "ingests")
        found |= {Node("ingests", ref) for ref in ([] if ingests is None else ingests.buckets())}
        for each in SNAPSHOTTERS:
            found |= {
                Node(f"snapshots/{each}", info.name) for info in SnapshotBucket(root, name, each).list()
            }
        return found

    return db.view(read)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with Database(tmp_path_factory.mktemp("garbage") / "meta.db") as db:
        yield db


NOTHING = Refs([], [])
EMPTY = World({}, {}, [], [], [])
FLAT_PARENT = World(
    {1: NOTHING},
    {("native", 0): (Refs([1], []), False), ("native", 1): (NOTHING, True)},
    [],
    [],
    [ALease("", flat=True, holds=[Node("snapshots/native", "k1")])],
)
FLAT_INGEST = World(
    {1: NOTHING},
    {},
    [],
    [],
    [ALease("", flat=True, holds=[Node("ingests", "r1")])],
    {1: AnIngest(expires=None, expects=1)},
)


@hypothesis.example(FLAT_PARENT, FLAT_INGEST)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@hypothesis.given(worlds, worlds)
def test_what_is_left_is_what_is_reachable(db: Database, world: World, neighbour: World) -> None:
    named = {uuid4().hex: world, uuid4().hex: neighbour}
    for name, each in named.items():
        write(db, each, name)
        assert left(db, name) == each.there()
    expected = {name: kept(each) for name, each in named.items()}
    types = db.update(lambda root: garbage.remove(root, NOW))
    assert {name: left(db, name) for name in named} == expected
    gone = set().union(*(each.there() - expected[name] for name, each in named.items()))
    assert types == {node.type for node in gone}
    assert db.view(lambda root: garbage.find(root, NOW)) == {}
    db.update(lambda root: root.delete_bucket("v1"))


def test_a_parent_that_is_left_has_lost_its_child(db: Database) -> None:
    world = World(
        {}, {("native", 0): (Refs([], [], root=True), False), ("native", 1): (NOTHING, True)}, [], [], []
    )
    write(db, world, "family")
    db.update(lambda root: garbage.remove(root, NOW))
    with namespace("family"):
        db.update(lambda root: SnapshotBucket(root, "family", "native").remove("k0"))
    assert left(db, "family") == set()


def test_parent_and_child_go_together_and_leave_nothing(db: Database) -> None:
    world = World(
        {},
        {("native", 0): (NOTHING, False), ("native", 1): (NOTHING, True), ("native", 2): (NOTHING, True)},
        [],
        [],
        [],
    )
    write(db, world, "gone")
    db.update(lambda root: garbage.remove(root, NOW))
    bucket = db.view(lambda root: list((root.bucket("v1", "gone", "snapshots", "native") or root).buckets()))
    assert bucket == []


@pytest.mark.parametrize(
    "expiry", ["2026", "2025-12-31", "2025-12-31T23:59:59", "20251231T235959Z", "9999-99-99T00:00:00Z"]
)
def test_in_doubt_a_lease_is_kept(db: Database, expiry: str) -> None:
    name = uuid4().hex
    write(db, World({}, {}, [], [], [ALease(expiry, flat=False, holds=[])]), name)
    db.update(lambda root: garbage.remove(root, NOW))
    assert left(db, name) == {Node("leases", "l0")}
