"""Options from the config of an image: what runs, as whom, and in which environment. containerd: oci."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from companion.client.oci.edit import change, put
from companion.client.oci.opts import merged_env, with_process_args, with_process_cwd
from companion.client.oci.root import root_of
from companion.client.oci.spec import Spec, SpecOpt, compose
from companion.client.oci.users import find_user, gids_of, ids_of
from companion.core.containers import Container
from companion.core.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    from companion.client.client import Client
    from companion.client.image import Image

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def with_image_config(image: Image) -> SpecOpt:
    """Run what the image says it is for. containerd: oci.WithImageConfig. As `with_image_config_args`."""
    return with_image_config_args(image)


def with_image_config_args(image: Image, *args: str) -> SpecOpt:
    """Run the image's entrypoint with `args`, by default its command, in its environment, as its user.

    Variables that the spec has already win over the image's. The user is looked up in the container's root
    file system, so `with_new_snapshot` goes before. Raises `NotFound` and `InvalidArgument`, as `with_user`
    does too. containerd: oci.WithImageConfigArgs.
    """

    def opt(client: Client, container: Container, spec: Spec) -> None:
        config = image.spec()
        compose(
            change(lambda env: merged_env(config.env or [_PATH], env), "process", "env"),
            with_process_args(*config.entrypoint, *(args or config.cmd)),
            with_process_cwd(config.working_dir or "/"),
            with_user(config.user),
        )(client, container, spec)

    return opt


def with_user(user: str) -> SpecOpt:
    """Run the process as `user`, written `user[:group]`, each by name or id, and in all groups that list it.

    Names are those of the container's root file system. Without a group it is the one the user begins
    with; without a user too, root's groups are added, and no more.
    Raises `NotFound` for unknown names, `InvalidArgument` for other forms, and as `root_of`.
    containerd: oci.WithUser and oci.WithAdditionalGIDs.
    """

    def opt(client: Client, container: Container, spec: Spec) -> None:
        if user.count(":") > 1:
            raise InvalidArgument(f"invalid USER value {user}")
        with root_of(client, container, spec) as root:
            held = spec.get("process", {}).get("user", {})
            uid, gid = ids_of(root, user) if user else (held.get("uid", 0), held.get("gid", 0))
            gids = _additional_gids(root, uid if user else None)
        found = {"uid": uid, "gid": gid, "additionalGids": gids if gid in gids else [gid, *gids]}
        put(found, "process", "user")(client, container, spec)

    return opt


def _additional_gids(root: Path, uid: int | None) -> list[int]:
    with suppress(NotFound):
        name = "root" if uid is None else find_user(root, lambda user: user.uid == uid).name
        return gids_of(root, name)
    return []
