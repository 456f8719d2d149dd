"""The rule for names: namespaces, container ids, the components of an event's topic."""

from __future__ import annotations

import re

from companion.core.errors import InvalidArgument
from companion.core.quote import quote

MAX_LENGTH = 76
"""The longest identifier, in bytes of UTF-8."""

PATTERN = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"
_MATCH = re.compile("[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*", re.ASCII)


def validate(identifier: str) -> None:
    """Raise `InvalidArgument` unless `identifier` obeys the rule. containerd: identifiers.Validate."""
    if not identifier:
        raise InvalidArgument("identifier must not be empty")
    if len(identifier.encode()) > MAX_LENGTH:
        raise InvalidArgument(
            f"identifier {quote(identifier)} greater than maximum length ({MAX_LENGTH} characters)"
        )
    if not _MATCH.fullmatch(identifier):
        raise InvalidArgument(f"identifier {quote(identifier)} must match {PATTERN}")
