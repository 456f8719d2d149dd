"""Which host is asked for what a reference names, and how."""

import subprocess
import sys

import pytest

from companion.client.remotes import Reference
from companion.client.remotes.hosts import Host, hosts_of, is_loopback


@pytest.mark.parametrize(
    ("registry", "origin"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("ghcr.io:80", "https://ghcr.io:80"),
        ("localhost", "http://localhost"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.1.2.3:5000", "http://127.1.2.3:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("localhost.example", "https://localhost.example"),
        ("127.0.0.1.example", "https://127.0.0.1.example"),
        ("10.0.0.1", "https://10.0.0.1"),
    ],
)
def test_plain_http_is_for_this_machine(registry: str, origin: str) -> None:
    assert Host.of(registry).origin == origin
    assert is_loopback(registry) == origin.startswith("http:")


@pytest.mark.parametrize(
    ("ref", "url"),
    [
        ("docker.io/library/debian:1", "https://registry-1.docker.io/v2/library/debian/manifests/1"),
        ("localhost:5000/a/b:c", "http://localhost:5000/v2/a/b/manifests/c"),
        ("h/a%3Fb%23:c d", "https://h/v2/a%3Fb%23/manifests/c%20d"),
    ],
)
def test_the_url_of_a_manifest(ref: str, url: str) -> None:
    reference = Reference.parse(ref)
    (host,) = hosts_of(reference, {})
    assert host.url(reference, "manifests", reference.object) == url


def test_a_program_that_pulls_nothing_does_without_http() -> None:
    code = "import sys, companion.client; sys.exit('requests' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
