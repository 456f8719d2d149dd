"""How a check speaks: it prints what was proved, or what is not yet so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from companion.guide.describe import describe_error

P = ParamSpec("P")


class NotYet(Exception):
    """What was expected of the reader's code, and what came."""


def judged(check: Callable[P, str]) -> Callable[P, None]:
    """Print what a check proves, or what is not yet so, be it an error in the reader's code."""

    @functools.wraps(check)
    def judge(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            print(check(*args, **kwargs))
        except NotYet as reason:
            print(f"not yet: {reason}")
        except Exception as error:
            print(f"not yet: your code raised {describe_error(error)}")

    return judge


def expect(what: str, expected: object, came: object) -> None:
    """Raise `NotYet` unless `came` is what was expected."""
    if came != expected:
        raise NotYet(f"{what}: expected {expected!r}, got {came!r}")
