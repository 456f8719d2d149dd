"""The plugin `diff-service`: asks one differ after another. containerd: plugins/services/diff/local.go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from companion.api.services.diff.v1 import diff_pb2 as pb
from companion.api.types.descriptor_pb2 import Descriptor
from companion.api.types.mount_pb2 import Mount as MountMessage
from companion.clients import DiffClient
from companion.convert import descriptors
from companion.convert import mounts as convert_mounts
from companion.core import content, diff
from companion.core.errors import Unimplemented, raising_grpc
from companion.core.mounts import Mount
from companion.core.trace import traced
from companion.plugin import DIFFER, SERVICE, InitContext, Plugin, register


@traced("local")
class LocalDiffClient(DiffClient):
    """The body of the diff service, behind the interface that its stub has too.

    A differ that does not know a kind of layer leaves it to the next one.
    """

    def __init__(self, differs: Sequence[diff.Service]) -> None:
        self._differs = differs

    def Apply(self, request: pb.ApplyRequest, /) -> pb.ApplyResponse:
        layer, mounts = descriptors.from_message(request.diff), _mounts(request.mounts)
        with raising_grpc():
            return pb.ApplyResponse(applied=self._first(lambda differ: differ.apply(layer, mounts)))

    def Diff(self, request: pb.DiffRequest, /) -> pb.DiffResponse:
        lower, upper = _mounts(request.left), _mounts(request.right)

        def compare(differ: diff.Service) -> content.Descriptor:
            given = dict(request.labels)
            return differ.compare(lower, upper, media_type=request.media_type, ref=request.ref, labels=given)

        with raising_grpc():
            return pb.DiffResponse(diff=self._first(compare))

    def _first(self, work: Callable[[diff.Service], content.Descriptor]) -> Descriptor:
        """Return what the first differ makes that can. Raises the last one's `Unimplemented`."""
        refusal = Unimplemented("no differ")
        for differ in self._differs:
            try:
                return descriptors.to_message(work(differ))
            except Unimplemented as error:
                refusal = error
        raise refusal


def _mounts(messages: Iterable[MountMessage]) -> list[Mount]:
    return [convert_mounts.from_message(message) for message in messages]


def _loaded(name: str, plugin: Plugin | None) -> diff.Service:
    if plugin is None:
        raise RuntimeError(f"needed differ not loaded: {name}")
    try:
        differ = plugin.value()
    except Exception as error:
        text = f"could not load required differ due plugin init error: {name}: {error}"
        raise RuntimeError(text) from error
    if not hasattr(differ, "apply") or not hasattr(differ, "compare"):
        raise RuntimeError(f"differ does not implement Comparer and Applier interface: {name}")
    service: diff.Service = differ
    return service


@register(type=SERVICE, id="diff-service", requires=(DIFFER,), config={"default": ["walking"]})
def init(context: InitContext) -> LocalDiffClient:
    """The plugin `io.containerd.service.v1.diff-service`; `default` names the differs."""
    plugins = context.plugins.by_type(DIFFER)
    return LocalDiffClient([_loaded(name, plugins.get(name)) for name in context.config["default"]])
