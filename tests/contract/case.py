"""The cases: what containerd was seen to answer, as data.

A case is a call, what was there before it, and the answer. Placeholders in its texts: `{ns}` is the
namespace that the case has for itself, `{a*77}` stands for 77 times `a`, `{rule}` for the pattern of
an identifier, `{word}` for eight letters that no other case has, `{sha256 abc}` for the digest of `abc`.

Of the layers in layers.toml `{blob name.gzip}` is the bytes and `{digest name.gzip}` the digest, in a form,
`{diffid name}` the digest of the archive, `{diffsize name}` its size. In requests `<mounts key>` stands for
the mounts of a snapshot that the case has made, as a field of this name.

In answers `{native 1}` is the directory of a snapshot, here of the oldest that the case has to do with, and
`{mount}` one on which something was mounted for a time.

What several snapshotters do alike is a case for each that it is `on`, with `{on}` in its texts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.contract import layers

CASES = Path(__file__).parent / "cases"
RULE = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$"
DIGEST = re.compile(r"\{sha256 ([^{}]*)\}")
LAYER = re.compile(r"\{(blob|digest|diffid|diffsize) ([\w. -]+)\}")
REPEATED = re.compile(r"\{(\S)\*(\d+)\}")


@dataclass(frozen=True)
class Call:
    """One call: its method (`Service.Method`, or a path), requests in protobuf's text format, headers.

    `namespace` is the value of containerd's header, `headers` replaces all of them; `bytes` (in hex)
    replaces the request. A stream that stays open is left after `open` seconds; one of a set-up that `hold`s
    stays open until the case ends. A call of a set-up that is meant to fail says so with `fails`.
    """

    call: str
    namespace: str
    request: str | Sequence[str] = ""
    bytes: str | None = None
    headers: Sequence[Sequence[str]] | None = None
    open: float | None = None
    hold: bool = False
    fails: bool = False

    @property
    def requests(self) -> Sequence[str]:
        """The messages sent: one, except on a stream."""
        return [self.request] if isinstance(self.request, str) else self.request

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The headers sent."""
        if self.headers is None:
            return (("containerd-namespace", self.namespace),)
        return tuple((key, value) for key, value in self.headers)


@dataclass(frozen=True)
class Answer:
    """How a call ends: code, text, replies in text format; for a subscription its events.

    `times` lists what holds of the times of the object in the reply, `tree` what is to be seen afterwards. A
    message of None may be any. The code of a stream that the client has left is OPEN.
    """

    code: str = "OK"
    message: str | None = ""
    replies: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    tree: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A call and its answer, containerd's and ours.

    `fields` names the parts of the reply that are compared; empty: all but the times. Of the lists in a
    reply, elements are compared that mention the text `only`, where other cases add to the list.
    `meanwhile` are the calls made while a subscription is open, or between the first request of a stream and
    the rest. Some calls containerd does not survive: it `crashes`. The snapshotter that it needs it is `on`.
    Afterwards one may `look` at a snapshot, or at the layer of the reply: `reply`. Our answer is another one
    than containerd's for a `reason`.
    """

    id: str
    title: str
    call: Call
    answer: Answer
    ours: Answer
    given: Sequence[Call] = ()
    meanwhile: Sequence[Call] = ()
    fields: Sequence[str] = ()
    only: str = ""
    look: str = ""
    crashes: bool = False
    on: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class Template:
    """A case as its file has it, with placeholders."""

    id: str
    data: Mapping[str, Any] = field(repr=False)

    def case(self, namespace: str) -> Case:
        """Return the case in a namespace of its own."""
        data = filled(self.data, namespace)
        deviation = data.pop("deviation", None)
        answer = _answer({key: data.pop(key) for key in ANSWER if key in data})
        given, meanwhile = ([Call(**call) for call in data.pop(key)] for key in ("given", "meanwhile"))
        about = {key: data.pop(key) for key in ABOUT if key in data}
        ours = answer if deviation is None else _answer(deviation)
        reason = None if deviation is None else deviation["reason"]
        return Case(
            call=Call(**data),
            answer=answer,
            ours=ours,
            given=given,
            meanwhile=meanwhile,
            reason=reason,
            **about,
        )


ABOUT = ("id", "title", "fields", "only", "look", "crashes", "on")
ANSWER = ("code", "message", "reply", "events", "times", "tree")


def templates() -> Sequence[Template]:
    """Return the cases of all files."""
    return [Template(case["id"], case) for path in sorted(CASES.glob("*.toml")) for case in _cases(path)]


def _cases(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file: `[defaults]` of its cases, `[setups]` of calls that cases name as given, `[[case]]`."""
    file = tomllib.loads(path.read_text())
    for data in file["case"]:
        case = {**file.get("defaults", {}), **data}
        steps = [[step] if isinstance(step, dict) else file["setups"][step] for step in case.get("given", ())]
        case["given"] = [_in_namespace(call) for calls in steps for call in calls]
        case["meanwhile"] = [_in_namespace(call) for call in case.get("meanwhile", ())]
        yield from _variants(_in_namespace(case))


def _variants(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the case for each snapshotter that it is on; for the first of them it keeps its id."""
    names = case.get("on", [""])
    for name in names:
        number = case["id"] if name == names[0] else f"{case['id']}-{name}"
        yield changed({**case, "id": number, "on": name}, partial(_put, name))


def _put(snapshotter: str, text: str) -> str:
    return text.replace("{on}", snapshotter)


def _in_namespace(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"namespace": "{ns}", **call}


def _answer(data: Mapping[str, Any]) -> Answer:
    code = data.get("code", "OK")
    answered = code == "OK" and "events" not in data
    reply = data.get("reply", "" if answered else [])
    return Answer(
        code=code,
        message=data.get("message", "" if code == "OK" else None),
        replies=(reply,) if isinstance(reply, str) else tuple(reply),
        events=tuple(data.get("events", ())),
        times=tuple(data.get("times", ())),
        tree=tuple(data.get("tree", ())),
    )


def filled(value: Any, namespace: str) -> Any:
    """Return a value of a file with the placeholders of its texts filled in."""

    def fill(text: str) -> str:
        text = text.replace("{ns}", namespace).replace("{rule}", RULE).replace("{word}", namespace[-8:])
        text = REPEATED.sub(lambda found: found[1] * int(found[2]), text)
        text = LAYER.sub(lambda found: layers.fill(found[1], found[2]), text)
        return DIGEST.sub(lambda found: f"sha256:{sha256(found[1].encode()).hexdigest()}", text)

    return changed(value, fill)


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value of a file with all of its texts changed."""
    match value:
        case str():
            return change(value)
        case list():
            return [changed(item, change) for item in value]
        case dict():
            return {key: changed(item, change) for key, item in value.items()}
    return value
