"""Errors of references and registries, in containerd's words."""

from __future__ import annotations

from companion.core.errors import Unknown


class RegistryError(Unknown):
    """What a reference, a registry or the way to it is to blame for; such a text ends in no class."""

    def __init__(self, text: str = "") -> None:
        Exception.__init__(self, text)


class InvalidAuthorization(RegistryError):
    """A registry refuses who asks. containerd: docker.ErrInvalidAuthorization."""


class UnexpectedStatus(RegistryError):
    """An answer with another status than asked for. containerd: remotes/errors.ErrUnexpectedStatus."""

    def __init__(self, text: str = "", code: int = 0) -> None:
        super().__init__(text)
        self.status = code
