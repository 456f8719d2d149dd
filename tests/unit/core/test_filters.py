"""Filters: the contract's rows, what containerd was seen to do beside them, and what holds for any input."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from companion.core.containers import Container, RuntimeInfo
from companion.core.errors import InvalidArgument
from companion.core.filters import MAX_EXPRESSIONS, Adaptor, parse
from companion.core.quote import quote
from companion.store.adaptors import container_fields

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
    ("white space alone", " \t", "[ \t]: expected field or quoted"),
    ("space before a comma", "id ,a", '[id  >|,|< a]: expected an operator ("=="|"!="|"~=")'),
    ("cut at its first byte", "id==a€", None),
    ("cut in three", "id€", '[id >|\ufffd|< \ufffd\ufffd]: expected an operator ("=="|"!="|"~=")'),
    ("null after a value", "id==a\0", "[id==a >|\0|< ]: unexpected input: \ufffd"),
    ("null in quotes", 'id=="a\0"', '[id== >|"|< a\0"]: unexpected null'),
    ("no character", "\ufffd", "[ >|\ufffd|< \ufffd\ufffd]: rune error"),
    ("no character after a value", "id==a\ufffd", "[id==a >|\ufffd|< \ufffd\ufffd]: unexpected input: \ufffd"),
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
    ("octal number too short", r'"\18"', r'[ >|"|< \18"]: illegal numeric escape sequence'),
    ("octal number over a byte", r'"\400"', r'[ >|"|< \400"]: unquoting failed: quote syntax error'),
    ("beyond Unicode", r'"\U00110000"', r'[ >|"|< \U00110000"]: unquoting failed: quote syntax error'),
]
REFUSED = [row for row in REFUSED if row[2] is not None]


def matching(*filters: str) -> str:
    """The ids of the containers that match."""
    wanted = parse(*filters)
    return " ".join(one.id for one in CONTAINERS if wanted.match(container_fields(one)))
