"""Manifests: what an image is made of, read out of a content store. containerd: core/images/image.go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from companion.core.content import Descriptor, Provider
from companion.core.documents import Document, read_document
from companion.core.errors import FailedPrecondition, InvalidArgument, NotFound
from companion.core.image_config import read_image_config, read_platform
from companion.core.media_types import is_index, is_manifest
from companion.core.platforms import Matcher

MAX_DEPTH = 8
"""How many indexes may stand in one another."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image for one platform: its config, its layers from the lowest. containerd: ocispec.Manifest."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()


def read_manifest(provider: Provider, target: Descriptor, matcher: Matcher | None = None) -> Manifest:
    """Return the manifest that `target` is, or the best one in the index that it is.

    Best is what `matcher` says, and without one the first. Raises `NotFound`, also where no platform
    matches, `InvalidArgument` for documents that are something else, `FailedPrecondition` for too many
    indexes in one another. containerd: images.Manifest.
    """
    found = find_manifest(provider, target, matcher)
    if not is_manifest(found.media_type):
        raise NotFound(f"unexpected media type {found.media_type} for {found.digest}")
    manifest = _manifest(_read(provider, found, "manifest"))
    if found.digest != target.digest and not _runs(provider, found, manifest, matcher):
        raise _no_match(target)
    return manifest


def find_manifest(provider: Provider, target: Descriptor, matcher: Matcher | None = None) -> Descriptor:
    """Return where the manifest is that `read_manifest` reads. Raises as that does."""
    found = target
    for _ in range(MAX_DEPTH):
        if not is_index(found.media_type):
            return found
        candidates = matching(_descriptors(_read(provider, found, "manifest"), "manifests"), matcher)
        if not candidates:
            raise _no_match(target) if matcher else NotFound(f"manifest {target.digest}")
        found = candidates[0]
    raise too_deep(target)


def children(provider: Provider, descriptor: Descriptor) -> tuple[Descriptor, ...]:
    """Return what an index or a manifest refers to; anything else refers to nothing.

    Raises `NotFound`, `InvalidArgument` for documents that are something else. containerd: images.Children.
    """
    if is_index(descriptor.media_type):
        return _descriptors(_read(provider, descriptor, "children"), "manifests")
    if is_manifest(descriptor.media_type):
        manifest = _manifest(_read(provider, descriptor, "children"))
        return (manifest.config, *manifest.layers)
    return ()


def matching(descriptors: Iterable[Descriptor], matcher: Matcher | None) -> list[Descriptor]:
    """Return those for a platform that will do, the best first, then those that name none; or, without
    a matcher, all. containerd: images.FilterPlatforms and the order of images.LimitManifests.
    """
    if matcher is None:
        return list(descriptors)
    last = len(matcher.platforms)
    fits = [each for each in descriptors if each.platform is None or matcher.match(each.platform)]
    return sorted(fits, key=lambda each: matcher.rank(each.platform) if each.platform else last)


def too_deep(target: Descriptor) -> FailedPrecondition:
    """Return what is raised where more than `MAX_DEPTH` indexes stand in one another."""
    return FailedPrecondition(f"manifest {target.digest}: more than {MAX_DEPTH} indexes in one another")


def _runs(provider: Provider, found: Descriptor, manifest: Manifest, matcher: Matcher | None) -> bool:
    if matcher is None:
        return True
    return matcher.match(found.platform or read_image_config(provider, manifest.config.digest).platform)


def _no_match(target: Descriptor) -> NotFound:
    return NotFound(f"no match for platform in manifest {target.digest}")


def _read(provider: Provider, descriptor: Descriptor, purpose: str) -> Document:
    """Read an index or a manifest, and refuse one that is the other: the two would be read differently."""
    document = read_document(provider, descriptor.digest)
    told = document.text("mediaType")
    fault = ""
    if "fsLayers" in document:
        fault = "schema 1 not supported"
    elif is_index(descriptor.media_type) and (
        "config" in document or "layers" in document or is_manifest(told)
    ):
        fault = f"expected index but found manifest ({descriptor.media_type})"
    elif is_manifest(descriptor.media_type) and ("manifests" in document or is_index(told)):
        fault = f"expected manifest but found index ({descriptor.media_type})"
    if fault:
        raise InvalidArgument(f"{purpose}: invalid desc {descriptor.digest}: media-type: {fault}")
    return document


def _manifest(document: Document) -> Manifest:
    return Manifest(_descriptor(document.object("config")), _descriptors(document, "layers"))


def _descriptors(document: Document, key: str) -> tuple[Descriptor, ...]:
    return tuple(map(_descriptor, document.objects(key)))


def _descriptor(document: Document) -> Descriptor:
    return Descriptor(
        document.text("mediaType"),
        document.text("digest"),
        document.number("size"),
        document.mapping("annotations"),
        read_platform(document.object("platform")) if "platform" in document else None,
        document.texts("urls"),
    )
