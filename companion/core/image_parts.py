"""All that an image is made of: what it needs, and what holds what. containerd: core/images/handlers.go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from companion.core.blobs import set_labels
from companion.core.content import Descriptor, Provider, Store
from companion.core.errors import NotFound
from companion.core.labels import GC_REF_CONTENT
from companion.core.manifests import MAX_DEPTH, children, too_deep
from companion.core.media_types import is_known_config, is_layer, is_manifest


def walk(provider: Provider, target: Descriptor) -> Iterator[Descriptor]:
    """Yield `target` and all that it refers to, parents first, each once; what is not there ends its branch.

    Raises `InvalidArgument` and `FailedPrecondition` as `read_manifest`.
    """
    return visit((target,), lambda each: _children_there(provider, each))


def visit(
    targets: Iterable[Descriptor], children: Callable[[Descriptor], Sequence[Descriptor]]
) -> Iterator[Descriptor]:
    """Yield `targets` and all that `children` leads to from them, parents first, each once.

    Raises what `children` raises, `FailedPrecondition` beyond `MAX_DEPTH`. containerd: images.Walk.
    """
    seen: set[str] = set()
    for target in targets:
        yield from _visit(target, children, MAX_DEPTH, seen)


def set_children_labels(store: Store, parent: Descriptor, children: Iterable[Descriptor]) -> None:
    """Let a blob hold its children. Raises `NotFound`. containerd: images.SetChildrenLabels."""
    set_labels(store, parent.digest, child_labels(children))


def child_labels(descriptors: Iterable[Descriptor]) -> dict[str, str]:
    """Return the labels with which a blob holds its children. containerd: images.ChildGCLabels."""
    labels: dict[str, str] = {}
    used = Counter[str]()
    for descriptor in descriptors:
        key = _child_label(descriptor.media_type)
        numbered = key.endswith(".") or used[key]
        labels[f"{key}{used[key]}" if numbered else key] = descriptor.digest
        used[key] += 1
    return labels


def _children_there(provider: Provider, descriptor: Descriptor) -> Sequence[Descriptor]:
    with suppress(NotFound):
        return children(provider, descriptor)
    return ()


def _visit(
    target: Descriptor, children: Callable[[Descriptor], Sequence[Descriptor]], depth: int, seen: set[str]
) -> Iterator[Descriptor]:
    if target.digest in seen:
        return
    seen.add(target.digest)
    yield target
    found = children(target)
    if found and not depth:
        raise too_deep(target)
    for child in found:
        yield from _visit(child, children, depth - 1, seen)


def _child_label(media_type: str) -> str:
    if is_known_config(media_type):
        return f"{GC_REF_CONTENT}.config"
    if is_manifest(media_type):
        return f"{GC_REF_CONTENT}.m."
    return f"{GC_REF_CONTENT}.l." if is_layer(media_type) else f"{GC_REF_CONTENT}."
