"""Texts of filters that containerd refuses: the contract's rows, and what it was seen to do beside them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.errors import InvalidArgument
from companion.core.filters import MAX_EXPRESSIONS, parse, parse_request

REFUSED = [
    ("B93", "id==", "[id==]: expected value or quoted"),
    ("B94", "id=b2", '[id >|=|< b2]: unsupported operator "="'),
    ("B95", "id===b2", '[id >|=|< ==b2]: unsupported operator "==="'),
    ("B96", "id<b2", '[id >|<|< b2]: expected an operator ("=="|"!="|"~=")'),
    ("B97", "id==b2,", "[id==b2,]: expected field or quoted"),
    ("B98", "id==b2 ,image==x", "[id==b2 >| |< ,image==x]: unexpected input:  "),
    ("B99", ",id==b2", "[ >|,|< id==b2]: expected field or quoted"),
    ("B107", "id==/b2/", "[id== >|/|< b2/]: invalid quote encountered"),
    ("B108", 'id=="b2', '[id== >|"|< b2]: quoted literal not terminated'),
    ("B109", "labels.", "[labels.]: expected field or quoted"),
    ("B110", "labels..a", "[labels. >|.|< a]: expected field or quoted"),
    ("B111", ".id", "[ >|.|< id]: expected field or quoted"),
    ("B115", "id==b2 id==B1", "[id==b2 >| |< id==B1]: unexpected input:  "),
    ("B116", "id=!b2", '[id >|=|< !b2]: unsupported operator "=!"'),
    ("B117", "id!~b", '[id >|!|< ~b]: unsupported operator "!~"'),
    ("B120", "id==\0", "[id== >|\0|< ]: unexpected null"),
    ("F1", "id==.x", "[id== >|.|< x]: expected value or quoted"),
    ("F2", "id==~x", '[id >|=|< =~x]: unsupported operator "==~"'),
    ("F3", "id~=.*", "[id~= >|.|< *]: expected value or quoted"),
    ("F4", "id==!x", '[id >|=|< =!x]: unsupported operator "==!"'),
    ("F5", "id ", '[id ]: expected an operator ("=="|"!="|"~=")'),
    ("F6", "id==b2,,x", "[id==b2, >|,|< x]: expected field or quoted"),
    ("F8", r'id=="\q"', r'[id== >|"|< \q"]: illegal escape sequence'),
    ("F9", r'id=="a\x4"', r'[id== >|"|< a\x4"]: illegal numeric escape sequence'),
    ("F10", "id==b2 ", "[id==b2 >| |< ]: unexpected input:  "),
    ("F11", "a-b==1", '[a >|-|< b==1]: expected an operator ("=="|"!="|"~=")'),
    ("F12", "é==1", "[ >|\ufffd|< \ufffd==1]: expected field or quoted"),
    ("F13", '"a', '[ >|"|< a]: quoted literal not terminated'),
    ("F14", 'id=="a"b', '[id=="a" >|b|< ]: unexpected input: b'),
    ("P9", "type=x", '[type >|=|< x]: unsupported operator "="'),
    ("L13", "id=x", '[id >|=|< x]: unsupported operator "="'),
    ("E18", "topic=x", '[topic >|=|< x]: unsupported operator "="'),
    # Not in the contract; observed in the same way.
    (
        "a control that is no white space",
        "id\x1c==a",
        '[id >|\x1c|< ==a]: expected an operator ("=="|"!="|"~=")',
    ),
    ("white space alone", " \t", "[ \t]: expected field or quoted"),
    ("space before a comma", "id ,a", '[id  >|,|< a]: expected an operator ("=="|"!="|"~=")'),
    ("cut at its first byte", "id€", '[id >|\ufffd|< \ufffd\ufffd]: expected an operator ("=="|"!="|"~=")'),
    ("null after a value", "id==a\0", "[id==a >|\0|< ]: unexpected input: \ufffd"),
    ("null in quotes", 'id=="a\0"', '[id== >|"|< a\0"]: unexpected null'),
    ("no character", "\ufffd", "[ >|\ufffd|< \ufffd\ufffd]: rune error"),
    (
        "no character after a value",
        "id==a\ufffd",
        "[id==a >|\ufffd|< \ufffd\ufffd]: unexpected input: \ufffd",
    ),
    ("no character in quotes", '"\ufffd"', '[ >|"|< \ufffd"]: rune error'),
    ("unprintable in a value", "id==a\x7f", "[id==a >|\x7f|< ]: unexpected input: \x7f"),
    ("line feed in quotes", '"a\nb"', '[ >|"|< a\nb"]: quoted literal not terminated'),
    ("other quotes unfinished", "id==/b", "[id== >|/|< b]: quoted literal not terminated"),
    ("other quotes around a field", "|id|", "[ >|||< id|]: invalid quote encountered"),
    ("a quote where an operator stands", 'id"a"', '[id >|"|< a"]: expected an operator ("=="|"!="|"~=")'),
    ("another quote escaped", r'id~="\/"', r'[id~= >|"|< \/"]: illegal escape sequence'),
    ("single quote escaped", r'''id=="\'"''', r"""[id== >|"|< \'"]: illegal escape sequence"""),
    ("class of a regex in quotes", r"id~=/\d/", r"[id~= >|/|< \d/]: illegal escape sequence"),
    ("escape unfinished", '"a\\', '[ >|"|< a\\]: illegal escape sequence'),
    ("octal number too short", r'"\12"', r'[ >|"|< \12"]: illegal numeric escape sequence'),
    ("octal number over a byte", r'"\400"', r'[ >|"|< \400"]: unquoting failed: quote syntax error'),
    ("beyond Unicode", r'"\U00110000"', r'[ >|"|< \U00110000"]: unquoting failed: quote syntax error'),
]

# What the grammar knows, so that examples get further than their first character.
PIECES = [
    *'=~!,."/|\\ \t\n\0a0_x7uUé€\ufffd\ud800(',
    "id",
    "labels.",
    "==",
    "~=",
    '"a"',
    "\\x41",
    "\\400",
    ", ",
]


def refusal(text: str) -> str | None:
    """The text of the error that a filter raises, None when it is accepted."""
    try:
        parse(text)
    except InvalidArgument as error:
        return str(error)
    return None


@pytest.mark.parametrize(("text", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_refused_filter_names_the_place_and_the_reason(text: str, error: str) -> None:
    assert refusal(text) == f"filters: parse error: {error}: invalid argument"


def test_a_lone_surrogate_is_no_character() -> None:
    assert str(refusal("id==\ud800")).endswith("]: rune error: invalid argument")


def test_one_bad_filter_spoils_all_and_the_first_is_told() -> None:  # B124
    with pytest.raises(InvalidArgument, match=r"^filters: parse error: \[id==\]: expected value or quoted:"):
        parse("", "id==b2", "id==", "id=")


def test_a_request_shows_the_class_of_the_error_twice() -> None:  # B94
    with pytest.raises(InvalidArgument, match=r'operator "=": invalid argument: invalid argument$'):
        parse_request(["id=b2"])


@given(st.one_of(st.text(st.characters()), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_whatever_the_text_it_is_accepted_or_refused_in_utf8(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert re.fullmatch(r"filters: parse error: \[.*\]: .*: invalid argument", error, re.DOTALL)
        assert error.encode()


@pytest.mark.parametrize(
    "filters",
    [["a~=" + "x" * MAX_EXPRESSIONS + "x"], ["a~=xy,b~=xy"] * (MAX_EXPRESSIONS // 4) + ["a~=x"]],
    ids=["one", "together"],
)
def test_more_regular_expressions_than_the_bound_are_refused(filters: list[str]) -> None:
    parse(*filters[:-1])
    with pytest.raises(InvalidArgument, match=r"^filters: regular expressions of more than 16384 "):
        parse(*filters)
