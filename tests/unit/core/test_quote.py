"""Go's quoting, as containerd's error texts show it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.quote import quote

SHOWN = [
    ("", '""'),
    ("c1", '"c1"'),
    ("a b", '"a b"'),
    ('say "x"', r'"say \"x\""'),
    ("it's", '"it\'s"'),
    ("back\\slash", r'"back\\slash"'),
    ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
    ("\0\x1b\x7f", r'"\x00\x1b\x7f"'),
    ("é€😀", '"é€😀"'),
    ("\x80\xa0\xad", r'"\u0080\u00a0\u00ad"'),
    ("\u200b\u2028\u3000\ufeff", r'"\u200b\u2028\u3000\ufeff"'),
    ("\ue000", r'"\ue000"'),
    ("\U000e0001", r'"\U000e0001"'),
    ("\U0010ffff", r'"\U0010ffff"'),
    ("\ufffd", '"\ufffd"'),
]


@pytest.mark.parametrize(("text", "quoted"), SHOWN, ids=[quoted for _, quoted in SHOWN])
def test_quote_writes_as_go_does(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@given(st.text(st.characters()))
def test_a_quoted_text_prints_and_says_what_was_quoted(text: str) -> None:
    quoted = quote(text)
    assert quoted.isprintable()
    # Go's escapes are among Python's.
    assert ast.literal_eval(quoted) == text
