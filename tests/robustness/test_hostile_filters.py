"""No filter, however large or cunning, keeps the daemon from answering."""

from __future__ import annotations

from contextlib import suppress

import pytest

from companion.client import Client
from companion.core.errors import InvalidArgument
from companion.core.namespaces import namespace
from tests.robustness.place import Place, record

LONG = "a" * (1 << 20)


@pytest.mark.parametrize(
    "filters",
    [
        [f"id=={LONG}"],
        [f"labels.{LONG}==a"],
        [f'id~="{LONG}"'],
        ["id==a"] * 100_000,
        [",".join(["id==a"] * 100_000)],
        [".".join(["a"] * 500_000)],
    ],
    ids=["value", "label", "pattern", "filters", "selectors", "fields"],
)
def test_a_megabyte_of_filter_is_answered(client: Client, filters: list[str]) -> None:
    with suppress(InvalidArgument):  # what a pattern may cost is bounded
        assert client.containers(*filters) == []


@pytest.fixture(scope="module")
def tempting(shared: Place) -> None:
    """Records on which a backtracking matcher would not come to an end."""
    with shared.client() as client, namespace("tempting"):
        for n in range(20):
            client.container_service.create(record(f"c{n}", key="a" * 4000))


@pytest.mark.usefixtures("tempting")
@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+b$",
        "^(a|a)*b$",
        "^(a|aa)+b$",
        "^(.*)*(.*)*(.*)*b$",
        "((((a{1,30}){1,30}){1,30}){1,30})b",
        "a{1000}" * 1000,
        "(" * 5000 + "a" + ")" * 5000,
        "(a?)" * 1000 + "b",
        "|".join(["a"] * 50_000) + "b",
    ],
    ids=["nested", "ambiguous", "overlapping", "stars", "repeated", "long", "deep", "groups", "wide"],
)
def test_a_hostile_pattern_is_answered(client: Client, pattern: str) -> None:
    with namespace("tempting"), suppress(InvalidArgument):
        assert client.containers(f'labels.key~="{pattern}"') is not None
