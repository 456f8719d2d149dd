"""Writes the image of the notebooks to an archive, for `ctr images import`. Run by `make image`."""

import sys
from pathlib import Path

from companion.client import Client
from companion.guide import fresh_daemon
from companion.guide.image import NAME
from companion.guide.registry import Registry


def main(path: Path) -> None:
    """Build the image from its files below companion/guide/debian, and write it."""
    path.parent.mkdir(exist_ok=True)
    services = fresh_daemon().services()
    with (
        Registry() as registry,
        Client(services=services, default_namespace="image") as client,
        path.open("wb") as file,
    ):
        client.fetch(NAME, resolver=registry.resolver())
        client.export_image(file, NAME, all_platforms=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
