"""The directories of snapshots, which daemons number through: cases count those that they have to do with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from google.protobuf.message import Message

from tests.contract.shape import parts

DIRECTORY = re.compile(r"/[^\s:=]*/io\.containerd\.snapshotter\.v1\.(\w+)/snapshots/(\d+)")


MOUNT = re.compile(r"/[^\s:]*/tmpmounts/containerd-mount\w+")


def hide(messages: Sequence[Message], text: str) -> str:
    """Put a placeholder for each directory into messages, the oldest counted first, and into a text."""
    texts = [text, *(text for message in messages for text in _texts(message))]
    numbers = sorted({int(found[2]) for text in texts for found in DIRECTORY.finditer(text)})
    counted = {number: place for place, number in enumerate(numbers, start=1)}

    def hidden(text: str) -> str:
        text = MOUNT.sub("{mount}", text)
        return DIRECTORY.sub(lambda found: f"{{{found[1]} {counted[int(found[2])]}}}", text)

    for message in messages:
        for part in parts(message):
            for field, value in part.ListFields():
                if isinstance(value, str):
                    setattr(part, field.name, hidden(value))
                elif field.is_repeated and field.type == field.TYPE_STRING:
                    value[:] = [hidden(item) for item in value]
    return hidden(text)


def _texts(message: Message) -> Iterator[str]:
    for part in parts(message):
        for field, value in part.ListFields():
            if field.type == field.TYPE_STRING:
                yield from value if field.is_repeated else [value]
