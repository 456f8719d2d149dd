"""The remote differ: layers are unpacked and made by the daemon. containerd: core/diff/proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from companion.api.services.diff.v1 import diff_pb2 as pb
from companion.clients import DiffClient
from companion.convert import descriptors
from companion.convert import mounts as convert_mounts
from companion.core import diff
from companion.core.content import Descriptor
from companion.core.errors import raising_classes
from companion.core.mounts import Mount
from companion.core.trace import traced


@traced("remote")
class RemoteDiffService(diff.Service):
    """A shell around a client interface. containerd: proxy.NewDiffApplier."""

    def __init__(self, client: DiffClient) -> None:
        self._client = client

    def apply(self, layer: Descriptor, mounts: Sequence[Mount]) -> Descriptor:
        request = pb.ApplyRequest(
            diff=descriptors.to_message(layer), mounts=map(convert_mounts.to_message, mounts)
        )
        with raising_classes():
            response = self._client.Apply(request)
        return descriptors.from_message(response.applied)

    def compare(
        self,
        lower: Sequence[Mount],
        upper: Sequence[Mount],
        *,
        media_type: str = "",
        ref: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Descriptor:
        request = pb.DiffRequest(
            left=map(convert_mounts.to_message, lower),
            right=map(convert_mounts.to_message, upper),
            media_type=media_type,
            ref=ref,
            labels=labels,
        )
        with raising_classes():
            response = self._client.Diff(request)
        return descriptors.from_message(response.diff)
