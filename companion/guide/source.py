"""The package's own source, shown where it is explained, so that the two cannot drift apart."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable


class Source:
    """The source of a class or function, for display in a notebook."""

    def __init__(self, shown: type | Callable[..., object]) -> None:
        self._text = textwrap.dedent(inspect.getsource(inspect.unwrap(shown))).rstrip()

    def __repr__(self) -> str:
        return self._text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self._text}\n```"
