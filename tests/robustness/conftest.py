"""A place of its own for every test."""

from collections.abc import Iterator

import pytest

from tests.daemons import short_directory
from tests.robustness.place import Place


@pytest.fixture
def place() -> Iterator[Place]:
    with short_directory() as directory:
        yield Place(directory)
