"""The snapshots of a case: their mounts, put into requests, and what is in them to be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import Message

from companion.convert import mounts as convert
from companion.core.mounting import mounted
from tests.contract.case import Call
from tests.interop.trees import Node, described

MOUNTS = re.compile(r"<(\w+) (\S+)>")
KEY = re.compile(r'\bkey: "([^"]*)"')


def remember(snapshots: dict[str, Any], call: Call, replies: Sequence[Message]) -> None:
    """Note the mounts of a snapshot that a call has made, under its key."""
    if call.call in ("Snapshots.Prepare", "Snapshots.View") and replies and isinstance(call.request, str):
        key = KEY.search(call.request)
        if key is not None:
            snapshots[key[1]] = replies[0].mounts  # type: ignore[attr-defined]


def with_mounts(snapshots: Mapping[str, Any], text: str) -> str:
    """Return a request with mounts in the place of `<field key>`."""

    def fill(found: re.Match[str]) -> str:
        shown = (text_format.MessageToString(mount, as_one_line=True) for mount in snapshots[found[2]])
        return " ".join(f"{found[1]} {{ {mount} }}" for mount in shown)

    return MOUNTS.sub(fill, text) if snapshots else text


def seen(mounts: Sequence[Any]) -> Iterator[str]:
    """Yield a line for each path in the tree that mounts show, without the root itself."""
    with _shown(mounts) as tree:
        for name, node in described(tree).items():
            if name != ".":
                yield _line(name, node)


def _shown(mounts: Sequence[Any]) -> AbstractContextManager[Path]:
    if len(mounts) == 1 and mounts[0].type == "bind":
        return nullcontext(Path(mounts[0].source))
    return mounted([convert.from_message(mount) for mount in mounts])


def _line(name: str, node: Node) -> str:
    words = [
        name.encode(errors="backslashreplace").decode(),
        node.kind,
        node.mode,
        "{}:{}".format(*node.owner),
    ]
    if node.kind == "file":
        words.append(f"{node.size} bytes")
    if node.target:
        words.append(f"-> {node.target}")
    if "device" in node.kind:
        words.append("{}:{}".format(*node.device))
    if node.same_as != name:
        words.append(f"is {node.same_as}")
    return " ".join([*words, *(f"{key}={value.decode()}" for key, value in sorted(node.xattrs.items()))])
