"""A process that dies of a signal."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.guide.child import killed


def test_the_signal_is_named(tmp_path: Path) -> None:
    assert killed("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path) == "SIGKILL"


def test_it_runs_in_the_directory(tmp_path: Path) -> None:
    killed("import os; open('here', 'w').close(); os.abort()", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_one_that_does_not_die_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with 1: Traceback"):
        killed("nonsense", tmp_path)
