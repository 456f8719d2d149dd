"""What tests of a resolver say and expect."""

from __future__ import annotations

import base64

import pytest

from companion.client.remotes import RegistryError, Resolver
from companion.core.content import Descriptor
from companion.core.errors import NotFound
from tests.registries import Scripted

HEAD = "HEAD /v2/library/debian/manifests/latest"
GET = "GET /v2/library/debian/manifests/latest"


def ref(registry: Scripted, object: str = ":latest") -> str:
    return f"{registry.host}/library/debian{object}"


def descriptor(registry: Scripted) -> Descriptor:
    blobs = registry.blobs
    media_type, data = blobs.blobs[blobs.target]
    return Descriptor(media_type, blobs.target, len(data))


def refusal(registry: Scripted, resolver: Resolver | None = None, object: str = ":latest") -> str:
    """What is said of a reference that cannot be resolved."""
    with pytest.raises((NotFound, RegistryError)) as caught:
        (resolver or Resolver()).resolve(ref(registry, object))
    prefix = f'failed to resolve reference "{ref(registry, object)}": '
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def basic(user: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"
