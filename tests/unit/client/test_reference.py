"""References, and the words in which containerd refuses them."""

import pytest

from companion.client.reference import is_full
from companion.client.remotes import Reference, RegistryError

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "host", "repository", "object", "digest"),
    [
        ("docker.io/library/debian:latest", "docker.io", "library/debian", "latest", ""),
        ("localhost:5000/a/b/c:1.0", "localhost:5000", "a/b/c", "1.0", ""),
        (f"h/x@{DIGEST}", "h", "x", f"@{DIGEST}", DIGEST),
        (f"h/x:y@{DIGEST}", "h", "x", f"y@{DIGEST}", DIGEST),
        ("[::1]:5000/x:y", "[::1]:5000", "x", "y", ""),
        ("h//x/./y:z", "h", "x/y", "z", ""),
        ("user@h/x:y", "h", "x", "y", ""),
        ("h/%41:y", "h", "A", "y", ""),
        ("h/x:y?z#w", "h", "x", "y", ""),
    ],
)
def test_parts(text: str, host: str, repository: str, object: str, digest: str) -> None:
    found = Reference.parse(text)
    found.validate()
    assert (found.host, found.repository, found.object, found.digest) == (host, repository, object, digest)


# The texts after `parse` are those that Go's net/url gave for them.
@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "hostname required"),
        ("/x:y", "hostname required"),
        ("https://h/x:y", "invalid reference"),
        ("debian", "object required"),
        ("h/x", "object required"),
        ("h/x?y:z", "object required"),
        ("h/x@sha256:0", "invalid checksum digest length"),
        (f"h/x@sha256:{'g' * 64}", "invalid checksum digest format"),
        ("h/x@y", "invalid checksum digest format"),
        (f"h/x@md5:{'0' * 32}", "unsupported digest algorithm"),
        ("debian:latest", 'parse "dummy://debian:latest": invalid port ":latest" after host'),
        ("debian@sha256:abc", 'parse "dummy://debian@sha256:abc": invalid port ":abc" after host'),
        ("[::1]x/y", 'parse "dummy://[::1]x/y": invalid port "x" after host'),
        ("[::1/x", "parse \"dummy://[::1/x\": missing ']' in host"),
        ("a b/c:d", 'parse "dummy://a b/c:d": invalid character " " in host name'),
        ("h{}/x:y", 'parse "dummy://h{}/x:y": invalid character "{" in host name'),
        ("h/%zz", 'parse "dummy://h/%zz": invalid URL escape "%zz"'),
        ("h/%4", 'parse "dummy://h/%4": invalid URL escape "%4"'),
        ("h%41/x", 'parse "dummy://h%41/x": invalid URL escape "%41"'),
        ("h/x\n", r'parse "dummy://h/x\n": net/url: invalid control character in URL'),
    ],
)
def test_refused(text: str, refusal: str) -> None:
    with pytest.raises(RegistryError) as caught:
        Reference.parse(text).validate()
    assert str(caught.value) == refusal


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("docker.io/library/debian:latest", True),
        ("127.0.0.1:5000/x:y", True),
        ("localhost/x:y", True),
        ("[::1]:5000/x:y", True),
        (f"example.com/x@sha256:{'0' * 64}", True),
        ("", False),
        ("debian", False),
        ("debian:latest", False),
        ("library/debian:latest", False),
        ("docker.io/library/debian", False),
        ("https://example.com/x:y", False),
    ],
)
def test_a_full_name_has_a_registry_and_a_tag_or_a_digest(text: str, full: bool) -> None:
    assert is_full(text) is full
