"""All that a descriptor leads to, from a registry into a content store. containerd: client/pull.go."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context

from companion.client.errors import RegistryError
from companion.client.progress import Progress
from companion.client.reference import Reference, check_digest
from companion.client.remotes.fetcher import Fetcher
from companion.client.remotes.handlers import append_distribution_source, fetch
from companion.client.remotes.resolver import MAX_MANIFEST
from companion.core.content import Descriptor, Store
from companion.core.errors import Cancelled, InvalidArgument, NotFound
from companion.core.image_parts import set_children_labels
from companion.core.manifests import MAX_DEPTH, children, matching, too_deep
from companion.core.media_types import DOCKER_SCHEMA1_MANIFEST, is_image_config, is_index, is_manifest
from companion.core.platforms import Matcher

CONCURRENCY = 3
"""How many blobs are fetched at a time."""


class Fetching:
    """Fetches an image; of an index those that `platform` matches, or with `single` the best of them."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetcher,
        reference: Reference,
        progress: Progress,
        *,
        platform: Matcher | None,
        single: bool,
    ) -> None:
        self._store, self._fetcher, self._reference = store, fetcher, reference
        self._progress, self._platform, self._single = progress, platform, single
        self._stopped = threading.Event()

    def run(self, target: Descriptor) -> None:
        """Fetch `target` and all below it, parents before children. Raises the first error there is."""
        _check(target)
        seen: set[str] = set()
        level: Sequence[Descriptor] = [target]
        with self._pool() as pool:
            # Indexes in one another, a manifest, and what it names.
            for _ in range(MAX_DEPTH + 2):
                level = list({each.digest: each for each in level if each.digest not in seen}.values())
                seen.update(each.digest for each in level)
                tasks = [pool.submit(copy_context().run, self._fetch, each) for each in level]
                wait(tasks, return_when=FIRST_EXCEPTION)
                level = [child for task in _failed_first(tasks) for child in task.result()]
                if not level:
                    return
        raise too_deep(target)

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(CONCURRENCY)
        try:
            yield pool
        except BaseException:
            self._stopped.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _fetch(self, descriptor: Descriptor) -> Sequence[Descriptor]:
        """Bring one blob; return which of its children are wanted."""
        self._progress.expect(descriptor)
        fetch(self._store, self._fetcher, descriptor, self._arrived)
        self._progress.done(descriptor)
        found = children(self._store, descriptor)
        wanted = self._wanted(found) if is_index(descriptor.media_type) else found
        _check(*wanted)
        set_children_labels(self._store, descriptor, found)
        append_distribution_source(self._store, descriptor, self._reference)
        return wanted

    def _wanted(self, found: Sequence[Descriptor]) -> Sequence[Descriptor]:
        fits = matching(found, self._platform)
        if self._single and not fits:
            raise NotFound("no match for platform in manifest")
        return fits[:1] if self._single else fits

    def _arrived(self, size: int) -> None:
        if self._stopped.is_set():
            raise Cancelled()
        self._progress.arrived(size)


def _check(*descriptors: Descriptor) -> None:
    """Refuse what cannot be fetched, before anything of it is asked for or written."""
    for each in descriptors:
        check_digest(each.digest)
        if each.size <= 0:
            raise InvalidArgument(
                f"unable to fetch descriptor ({each.digest}) which reports content size of zero"
            )
        if each.media_type == DOCKER_SCHEMA1_MANIFEST:
            raise RegistryError(f"{each.media_type} not supported")
        if each.size > MAX_MANIFEST and _is_read(each.media_type):
            raise NotFound(f"rejecting {each.size} byte manifest for {each.digest}")


def _is_read(media_type: str) -> bool:
    """Whether it is a document, which is read whole into memory."""
    return is_index(media_type) or is_manifest(media_type) or is_image_config(media_type)


def _failed_first(tasks: Sequence[Future[Sequence[Descriptor]]]) -> Sequence[Future[Sequence[Descriptor]]]:
    """Return the tasks in their order, those that have failed before those that may run for long."""
    return sorted(tasks, key=lambda task: not (task.done() and task.exception()))
