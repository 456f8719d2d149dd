"""Registries: what stands behind a reference, and its bytes. containerd: core/remotes/docker."""

from companion.client.errors import InvalidAuthorization, RegistryError
from companion.client.reference import Reference
from companion.client.remotes.fetcher import Fetcher
from companion.client.remotes.resolver import Resolver

__all__ = ["Fetcher", "InvalidAuthorization", "Reference", "RegistryError", "Resolver"]
