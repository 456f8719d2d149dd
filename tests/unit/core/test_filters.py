"""What filters match: the contract's rows, what containerd was seen to do beside them, what always holds."""

from __future__ import annotations

import logging

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from companion.core.containers import Container, RuntimeInfo
from companion.core.filters import Adaptor, parse
from companion.core.leases import Lease
from companion.core.quote import quote
from companion.store.adaptors import container_fields, lease_fields

RUNC = RuntimeInfo("io.containerd.runc.v2")
WEB = {"role": "web", "a.b": "1", "sp ace": "x"}
CONTAINERS = [
    Container("B1", image="debian:11", runtime=RUNC),
    Container("b10", {"role": "db"}, "alpine", RUNC),
    Container("b2", WEB, "debian:12", RUNC),
    Container("c1", image="z", runtime=RUNC, snapshotter="overlayfs", snapshot_key="k9"),
]
ALL = "B1 b10 b2 c1"

FOUND = [
    ("B65", [], ALL),
    ("B66", ["id==b2"], "b2"),
    ("B67", ["id!=b2"], "B1 b10 c1"),
    ("B68", ["id~=b.*"], "b10 b2"),
    ("B69", ["id"], ALL),
    ("B70", ["image"], ALL),
    ("B71", ["image==debian:12"], "b2"),
    ("B72", ["image~=debian"], "B1 b2"),
    ("B73", ["image~=^debian:1[12]$"], "B1 b2"),
    ("B74", ["runtime.name==io.containerd.runc.v2"], ALL),
    ("B75", ["runtime.name"], ALL),
    ("B76", ["runtime"], ""),
    ("B77", ["runtime.options"], ""),
    ("B78", ["labels.role"], "b10 b2"),
    ("B79", ["labels.role==web"], "b2"),
    ("B80", ["labels.role!=web"], "B1 b10 c1"),
    ("B81", ['labels."a.b"==1'], "b2"),
    ("B82", ["labels.a.b==1"], "b2"),
    ("B83", ['labels."sp ace"==x'], "b2"),
    ("B84", ["labels"], ""),
    ("B85", ["labels.nope"], ""),
    ("B86", ["snapshotter==overlayfs"], ""),
    ("B87", ["snapshot_key"], ""),
    ("B88", ["bogus==1"], ""),
    ("B89", ["bogus!=1"], ALL),
    ("B90", ["id==b2,image~=debian"], "b2"),
    ("B91", ["id==b2,image==alpine"], ""),
    ("B92", [""], ALL),
    ("B100", ["id == b2"], "b2"),
    ("B101", ['id=="b2"'], "b2"),
    ("B102", ["id=='b2'"], ""),
    ("B103", ['id==b2"'], ""),
    ("B104", ["id~=["], ""),
    ("B105", ["id~=|b.|"], "b10 b2"),
    ("B106", ["id~=/b2|b10/"], "b10 b2"),
    ("B112", ["id.foo==b2"], "b2"),
    ("B113", ['"id"==b2'], "b2"),
    ("B114", ["id==b2||id==B1"], ""),
    ("B118", ["id~=(?i)b1"], "B1 b10"),
    ("B119", ["id==é"], ""),
    ("B121", ["ID==b2"], ""),
    ("B122", ["id==b2", "id==B1"], "B1 b2"),
    ("B123", ["", "id==b2"], ALL),
    ("F7", [r"id==\x"], ""),
]


# A value as a filter may write it, and what it means.
VALUES = [
    ("b2", "b2"),
    (" \t\n\xa0\u3000b2", "b2"),
    ("é€😀", "é€😀"),
    ('a=b.c|d/e~!"\\', 'a=b.c|d/e~!"\\'),
    ("\x01b", "\x01b"),
    ("\u200bb", "\u200bb"),
    ('""', ""),
    ('"a, b"', "a, b"),
    ('"it\'s"', "it's"),
    (r'"\a\b\f\n\r\t\v\\\""', '\a\b\f\n\r\t\v\\"'),
    (r'"\x62\062\u00e9\U0001f600"', "b2é😀"),
    (r'"\xc3\xa9\303\251"', "éé"),
    (r'"\0001"', "\x001"),
    (r'"\ud800\udfff\U80000000"', "\ufffd\ufffd\ufffd"),
    ('"a\rb"', "a\rb"),
]

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufffd"))
FILTERS = st.sampled_from(
    ["id==b2", "id~=b", "labels.role", "labels.role!=web", "bogus", "image==z", "image"]
)


