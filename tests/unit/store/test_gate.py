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


def test_who_waits_passes_between_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("companion.store.gate._TURN", 0.0)
    gate, order = Gate(), list[str]()

    def pass_through() -> None:
        with gate.shared():
            order.append("passed")

    def act(item: str, _: None) -> None:
        order.append(item)
        if item == "first":
            pool.submit(pass_through)
            while not gate._queueing:
                time.sleep(0.001)

    with ThreadPoolExecutor(1) as pool:
        gate.alone_with_each(["first", "second"], lambda: None, act)
    assert order == ["first", "passed", "second"]


def test_each_turn_looks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("companion.store.gate._TURN", 0.0)
    looks = iter(range(3))
    seen = list[tuple[str, int]]()
    Gate().alone_with_each("abc", lambda: next(looks), lambda item, look: seen.append((item, look)))
    assert seen == [("a", 0), ("b", 1), ("c", 2)]


def test_it_is_dirty_until_it_is_cleaned_and_after_a_failure() -> None:
    gate = Gate()
    assert gate.dirty
    with gate.cleaning():
        pass
    assert not gate.dirty
    with pytest.raises(LookupError), gate.shared():
        raise LookupError
    assert gate.dirty
    with pytest.raises(LookupError), gate.cleaning():
        raise LookupError
    assert gate.dirty
