"""What our client makes of an image's config, the real `ctr` makes of it: users, arguments, environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from companion.client import (
    Client,
    Image,
    oci,
    with_image_config,
    with_image_config_args,
    with_image_config_labels,
    with_image_stop_signal,
    with_new_snapshot,
    with_new_spec,
    with_runtime,
    with_snapshot_cleanup,
    with_snapshotter,
)
from companion.core import typeurl
from companion.core.errors import Error, InvalidArgument
from tests import images
from tests.daemons import DaemonProcess
from tests.images import layer
from tests.interop.conftest import connect, new_namespace
from tests.interop.scenario import Outcome, run

pytestmark = pytest.mark.interop

LAYER = layer(
    {
        "etc/": "",
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/srv:/bin/sh\n",
        "etc/group": "root:x:0:\nalice:x:1001:\nstaff:x:50:root,alice\nvideo:x:44:alice\n",
        "usr/": "",
        "usr/passwd": "linked:x:7:8::/:/bin/sh\n",
    }
)
BARE = layer({"etc/": ""})
LINKED = layer({"etc/": ""}, **{"etc/passwd": "/usr/passwd", "etc/group": "../../../usr/group"})
TEMPORARY = re.compile(r"mount callback failed on \S+: ")


@dataclass(frozen=True)
class Place:
    """A namespace of a daemon, as `ctr` and our client see it."""

    address: str
    client: Client

    def put(self, *layers: bytes, **config: Any) -> Image:
        """Add an image of this config, unpacked."""
        blobs = images.image(*layers, **config)
        image = images.put(self.client, f"example.com/{blobs.target.digest}", blobs)
        image.unpack("native")
        return image

    def ctr(self, arguments: str) -> Outcome:
        environment = {"CONTAINERD_ADDRESS": self.address, "CONTAINERD_NAMESPACE": self.client.namespace}
        return run(f"ctr containers {arguments}", environment, Path("/"))

    def by_ctr(self, image: Image, flags: str = "", args: str = "") -> dict[str, Any]:
        """Return the record that ctr makes, and remove it."""
        outcome = self.ctr(f"create --snapshotter native {flags} {image.name} debian {args}")
        assert outcome.code == 0, outcome.text
        return self._removed()

    def by_us(self, image: Image, *opts: oci.SpecOpt) -> dict[str, Any]:
        """Return the record that our client makes, and remove it."""
        self.create(image, *opts)
        return self._removed()

    def create(self, image: Image, *opts: oci.SpecOpt) -> None:
        self.client.new_container(
            "debian",
            with_image_config_labels(image),
            with_snapshotter("native"),
            with_new_snapshot("debian", image),
            with_image_stop_signal(image, "SIGTERM"),
            with_runtime("io.containerd.runc.v2", typeurl.Any("containerd.runc.v1.Options", b"")),
            with_new_spec(oci.with_default_unix_devices(), *opts),
        )

    def _removed(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.ctr("info debian").stdout)
        self.client.load_container("debian").delete(with_snapshot_cleanup)
        return {key: value for key, value in record.items() if key not in ("CreatedAt", "UpdatedAt")}


@pytest.fixture(params=["companion", "containerd"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    daemon: DaemonProcess = request.getfixturevalue(request.param)
    with connect(daemon, new_namespace()) as client:
        yield Place(daemon.address, client)


USERS: dict[str, tuple[int, int, list[int]]] = {
    "": (0, 0, [0, 50]),
    "alice": (1000, 1001, [1001, 50, 44]),
    "1000": (1000, 1001, [1001, 50, 44]),
    "1000:44": (1000, 44, [50, 44]),
    "alice:staff": (1000, 50, [50, 44]),
    "alice:7": (1000, 7, [7, 50, 44]),
    "1000:staff": (1000, 50, [50, 44]),
    "2000": (2000, 0, [0]),
    "2000:3000": (2000, 3000, [3000]),
    "1000:": (1000, 0, [0, 50, 44]),
    ":44": (0, 44, [44, 50]),
    "+1000": (1000, 1001, [1001, 50, 44]),
    "2147483647": (2147483647, 0, [0]),
}


@pytest.mark.parametrize("user", USERS)
def test_a_user_is_the_same_as_that_of_ctr(user: str, place: Place) -> None:
    image = place.put(LAYER, User=user)
    uid, gid, gids = USERS[user]
    expected = place.by_ctr(image)
    assert user_in(expected) == (uid, gid, gids)
    assert place.by_us(image, with_image_config(image)) == expected


def user_in(record: dict[str, Any]) -> tuple[int, int, list[int]]:
    user = record["Spec"]["process"]["user"]
    return user["uid"], user["gid"], user["additionalGids"]


REFUSED = {
    "nobody": "mount callback failed on {}: no users found",
    "alice:nogrp": "mount callback failed on {}: no groups found",
    "a:b:c": "invalid USER value a:b:c",
    "-1": "mount callback failed on {}: no users found",
    "2147483648": "mount callback failed on {}: no users found",
}


@pytest.mark.parametrize("user", REFUSED)
def test_a_user_is_refused_as_ctr_does(user: str, place: Place) -> None:
    image = place.put(LAYER, User=user)
    outcome = place.ctr(f"create --snapshotter native {image.name} refused")
    assert comparable(outcome.stderr) == f"ctr: {REFUSED[user]}\n"
    with pytest.raises(Error) as caught:
        place.create(image, with_image_config(image))
    assert comparable(str(caught.value)).removesuffix(f": {caught.value.class_text}") == REFUSED[user]


def comparable(text: str) -> str:
    return TEMPORARY.sub("mount callback failed on {}: ", text)


@pytest.mark.parametrize("user", ["", "2000", "2000:3000"])
def test_without_the_files_a_number_will_do(user: str, place: Place) -> None:
    image = place.put(BARE, User=user)
    assert place.by_us(image, with_image_config(image)) == place.by_ctr(image)


@pytest.mark.parametrize("user", ["linked", "7"])
def test_a_link_leads_to_a_file_of_the_image(user: str, place: Place) -> None:
    image = place.put(LAYER, LINKED, User=user)
    expected = place.by_ctr(image)
    assert user_in(expected) == (7, 8, [8])
    assert place.by_us(image, with_image_config(image)) == expected


def test_an_id_that_is_too_large_is_refused_and_cut_by_ctr(place: Place) -> None:
    image = place.put(
        layer({"etc/": "", "etc/passwd": "huge:x:4294967296:4294967303::/:/bin/sh\n"}), User="huge"
    )
    assert user_in(place.by_ctr(image)) == (0, 7, [7])
    with pytest.raises(InvalidArgument, match="4294967296 is no id of a user or group"):
        place.create(image, with_image_config(image))


@pytest.mark.overlayfs
def test_a_user_is_found_in_an_overlay(place: Place) -> None:
    image = place.put(LAYER, LINKED, User="linked")
    image.unpack("overlayfs")
    container = place.client.new_container(
        "debian",
        with_snapshotter("overlayfs"),
        with_new_snapshot("debian", image),
        with_new_spec(with_image_config(image)),
    )
    assert container.spec()["process"]["user"] == {"uid": 7, "gid": 8, "additionalGids": [8]}
    assert str(Path(place.address).parent) not in Path("/proc/self/mountinfo").read_text()


CONFIGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "command": {"Cmd": ["sleep", "100"]},
    "entrypoint": {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", "true"]},
    "environment": {"Env": ["PATH=/bin", "A=1", "B"]},
    "directory": {"WorkingDir": "/srv"},
    "labels": {"Labels": {"a": "1", "io.containerd.image.config.stop-signal": "SIGHUP"}},
    "signal": {"StopSignal": "SIGINT", "Labels": {"a": "1"}},
    "not used": {"Volumes": {"/v": {}}, "ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["NONE"]}},
    "null": {"Env": None, "Cmd": None, "Entrypoint": None, "Labels": None},
}


@pytest.mark.parametrize("config", CONFIGS)
def test_a_container_is_the_same_as_that_of_ctr(config: str, place: Place) -> None:
    image = place.put(LAYER, **CONFIGS[config])
    assert place.by_us(image, with_image_config(image)) == place.by_ctr(image)


def test_variables_of_the_spec_go_before_those_of_the_image(place: Place) -> None:
    image = place.put(LAYER, Env=["A=1", "B=2"])
    expected = place.by_ctr(image, "--env C=3 --env A=9")
    assert expected["Spec"]["process"]["env"] == ["A=9", "B=2", "C=3"]
    assert place.by_us(image, oci.with_env(["C=3", "A=9"]), with_image_config(image)) == expected


def test_arguments_replace_the_command_and_those_of_ctr_the_entrypoint_too(place: Place) -> None:
    image = place.put(LAYER, Entrypoint=["/bin/sh"], Cmd=["-c", "true"])
    record = place.by_us(image, with_image_config_args(image, "-c", "false"))
    assert record["Spec"]["process"]["args"] == ["/bin/sh", "-c", "false"]
    expected = place.by_ctr(image, args="-- sleep 100")
    ours = place.by_us(image, with_image_config(image), oci.with_process_args("sleep", "100"))
    assert ours == expected


def test_a_config_of_another_type_is_refused(place: Place) -> None:
    blobs = images.image(LAYER, config_type="text/plain")
    image = images.put(place.client, "example.com/odd", blobs)
    image.unpack("native")
    outcome = place.ctr(f"create --snapshotter native {image.name} debian")
    assert outcome.stderr == "ctr: unknown image config media type text/plain\n"
    with pytest.raises(Error, match=r"^unknown image config media type text/plain: "):
        place.create(image, with_image_config(image))
