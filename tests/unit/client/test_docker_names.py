"""Names as docker has them, long and short."""

import pytest

from companion.client.archive.docker_names import DockerName
from companion.core.errors import InvalidArgument

HEX = "a" * 64
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("given", "normalized", "familiar"),
    [
        ("busy", "docker.io/library/busy:latest", "busy:latest"),
        ("busy:1", "docker.io/library/busy:1", "busy:1"),
        ("a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("docker.io/c", "docker.io/library/c:latest", "c:latest"),
        ("docker.io/library/c:1", "docker.io/library/c:1", "c:1"),
        ("docker.io/library/c/d", "docker.io/library/c/d:latest", "library/c/d:latest"),
        ("index.docker.io/d", "docker.io/library/d:latest", "d:latest"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/y:z", "localhost:5000/y:z", "localhost:5000/y:z"),
        ("g.h/i", "g.h/i:latest", "g.h/i:latest"),
        (f"e@{DIGEST}", f"docker.io/library/e@{DIGEST}", f"e@{DIGEST}"),
        (f"f:1@{DIGEST}", f"docker.io/library/f@{DIGEST}", f"f:1@{DIGEST}"),
        ("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest", "a__b/c--d.e_f:latest"),
    ],
)
def test_a_name(given: str, normalized: str, familiar: str) -> None:
    found = DockerName.parse(given)
    assert (found.normalized, found.familiar) == (normalized, familiar)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("", "invalid reference format"),
        ("not a ref !", "invalid reference format"),
        ("Upper/case:1", "invalid reference format: repository name must be lowercase"),
        ("a.b/c:1:2", "invalid reference format"),
        ("a/b-_c", "invalid reference format"),
        ("a//b", "invalid reference format"),
        (f"a:{'t' * 129}", "invalid reference format"),
        ("a@sha256:short", "invalid reference format"),
        (HEX, f"invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
        ("n" * 250, "repository name must not be more than 255 characters"),
    ],
)
def test_what_is_no_name(given: str, text: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        DockerName.parse(given)
    assert str(raised.value) == f"{text}: invalid argument"
