"""Durations as Go writes them."""

from __future__ import annotations

import pytest

from companion.core import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("100ms", 0.1),
        ("1h2m3.5s", 3723.5),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("5.s", 5.0),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("10ns", 1e-8),
        ("-2s", -2.0),
        ("+2s", 2.0),
    ],
)
def test_read(text: str, seconds: float) -> None:
    assert durations.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1", "s", "1x", "1 s", "--1s", "1s ", "1,5s", "1sm", "."])
def test_refused_in_the_words_of_go(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: invalid duration"):
        durations.parse(text)
