"""What our client says of a registry's answers, and asks it: the same as `ctr images pull`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from uuid import uuid4

import pytest

from companion.core.errors import Error
from companion.guide.registry import Answer
from tests.daemons import DaemonProcess
from tests.interop.conftest import connect, new_namespace
from tests.registries import Script, Scripted, bearer, challenge, document, first_of, on, simple, status

pytestmark = pytest.mark.interop

GUARD = 60.0
DENIED = b'{"errors":[{"code":"DENIED","message":"no no"}]}'
TWO = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"a"},{"code":"DENIED"}]}'


def always(answer: Answer) -> Callable[[Scripted], Script]:
    return lambda _: lambda _: answer


def token(answer: Answer, extra: str = "") -> Callable[[Scripted], Script]:
    return lambda registry: first_of(
        on("GET /token.*", answer), bearer(lambda: registry.host, "t", extra=extra)
    )


def of(kind: str, answer: Answer) -> Callable[[Scripted], Script]:
    """Answer so to who asks for the bytes of one kind of blob."""

    def script(registry: Scripted) -> Script:
        wanted = f"GET /v2/library/debian/blobs/{kind}"
        return lambda request: answer if registry.named(str(request)) == wanted else None

    return script


def busy(times: int) -> Callable[[Scripted], Script]:
    return lambda registry: lambda _: status(429) if len(registry.requests) <= times else None


def told(**headers: str) -> Callable[[Scripted], Script]:
    known = {"Content-Type": "application/vnd.oci.image.manifest.v1+json", "Content-Length": "300"}
    given = known | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: on("HEAD .*", Answer(200, given))


SCRIPTS: dict[str, Callable[[Scripted], Script]] = {
    "all is well": lambda _: lambda _: None,
    "404": always(status(404)),
    "403": always(status(403)),
    "500": always(status(500)),
    "401 that asks for nothing": always(status(401)),
    "401 that asks for a password": always(challenge('Basic realm="x"')),
    "401 without a realm": always(challenge('Bearer service="x"')),
    "no HEAD": lambda _: on("HEAD .*", status(405)),
    "busy twice": busy(2),
    "busy for ever": always(status(429)),
    "no digest": told(),
    "a digest that is none": told(Docker_Content_Digest="x"),
    "a huge manifest": told(Docker_Content_Digest=f"sha256:{'0' * 64}", Content_Length="100000000"),
    "a circle": always(status(302, {"Location": "/v2/library/debian/manifests/latest"})),
    "a token": token(document({"token": "t"})),
    "an access token": token(document({"token": "x", "access_token": "t"})),
    "no token": token(document({})),
    "a token refused": token(status(403)),
    "a token that is not enough": token(document({"token": "x"}), ',error="insufficient_scope"'),
    "no layer": of("layer", status(404)),
    "a layer denied": of("layer", status(403, body=DENIED)),
    "a layer denied twice": of("layer", status(403, body=TWO)),
    "a layer of other bytes": of("layer", status(200, body=b"other")),
    "a short layer": of("layer", status(200, body=b"l")),
    "an empty layer": of("layer", status(200)),
    "no config": of("config", status(404)),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_as_ctr(script: Callable[[Scripted], Script], containerd: DaemonProcess) -> None:
    assert played(script, containerd, by_client) == played(script, containerd, by_ctr)


def played(
    script: Callable[[Scripted], Script], daemon: DaemonProcess, fetch: Callable[[DaemonProcess, str], str]
) -> tuple[str, set[str]]:
    """What is said in the end, and what the registry was asked.

    How often does not count: ctr keeps tokens for what it resolves and for what it fetches apart.
    """
    # A layer of its own every time: a daemon shares blobs.
    with Scripted(blobs=simple([uuid4().bytes])) as registry:
        registry.script = script(registry)
        said = fetch(daemon, f"{registry.host}/library/debian:latest")
        said = registry.named(said.replace(registry.host, "HOST"))
        return said, {text for text in registry.asked if counts(text, said)}


def counts(request: str, said: str) -> bool:
    """Tokens do not count, nor do blobs that a failure may have come before."""
    return "/token" not in request and not (said and "/blobs/" in request)


def by_ctr(daemon: DaemonProcess, ref: str) -> str:
    command = ["ctr", "--address", daemon.address, "--namespace", new_namespace(), "content", "fetch"]
    flags = ["--plain-http", "--platform", "linux/amd64", ref]
    ctr = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=GUARD, check=False)
    return re.sub('time=".*\n', "", ctr.stderr)


def by_client(daemon: DaemonProcess, ref: str) -> str:
    with connect(daemon, new_namespace()) as client:
        try:
            client.fetch(ref, platforms=["linux/amd64"])
        except Error as error:
            return f"ctr: {error}\n"
    return ""
