"""TEMPORARY stand-in until the grammar lands: matches everything."""

from collections.abc import Callable, Sequence

Adaptor = Callable[[Sequence[str]], str | None]


class Filter:
    def match(self, adaptor: Adaptor) -> bool:
        return True


def parse(*filters: str) -> Filter:
    return Filter()
