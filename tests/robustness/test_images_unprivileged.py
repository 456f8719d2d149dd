"""Images and containers made of them, where neither daemon nor client has privileges."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.daemons import PROJECT
from tests.notebooks.test_unprivileged import as_ordinary_user
from tests.robustness.place import GUARD, Place
from tests.robustness.test_snapshots_unprivileged import OWNER

PROGRAM = """
import json, sys
from companion.client import *
from companion.core.errors import Error
from companion.core.namespaces import Namespace
from tests.images import image, layer, put

FILES = {
    "etc/": "",
    "etc/group": "root:x:0:\\nvideo:x:44:alice\\n",
    "usr/": "",
    "usr/passwd": "alice:x:1000:1001::/:/bin/sh\\n",
}
BLOBS = image(layer(FILES, **{"etc/passwd": "/usr/passwd"}), User="alice")
NATIVE = {"containerd.io/defaults/snapshotter": "native"}


def attempt(call):
    try:
        return call()
    except Error as error:
        return str(error)


with Client(sys.argv[1], default_namespace="builder") as client:
    image = put(client, "docker.io/library/debian:latest", BLOBS)
    told = {"chain": image.chain_id(), "unpack": attempt(image.unpack)}
    snapshot = with_new_snapshot("debian_snapshot", image)
    told["snapshot"] = attempt(lambda: client.new_container("debian", snapshot))
    client.namespace_service.update(Namespace("builder", NATIVE))
    image.unpack()
    container = client.new_container(
        "debian_container", snapshot, with_new_spec(with_image_config(image))
    )
    print(json.dumps({**told, "user": container.spec()["process"]["user"]}))
"""


def test_users_are_found_and_what_is_missing_is_told(place: Place) -> None:
    os.chown(place.directory, *OWNER)
    user = as_ordinary_user()
    with place.daemon(before=user):
        result = subprocess.run(
            [*user, sys.executable, "-c", PROGRAM, place.address],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [1001, 44]}
    missing = "snapshotter not loaded: overlayfs: invalid argument"
    assert told["snapshot"] == missing
    assert told["unpack"] == f"failed to stat snapshot {told['chain']}: {missing}"
