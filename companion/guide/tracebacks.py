"""Short tracebacks in a notebook: where in the reader's cells, and what went wrong.

A call that fails passes many frames on five floors. They say nothing that a recording does not say better.
Nor do those of a library that a cell has called.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


def shorten_tracebacks() -> None:
    """Show errors with the frames of cells alone; only in IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.set_custom_exc((Exception,), _show)


def _show(
    shell: Any, etype: type[BaseException], value: BaseException, tb: TracebackType, tb_offset: int = 0
) -> None:
    value.__cause__, value.__suppress_context__ = None, True
    # What an installation lacks is seen only where it was asked for.
    shown = None if isinstance(value, ImportError) else cells_only(tb)
    shell.showtraceback((etype, value, shown or tb), tb_offset=0)


def cells_only(tb: TracebackType | None) -> TracebackType | None:
    """Return the frames of `tb` that are in a cell, None where there is none."""
    if tb is None:
        return None
    rest = cells_only(tb.tb_next)
    if "ipykernel_" not in tb.tb_frame.f_code.co_filename:
        return rest
    return TracebackType(rest, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)
