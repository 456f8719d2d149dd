"""The diff service: the differs that the configuration names, asked one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from companion.api.services.diff.v1 import diff_pb2 as pb
from companion.core import diff
from companion.core.content import Descriptor
from companion.core.errors import StatusError, Unimplemented
from companion.core.mounts import Mount
from companion.local.diff import LocalDiffClient, init
from companion.plugin import DIFFER, InitContext, Plugin, PluginSet, Registration


class Differ(diff.Service):
    """A differ that answers with its name; without one it can do nothing."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def apply(self, layer: Descriptor, mounts: Sequence[Mount]) -> Descriptor:
        return self._answer()

    def compare(
        self,
        lower: Sequence[Mount],
        upper: Sequence[Mount],
        *,
        media_type: str = "",
        ref: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Descriptor:
        return self._answer()

    def _answer(self) -> Descriptor:
        if not self._name:
            raise Unimplemented("nothing")
        return Descriptor(self._name)


def context(tmp_path: Path, wanted: list[str], **differs: Any) -> InitContext:
    plugins = PluginSet()
    for name, differ in differs.items():
        error = differ if isinstance(differ, Exception) else None
        registration = Registration(DIFFER, name, lambda _: None)
        plugins.add(
            Plugin(registration, {}, InitContext(tmp_path, tmp_path, "", {}, plugins).meta, differ, error)
        )
    return InitContext(tmp_path, tmp_path, "", {"default": wanted}, plugins)


def test_a_differ_that_cannot_leaves_it_to_the_next(tmp_path: Path) -> None:
    client = init(context(tmp_path, ["b", "a"], a=Differ("a"), b=Differ()))
    assert client.Apply(pb.ApplyRequest()).applied.media_type == "a"
    assert client.Diff(pb.DiffRequest()).diff.media_type == "a"


def test_the_last_refusal_is_the_answer() -> None:
    with pytest.raises(StatusError) as caught:
        LocalDiffClient([Differ(), Differ()]).Apply(pb.ApplyRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details() == "nothing: not implemented"


@pytest.mark.parametrize(
    ("wanted", "differs", "text"),
    [
        ("b", {"a": Differ()}, "needed differ not loaded: b"),
        (
            "a",
            {"a": ValueError("broken")},
            "could not load required differ due plugin init error: a: broken",
        ),
        ("a", {"a": object()}, "differ does not implement Comparer and Applier interface: a"),
    ],
    ids=["not there", "failed", "something else"],
)
def test_a_differ_that_is_named_must_be_one(
    tmp_path: Path, wanted: str, differs: dict[str, Any], text: str
) -> None:
    with pytest.raises(RuntimeError) as caught:
        init(context(tmp_path, [wanted], **differs))
    assert str(caught.value) == text
