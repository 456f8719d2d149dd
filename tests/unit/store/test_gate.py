"""The gate: many share it, or one has it alone."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from companion.store.gate import Gate

GUARD = 60.0


def test_many_share_it() -> None:
    gate = Gate()
    with gate.shared(), gate.shared():
        pass


def test_one_is_alone_among_many() -> None:
    gate, inside, seen = Gate(), list[str](), list[tuple[str, ...]]()

    def enter(kind: str) -> None:
        with gate.alone() if kind == "alone" else gate.shared():
            inside.append(kind)
            seen.append(tuple(inside))
            time.sleep(random.uniform(0, 0.001))
            inside.remove(kind)

    kinds = ["alone", *["shared"] * 4] * 40
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, kinds, timeout=GUARD))
    assert {together for together in seen if "alone" in together} == {("alone",)}
    assert any(len(together) > 1 for together in seen)


@pytest.mark.parametrize("way", ["shared", "alone"])
def test_it_opens_again_after_an_error(way: str) -> None:
    gate = Gate()
    with pytest.raises(LookupError), getattr(gate, way)():
        raise LookupError
    with gate.alone():
        pass
