"""What is reached from roots, whatever shape the references have."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from companion.core.garbage import Node, reachable


def nodes(names: str) -> set[Node]:
    return {Node("t", name) for name in names}


@pytest.mark.parametrize(
    ("roots", "edges", "expected"),
    [
        ("", {"a": "b"}, ""),
        ("a", {}, "a"),
        ("a", {"a": "b", "b": "c", "d": "a"}, "abc"),
        ("a", {"a": "a"}, "a"),
        ("a", {"a": "b", "b": "a"}, "ab"),
        ("ab", {"a": "c", "b": "c", "c": "d"}, "abcd"),
    ],
    ids=["no root", "no reference", "chain", "itself", "circle", "diamond"],
)
def test_reached(roots: str, edges: Mapping[str, str], expected: str) -> None:
    found = reachable(nodes(roots), lambda node: nodes(edges.get(node.key, "")))
    assert found == nodes(expected)


def test_each_node_is_asked_once() -> None:
    asked = []

    def references(node: Node) -> set[Node]:
        asked.append(node.key)
        return nodes("abc")

    reachable(nodes("ab"), references)
    assert sorted(asked) == ["a", "b", "c"]


def test_a_long_chain_needs_no_stack() -> None:
    found = reachable([Node("t", "0")], lambda node: [Node("t", str(min(int(node.key) + 1, 99_999)))])
    assert len(found) == 100_000
