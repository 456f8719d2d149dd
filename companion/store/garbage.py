"""The garbage of the database: what no root of its namespace leads to.

Roots are images, containers, leases with what they hold, ingests that have not expired, and what carries the
label `containerd.io/gc.root`. From there lead labels `containerd.io/gc.ref.…`, the parents of snapshots, and
the bytes that an ingest shares. Images and containers are never garbage. containerd: core/metadata/gc.go.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from companion.api.services.containers.v1.containers_pb2 import Container
from companion.api.services.content.v1 import content_pb2
from companion.api.services.images.v1.images_pb2 import Image
from companion.api.services.snapshots.v1 import snapshots_pb2
from companion.convert import leases as convert
from companion.core import labels
from companion.core.garbage import CONTENT, INGESTS, LEASES, SNAPSHOTS, Node, reachable, referred
from companion.core.leases import Lease, expired
from companion.store.bucket import Bucket, entries
from companion.store.leases import resources
from companion.store.snapshot_bucket import SnapshotBucket

_WORK = 0.001
"""Seconds after which a search rests, if it is to."""

T = TypeVar("T")

_MARKED = labels.GC.encode()  # in the bytes of every record with a label that matters here


def find(root: Bucket, now: datetime, rest: float = 0.0) -> dict[str, list[Node]]:
    """Return what is garbage at a time, for each namespace that has any.

    Python runs one thread at a time: with `rest`, in seconds, others come so long after each millisecond.
    """
    bucket = root.bucket("v1")
    names = () if bucket is None else _resting(bucket.buckets(), rest)
    found = {name: _Graph(root, name, now, rest).garbage() for name in names}
    return {namespace: nodes for namespace, nodes in found.items() if nodes}


def remove(root: Bucket, now: datetime) -> set[str]:
    """Remove the records of all that is garbage at a time; return of which types it was."""
    found = find(root, now)
    for namespace, nodes in found.items():
        for node in nodes:
            _remove(root, namespace, node)
    return {node.type for nodes in found.values() for node in nodes}


class _Graph:
    """What a namespace has, where to begin, and what leads where; read in one pass over its buckets."""

    def __init__(self, root: Bucket, namespace: str, now: datetime, rest: float) -> None:
        self._root, self._path, self._now, self._rest = root, ("v1", namespace), now, rest
        self._nodes: list[Node] = []
        self._roots: list[Node] = []
        self._references: defaultdict[Node, list[Node]] = defaultdict(list)
        for read in (self._leases, self._images, self._containers, self._content, self._ingests):
            read()
        for snapshotter in self._names("snapshots"):
            self._snapshots(snapshotter)

    def garbage(self) -> list[Node]:
        reached = reachable(self._roots, lambda node: self._references.get(node, ()))
        return [node for node in self._nodes if not reached & {node, node._replace(flat=True)}]

    def _leases(self) -> None:
        for name, raw in self._entries("leases"):
            lease, node = convert.decode(raw), Node(LEASES, name)
            self._nodes.append(node)
            if not expired(lease, self._now):
                self._roots += [node, *self._held(lease)]

    def _held(self, lease: Lease) -> Iterator[Node]:
        flat = labels.GC_FLAT in lease.labels
        held = self._root.bucket(*self._path, "leases", lease.id)
        for resource in () if held is None else resources(held):
            yield Node(resource.type, resource.id, flat and resource.type != INGESTS)

    def _images(self) -> None:
        for _, raw in self._entries("images"):
            image = Image.FromString(raw)
            self._roots += [Node(CONTENT, image.target.digest), *_labelled(image.labels)]

    def _containers(self) -> None:
        for _, raw in self._entries("containers"):
            container = Container.FromString(raw)
            self._roots += _labelled(container.labels)
            if container.snapshotter:
                self._roots.append(Node(SNAPSHOTS + container.snapshotter, container.snapshot_key))

    def _content(self) -> None:
        for digest, raw in self._entries("content", "blob"):
            node = Node(CONTENT, digest)
            self._nodes.append(node)
            if _MARKED in raw:
                self._follow_labels(node, content_pb2.Info.FromString(raw).labels)

    def _ingests(self) -> None:
        for ref in self._names("content", "ingests"):
            node, ingest = Node(INGESTS, ref), dict(self._entries("content", "ingests", ref))
            self._nodes.append(node)
            if "expected" in ingest:
                self._references[node].append(Node(CONTENT, ingest["expected"].decode()))
            if "expireat" in ingest and datetime.fromisoformat(ingest["expireat"].decode()) > self._now:
                self._roots.append(node)

    def _snapshots(self, snapshotter: str) -> None:
        kind = SNAPSHOTS + snapshotter
        for key, raw in self._entries("snapshots", snapshotter):
            node, info = Node(kind, key), snapshots_pb2.Info.FromString(raw)
            self._nodes.append(node)
            self._follow_labels(node, info.labels)
            if info.parent:
                self._references[node].append(Node(kind, info.parent))
                self._references[Node(kind, key, flat=True)].append(Node(kind, info.parent, flat=True))

    def _follow_labels(self, node: Node, given: Mapping[str, str]) -> None:
        if labels.GC_ROOT in given:
            self._roots.append(node)
        self._references[node] += _labelled(given)

    def _entries(self, *path: str) -> Iterator[tuple[str, bytes]]:
        return _resting(entries(self._root.bucket(*self._path, *path)), self._rest)

    def _names(self, *path: str) -> Sequence[str]:
        bucket = self._root.bucket(*self._path, *path)
        return [] if bucket is None else list(bucket.buckets())


def _labelled(given: Mapping[str, str]) -> Iterator[Node]:
    """Yield what labels refer to."""
    return (node for key, value in given.items() if (node := referred(key, value)))


def _resting(items: Iterable[T], rest: float) -> Iterator[T]:
    began = time.monotonic()
    for item in items:
        yield item
        if rest and time.monotonic() - began > _WORK:
            time.sleep(rest)
            began = time.monotonic()


def _remove(root: Bucket, namespace: str, node: Node) -> None:
    if node.type.startswith(SNAPSHOTS):
        SnapshotBucket(root, namespace, node.type.removeprefix(SNAPSHOTS)).collect(node.key)
        return
    path = {CONTENT: ("content", "blob"), INGESTS: ("content", "ingests"), LEASES: ("leases",)}[node.type]
    bucket = root.create_bucket("v1", namespace, *path)
    bucket.delete(node.key)
    bucket.delete_bucket(node.key)
