"""What tests of fetching expect of a failure."""

from __future__ import annotations

import pytest

from companion.client import Client
from companion.core.errors import Error
from companion.guide.image import NAME
from companion.guide.registry import Registry


def refusal(client: Client, registry: Registry, ref: str = NAME) -> str:
    """What is said of an image that cannot be fetched; nothing of it is left but what can be resumed."""
    with pytest.raises(Error) as caught:
        client.fetch(ref, resolver=registry.resolver())
    assert list(client.image_service.list()) == []
    assert list(client.leases_service.list()) == []
    return str(caught.value)
