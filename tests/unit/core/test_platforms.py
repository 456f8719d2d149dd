"""Platforms: how they are written, which are the same, and which will do for another."""

from __future__ import annotations

import pytest

from companion.core import platforms
from companion.core.errors import InvalidArgument
from companion.core.platforms import Platform, normalize, only, ordered, parse

HERE = Platform(*platforms.default().split("/"))
COMPONENT = 'platform specifier component must match "^[A-Za-z0-9_-]+$"'


@pytest.mark.parametrize(
    ("written", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("LINUX/x86_64", Platform("linux", "amd64")),
        ("linux/amd64/v1", Platform("linux", "amd64")),
        ("linux/amd64/v3", Platform("linux", "amd64", "v3")),
        ("linux/i386", Platform("linux", "386")),
        ("linux/arm", Platform("linux", "arm")),
        ("linux/arm/v7", Platform("linux", "arm", "v7")),
        ("linux/arm/6", Platform("linux", "arm", "v6")),
        ("linux/armel", Platform("linux", "arm", "v6")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("linux/arm64/8", Platform("linux", "arm64", "v8")),
        ("macos/arm64", Platform("darwin", "arm64")),
        ("any/thing", Platform("any", "thing")),
        ("linux", Platform("linux", HERE.architecture, HERE.variant)),
        ("riscv64", Platform(HERE.os, "riscv64")),
        ("armhf", Platform(HERE.os, "arm")),
    ],
)
def test_a_platform_is_written(written: str, platform: Platform) -> None:
    assert parse(written) == platform


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("*", '"*": wildcards not yet supported'),
        ("linux/*", '"linux/*": wildcards not yet supported'),
        ("", f'"" is an invalid component of "": {COMPONENT}'),
        ("linux//v7", f'"" is an invalid component of "linux//v7": {COMPONENT}'),
        ("linux/a b", f'"a b" is an invalid component of "linux/a b": {COMPONENT}'),
        ("linux/arm\n", f'"arm\\n" is an invalid component of "linux/arm\\n": {COMPONENT}'),
        ("vax", '"vax": unknown operating system or architecture'),
        ("linux/arm/v7/x", '"linux/arm/v7/x": cannot parse platform specifier'),
    ],
)
def test_what_is_no_platform_is_refused(written: str, text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(written)
    assert str(caught.value) == f"{text}: invalid argument"


@pytest.mark.parametrize(
    ("platform", "normal"),
    [
        (Platform("", "AMD64"), Platform(HERE.os, "amd64")),
        (Platform("linux", "x86-64", "v2"), Platform("linux", "amd64", "v2")),
        (Platform("linux", "i386", "v2"), Platform("linux", "386")),
        (Platform("linux", "arm"), Platform("linux", "arm", "v7")),
        (Platform("linux", "arm", "8"), Platform("linux", "arm", "v8")),
        (Platform("linux", "arm64", "v8"), Platform("linux", "arm64")),
        (Platform("linux", "armhf", "v6"), Platform("linux", "arm", "v7")),
    ],
)
def test_a_platform_has_one_normal_name(platform: Platform, normal: Platform) -> None:
    assert normalize(platform) == normal


@pytest.mark.parametrize(
    ("wanted", "runnable"),
    [
        ("linux/amd64", "linux/amd64 linux/386"),
        ("linux/amd64/v3", "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386"),
        ("linux/386", "linux/386"),
        ("linux/arm/v7", "linux/arm/v7 linux/arm/v6 linux/arm/v5"),
        ("linux/arm/v5", "linux/arm/v5"),
        ("linux/arm64", "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5"),
        ("linux/s390x", "linux/s390x"),
    ],
)
def test_a_processor_runs_what_older_ones_do(wanted: str, runnable: str) -> None:
    assert only(parse(wanted)) == ordered(map(parse, runnable.split()))


def test_what_will_do_has_a_rank() -> None:
    matcher = only(parse("linux/arm/v7"))
    assert matcher.rank(Platform("linux", "arm", "v6")) == 1
    assert not matcher.match(Platform("linux", "arm", "v8"))
    assert not matcher.match(Platform("windows", "arm", "v7"))


def test_where_only_some_will_do_nothing_like_them_does() -> None:
    assert not ordered([parse("linux/amd64")]).match(parse("linux/386"))
