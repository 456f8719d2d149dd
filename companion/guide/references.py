"""What keeps what: all that a namespace holds, read through a client, and what refers to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from companion.client import Client
from companion.core.garbage import CONTENT, INGESTS, LEASES, SNAPSHOTS, Node, reachable, referred
from companion.core.labels import GC_FLAT, GC_ROOT
from companion.core.leases import Lease, expired
from companion.plugin import SNAPSHOTTER

IMAGES, CONTAINERS = "images", "containers"
_OF_CONTAINERD = "containerd.io/"


@dataclass(frozen=True, slots=True)
class Reference:
    """What keeps `target` as long as `source` is kept. `made_by` is a field or a label, without its prefix.

    Through a `flat` one, the target is kept without what its own labels refer to.
    """

    source: Node
    target: Node
    made_by: str
    flat: bool = False


@dataclass(frozen=True, slots=True)
class References:
    """All that a namespace holds, what of it is a root, and what refers to what."""

    nodes: tuple[Node, ...]
    roots: frozenset[Node]
    references: tuple[Reference, ...]

    def garbage(self) -> tuple[Node, ...]:
        """Return what no root leads to."""
        leading: defaultdict[Node, list[Reference]] = defaultdict(list)
        for reference in self.references:
            leading[reference.source].append(reference)
        reached = reachable(self.roots, lambda node: _from(node, leading[node._replace(flat=False)]))
        return tuple(node for node in self.nodes if not reached & {node, node._replace(flat=True)})

    def missing(self) -> tuple[Node, ...]:
        """Return what is referred to, and is not there."""
        return tuple(dict.fromkeys(each.target for each in self.references if each.target not in self.nodes))


def read(client: Client) -> References:
    """Return what the namespace of the context holds, and what keeps it.

    Raises `FailedPrecondition` without a namespace.
    """
    found = _Found()
    found.read_images(client)
    found.read_containers(client)
    found.read_leases(client)
    found.read_content(client)
    for plugin in client.introspection_service.plugins(f"type=={SNAPSHOTTER}"):
        if plugin.init_error is None:
            found.read_snapshots(client, plugin.id)
    return References(tuple(found.nodes), frozenset(found.roots), tuple(found.references))


class _Found:
    """What has been read so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.roots: set[Node] = set()
        self.references: list[Reference] = []

    def read_images(self, client: Client) -> None:
        for image in client.image_service.list():
            node = self._add(Node(IMAGES, image.name), image.labels, root=True)
            self.references.append(Reference(node, Node(CONTENT, image.target.digest), "target"))

    def read_containers(self, client: Client) -> None:
        for record in client.container_service.list():
            node = self._add(Node(CONTAINERS, record.id), record.labels, root=True)
            if record.snapshotter:
                snapshot = Node(SNAPSHOTS + record.snapshotter, record.snapshot_key)
                self.references.append(Reference(node, snapshot, "snapshot key"))

    def read_leases(self, client: Client) -> None:
        for lease in client.leases_service.list():
            node = self._add(Node(LEASES, lease.id), {}, root=not expired(lease, datetime.now(UTC)))
            self.references += _held(client, lease, node)

    def read_content(self, client: Client) -> None:
        for info in client.content_store.list():
            self._add(Node(CONTENT, info.digest), info.labels)
        for status in client.content_store.list_statuses():
            node = self._add(Node(INGESTS, status.ref), {})
            if status.expected:
                self.references.append(Reference(node, Node(CONTENT, status.expected), "expected"))

    def read_snapshots(self, client: Client, name: str) -> None:
        for info in client.snapshot_service(name).list():
            node = self._add(Node(SNAPSHOTS + name, info.name), info.labels)
            if info.parent:
                self.references.append(Reference(node, Node(SNAPSHOTS + name, info.parent), "parent"))

    def _add(self, node: Node, labels: Mapping[str, str], *, root: bool = False) -> Node:
        self.nodes.append(node)
        if root or GC_ROOT in labels:
            self.roots.add(node)
        for key, value in sorted(labels.items()):
            if target := referred(key, value):
                self.references.append(Reference(node, target, key.removeprefix(_OF_CONTAINERD)))
        return node


def _held(client: Client, lease: Lease, node: Node) -> Iterator[Reference]:
    flat = GC_FLAT in lease.labels
    for resource in client.leases_service.list_resources(lease):
        is_flat = flat and resource.type != INGESTS
        yield Reference(
            node, Node(resource.type, resource.id), "holds, flat" if is_flat else "holds", is_flat
        )


def _from(node: Node, references: Iterable[Reference]) -> Iterator[Node]:
    for reference in references:
        if not node.flat:
            yield reference.target._replace(flat=reference.flat)
        elif reference.made_by == "parent":
            yield reference.target._replace(flat=True)
