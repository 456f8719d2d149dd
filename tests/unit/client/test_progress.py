"""What a pull says of how far it is, and to whom."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import TextIO

import pytest
from jupyter_client.manager import start_new_kernel

from companion.client.progress import Progress
from companion.core.content import Descriptor

GUARD = 60.0
LAYER = Descriptor("application/vnd.oci.image.layer.v1.tar", f"sha256:{'0' * 64}", 2000)

CELL = """\
import sys
from tests.unit.client.test_progress import pull
pull(sys.stdout)
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def pull(stream: TextIO) -> None:
    """Say all that there is to say of a pull of one layer."""
    with Progress("name", stream) as progress:
        progress.expect(LAYER)
        progress.arrived(1000)
        progress.arrived(1000)
        progress.done(LAYER)


def printed(cell: str, **environment: str) -> str:
    """What a cell prints, in a kernel of a notebook."""
    texts: list[str] = []
    variables = {name: value for name, value in os.environ.items() if name != "JPY_SESSION_NAME"}
    manager, kernel = start_new_kernel(env=variables | environment)
    try:
        reply = kernel.execute_interactive(
            cell, timeout=GUARD, output_hook=lambda message: texts.append(message["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", reply
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(texts)


def test_it_is_a_line_where_nobody_watches() -> None:
    told = io.StringIO()
    pull(told)
    assert told.getvalue() == "name: 1 blobs of 2.0 KiB, 2.0 KiB fetched\n"


def test_it_lives_on_a_terminal() -> None:
    told = Terminal()
    pull(told)
    assert told.getvalue() == (
        "\rname: [                    ] 1 blobs of 2.0 KiB, 0 B fetched"
        "\rname: [====================] 1 blobs of 2.0 KiB, 2.0 KiB fetched\n"
    )


def test_a_line_hides_all_of_a_longer_one() -> None:
    told = Terminal()
    with Progress("name", told) as progress:
        progress.expect(replace(LAYER, size=1024 * 1024 - 512))
        progress.expect(LAYER)
    assert told.getvalue() == (
        "\rname: [                    ] 1 blobs of 1023.5 KiB, 0 B fetched"
        "\rname: [                    ] 2 blobs of 1.0 MiB, 0 B fetched   \n"
    )


def test_the_bar_shows_what_came_and_what_was_there() -> None:
    told = Terminal()
    with Progress("name", told) as progress:
        for _ in range(4):
            progress.expect(LAYER)
        progress.arrived(LAYER.size)
        progress.done(LAYER)
        progress.done(LAYER)
    assert told.getvalue().endswith("\rname: [==========          ] 4 blobs of 7.8 KiB, 2.0 KiB fetched\n")


def test_a_failure_ends_the_line_on_a_terminal() -> None:
    told = Terminal()
    with pytest.raises(ZeroDivisionError), Progress("name", told) as progress:
        progress.arrived(1 // 0)
    assert told.getvalue().endswith("\n")


def test_it_lives_in_a_notebook_that_is_open_in_lab() -> None:
    assert printed(CELL, JPY_SESSION_NAME="notebook.ipynb").startswith("\rname: [")


def test_a_notebook_that_is_only_run_stores_a_line() -> None:
    assert printed(CELL) == "name: 1 blobs of 2.0 KiB, 2.0 KiB fetched\n"
