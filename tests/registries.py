"""Registries for the tests: the guide's, told what to do otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from companion.core import media_types
from companion.guide.image import Blobs
from companion.guide.registry import Answer, Registry, Request

Script = Callable[[Request], Answer | None]


class Scripted(Registry):
    """A registry that answers by a script, and where that says nothing as it should."""

    def __init__(self, script: Script = lambda _: None, blobs: Blobs | None = None) -> None:
        super().__init__(blobs)
        self.script = script

    def answer(self, request: Request) -> Answer:
        return self.script(request) or super().answer(request)

    @property
    def asked(self) -> list[str]:
        """Every request, with a digest only by what it is of, and a range."""
        return [self.named(str(request)) for request in self.requests]

    def named(self, text: str) -> str:
        """A text with each digest replaced by what it is of."""
        return re.sub(r"sha256:[0-9a-f]{64}", lambda found: self.kind(found[0]), text)

    def kind(self, digest: str) -> str:
        """What a digest is of, by its media type: `index`, `manifest`, `config` or `layer`."""
        media_type = self.blobs.blobs.get(digest, ("unknown", b""))[0]
        return next(
            (kind for kind in ("index", "manifest", "config", "layer") if kind in media_type), "unknown"
        )


def simple(
    layers: Sequence[bytes] = (b"layer",), *, media_type: str = f"{media_types.OCI_LAYER}+gzip"
) -> Blobs:
    """An image of these layers, which need not be archives."""
    blobs = Blobs()
    config = blobs.add_json(
        media_types.OCI_CONFIG,
        architecture="amd64",
        os="linux",
        rootfs={"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}" for layer in layers]},
    )
    manifest = blobs.add_json(
        media_types.OCI_MANIFEST,
        schemaVersion=2,
        config=config,
        layers=[blobs.add(media_type, layer) for layer in layers],
    )
    blobs.target = manifest["digest"]
    return blobs


def on(pattern: str, answer: Answer | Callable[[Request], Answer | None]) -> Script:
    """Give this answer to requests that match `METHOD path`, or what this gives to them."""

    def script(request: Request) -> Answer | None:
        if not re.fullmatch(pattern, f"{request.method} {request.path}"):
            return None
        return answer if isinstance(answer, Answer) else answer(request)

    return script


def first_of(*scripts: Script) -> Script:
    """Answer by the first script that does."""
    return lambda request: next(filter(None, (script(request) for script in scripts)), None)


def status(code: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    """An answer of this status."""
    return Answer(code, {"Content-Length": str(len(body)), **(headers or {})}, [body])


def document(value: Any) -> Answer:
    """An answer in JSON."""
    return status(200, {"Content-Type": "application/json"}, json.dumps(value).encode())


def challenge(text: str) -> Answer:
    """An answer that wants to know who asks."""
    return status(401, {"WWW-Authenticate": text})


def bearer(registry: Callable[[], str], *tokens: str, extra: str = "") -> Script:
    """Want one of these tokens for everything but tokens."""

    def script(request: Request) -> Answer | None:
        known = [f"Bearer {token}" for token in tokens]
        if request.path.startswith("/token") or request.headers.get("Authorization") in known:
            return None
        return challenge(f'Bearer realm="http://{registry()}/token",service="svc"{extra}')

    return script


def serving(registry: Scripted, blobs: Blobs) -> Scripted:
    """Let a registry have other blobs."""
    registry.blobs = blobs
    return registry


def cut(data: bytes) -> Iterator[bytes]:
    """A body that ends before its time."""
    yield data
    raise ConnectionAbortedError
