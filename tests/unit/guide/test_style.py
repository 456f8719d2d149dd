from __future__ import annotations

import re
from itertools import combinations

import pytest

from companion.guide.figures import style
from companion.guide.figures.style import FAULT, FLOORS, INK, PAPER, Colour, shorten, width, wrap


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_floor_has_a_colour() -> None:
    assert {"program", "client", "remote", "wire", "service", "local", "store"} <= set(FLOORS)


def test_no_two_floors_share_a_fill() -> None:
    assert all(one.fill != other.fill for one, other in combinations(FLOORS.values(), 2))


@pytest.mark.parametrize("colour", [*FLOORS.values(), FAULT], ids=[*FLOORS, "fault"])
def test_ink_is_readable_on_a_fill_and_the_line_is_seen(colour: Colour) -> None:
    assert contrast(INK, colour.fill) >= 7
    assert contrast(colour.line, colour.fill) >= 3
    assert contrast(colour.line, PAPER) >= 4.5


def test_colours_are_six_digit_hex() -> None:
    colours = [part for colour in [*FLOORS.values(), FAULT] for part in (colour.fill, colour.line)]
    assert all(
        re.fullmatch("#[0-9A-F]{6}", colour) for colour in [*colours, INK, PAPER, style.FAINT, style.PANEL]
    )


def test_a_short_text_stays_whole() -> None:
    assert shorten("create", 8, 100) == "create"


def test_a_long_text_is_cut_to_its_room_with_an_ellipsis() -> None:
    short = shorten("CreateContainerRequest", 8, 60)
    assert short.endswith("…")
    assert "CreateContainerRequest".startswith(short[:-1])
    assert width(short, 8) <= 60


def test_lines_break_at_blanks_first() -> None:
    assert wrap("already exists here", 8, width("already exists", 8), 3) == ["already exists", "here"]


def test_a_word_longer_than_a_line_breaks_after_a_bracket_before_it_breaks_in_a_name() -> None:
    room = width('"debian_container")', 8)
    assert wrap('Container(id="debian_container")', 8, room, 3) == ["Container(id=", '"debian_container")']


def test_a_name_longer_than_a_line_breaks_at_its_humps() -> None:
    assert wrap("RemoteContainerStore", 8, width("ContainerStore", 8), 3) == ["Remote", "ContainerStore"]


def test_a_text_without_any_place_to_break_is_cut_into_lines_whole() -> None:
    assert "".join(wrap("x" * 50, 8, 60, 9)) == "x" * 50


def test_what_exceeds_the_lines_ends_in_an_ellipsis() -> None:
    lines = wrap("one two three four five six seven", 8, width("three four", 8), 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")


def test_no_line_exceeds_its_room() -> None:
    text = 'ALREADY_EXISTS: container "debian_container": already exists'
    assert all(width(line, 8) <= 70 for line in wrap(text, 8, 70, 9))


def test_an_empty_text_has_no_line() -> None:
    assert wrap("", 8, 70, 3) == []