def fields(**found: str) -> Adaptor:
    """An object that reports these fields, none of them below another."""
    return lambda path: found.get(".".join(path))


def matching(*filters: str) -> str:
    """The ids of the containers that match."""
    wanted = parse(*filters)
    return " ".join(one.id for one in CONTAINERS if wanted.match(container_fields(one)))


@pytest.mark.parametrize(("filters", "ids"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_filters_find_the_containers_that_containerd_finds(filters: list[str], ids: str) -> None:
    assert matching(*filters) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("id==l1", "l1"),  # L9
        ("labels.a==1", "l1"),  # L10
        ('labels."containerd.io/gc.expire"', "badexp"),  # L11
        ("bogus", ""),  # L12
    ],
)
def test_filters_find_the_leases_that_containerd_finds(text: str, ids: str) -> None:
    leases = [
        Lease("a b/%"),
        Lease("badexp", labels={"containerd.io/gc.expire": "garbage"}),
        Lease("l1", labels={"a": "1"}),
    ]
    wanted = parse(text)
    assert " ".join(one.id for one in leases if wanted.match(lease_fields(one))) == ids


def test_white_space_may_stand_before_every_part() -> None:  # P4
    plugin = fields(type="io.containerd.snapshotter.v1", id="overlayfs")
    assert parse("type==io.containerd.snapshotter.v1, id==overlayfs").match(plugin)
    assert parse("\n id\u2003\x85== overlayfs,\ttype").match(plugin)


@pytest.mark.parametrize(("written", "meant"), VALUES, ids=[quote(written) for written, _ in VALUES])
def test_a_value_means_what_containerd_takes_it_for(written: str, meant: str) -> None:
    assert parse(f"id=={written}").match(fields(id=meant))


def test_bytes_that_make_no_utf8_equal_no_text() -> None:
    broken = r'"\xff"'
    for text in ("\xff", "\ufffd", ""):
        assert not parse(f"id=={broken}").match(fields(id=text))
        assert parse(f"id!={broken}").match(fields(id=text))
        assert not parse(f"id~={broken}").match(fields(id=text))


def test_a_field_that_is_not_reported_counts_as_empty_for_all_but_equality() -> None:
    absent = fields()
    assert not parse('id==""').match(absent)
    assert not parse('id!=""').match(absent)
    assert parse("id~=^$").match(absent)


@given(value=TEXT, other=TEXT)
def test_a_quoted_value_equals_itself_and_nothing_else(value: str, other: str) -> None:
    equal, unequal = parse(f"id=={quote(value)}"), parse(f"id!={quote(value)}")
    assert equal.match(fields(id=value))
    assert not unequal.match(fields(id=value))
    assert equal.match(fields(id=other)) == (value == other) != unequal.match(fields(id=other))


@given(key=TEXT)
def test_a_quoted_field_is_looked_up_as_it_is(key: str) -> None:
    assert parse(f"labels.{quote(key)}").match(lambda path: "" if list(path) == ["labels", key] else None)


def test_a_field_whose_bytes_make_no_utf8_is_looked_up_as_text() -> None:
    assert parse(r'labels."a\xff"').match(lambda path: "" if list(path) == ["labels", "a\ufffd"] else None)


@given(before=TEXT, value=TEXT, after=TEXT)
def test_a_regular_expression_is_searched_for_in_the_whole_value(before: str, value: str, after: str) -> None:
    assert parse(f"id~={quote(re2.escape(value))}").match(fields(id=before + value + after))


@given(one=FILTERS, other=FILTERS)
def test_a_comma_means_and_two_filters_mean_or(one: str, other: str) -> None:
    found, found_too = set(matching(one).split()), set(matching(other).split())
    assert set(matching(f"{one},{other}").split()) == found & found_too
    assert set(matching(one, other).split()) == found | found_too


def test_an_invalid_expression_is_told_once_and_matches_nothing(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        assert matching("id~=b2", "id~=(") == "b2"
    assert [record.getMessage() for record in caplog.records] == [
        "a filter's regular expression is invalid and never matches: '('"
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("joint", [".", ","])
def test_a_long_filter_is_parsed_without_recursion(joint: str) -> None:
    assert parse(joint.join(["id"] * 20_000)).match(lambda path: "")
